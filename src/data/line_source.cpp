// SPDX-License-Identifier: Apache-2.0
// Decoded bytes to lines, and what their bytes are worth.
#include "data/line_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kChunkBytes = std::size_t{1} << 16;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

LineSource LineSource::Open(const std::filesystem::path& path) { return {OpenBytes(path), path.string()}; }

LineSource LineSource::FromMemory(std::string_view bytes, std::string name) {
  auto decoded = MemoryBytes(bytes, name);
  return {std::move(decoded), std::move(name)};
}

LineSource::LineSource(std::unique_ptr<ByteSource> bytes, std::string name)
    : bytes_(std::move(bytes)), name_(std::move(name)), buffer_(kChunkBytes) {}

void LineSource::FailTooLong() const {
  const std::string_view line(buffer_.data() + begin_, end_ - begin_);
  const bool has_return = line.find('\r') < kMaxLineBytes;
  throw Error(ErrorKind::kData, name_ + ":" + std::to_string(line_number_ + 1) +
                                    ":1: line is too long: " + Quoted(line) + "; expected at most " +
                                    base::FormatCount(static_cast<std::int64_t>(kMaxLineBytes)) + " bytes a line" +
                                    (has_return ? ", which end in \\n or \\r\\n, not in \\r alone" : ""));
}

void LineSource::Refill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    buffer_.resize(buffer_.size() * 2);
  }
  const std::size_t got = bytes_->Read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  at_end_ = got == 0;
}

std::optional<std::string_view> LineSource::Next() {
  if (peeked_) {
    return std::exchange(peeked_, std::nullopt);
  }
  return Read();
}

std::optional<std::string_view> LineSource::Peek() {
  while (!peeked_ || IsBlank(*peeked_)) {
    peeked_ = Read();
    if (!peeked_) {
      break;
    }
  }
  return peeked_;
}

std::string_view LineSource::PeekLines(std::size_t bytes) {
  if (peeked_ || line_number_ == 0) {
    return {};
  }
  while (!at_end_ && end_ - begin_ < bytes) {
    Refill();
  }
  const std::string_view ahead(buffer_.data() + begin_, end_ - begin_);
  return at_end_ ? ahead : ahead.substr(0, ahead.rfind('\n') + 1);  // npos + 1 is 0
}

void LineSource::Skip(std::size_t bytes, std::int64_t lines) {
  begin_ += bytes;
  scanned_ = begin_;
  consumed_ += static_cast<std::int64_t>(bytes);
  line_number_ += lines;
}

std::optional<std::string_view> LineSource::Read() {
  std::size_t line_end = 0;
  std::size_t next_begin = 0;
  while (true) {
    const char* newline = end_ > scanned_
                              ? static_cast<const char*>(std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_))
                              : nullptr;
    if (newline != nullptr) {
      line_end = static_cast<std::size_t>(newline - buffer_.data());
      next_begin = line_end + 1;
      break;
    }
    scanned_ = end_;
    if (at_end_) {
      if (begin_ == end_) {
        return std::nullopt;
      }
      line_end = next_begin = end_;
      break;
    }
    if (end_ - begin_ > kMaxLineBytes + 8) {  // room for a byte order mark and the end of the line
      FailTooLong();
    }
    Refill();
  }
  std::string_view line(buffer_.data() + begin_, line_end - begin_);
  had_return_ = !line.empty() && line.back() == '\r';
  if (had_return_) {
    line.remove_suffix(1);
  }
  if (line_number_ == 0 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (line.size() > kMaxLineBytes) {
    FailTooLong();
  }
  consumed_ += static_cast<std::int64_t>(next_begin - begin_);
  begin_ = scanned_ = next_begin;
  ++line_number_;
  return line;
}

void RefuseLoneReturns(const LineSource& source, std::string_view first_line) {
  const std::size_t found = first_line.find('\r');
  // In quotes it is content; more of them before "\n" are odd, but each line is one.
  if (found == std::string_view::npos || first_line.find('"') < found ||
      first_line.find_first_not_of('\r', found) == std::string_view::npos) {
    return;
  }
  throw Error(ErrorKind::kData, source.name() + ":" + std::to_string(source.line_number()) + ":" +
                                    std::to_string(found + 1) + ": line ends in \\r alone: " + Quoted(first_line) +
                                    "; expected \\n or \\r\\n: convert it with tr '\\r' '\\n'");
}

std::optional<TextFault> FindTextFault(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  std::size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + i, sizeof(word));
      // A high bit in `word` is not ASCII; one in word - kOnes appears where a byte is zero.
      if (((word | (word - kOnes)) & kHighs) == 0) {
        i += sizeof(word);
        continue;
      }
    }
    if (text[i] == '\0') {
      return TextFault{i, true};
    }
    const std::size_t bytes = base::Utf8Bytes(text.substr(i));
    if (bytes == 0) {
      return TextFault{i, false};
    }
    i += bytes;
  }
  return std::nullopt;
}

std::string Latin1ToUtf8(std::string_view text) {
  std::string utf8;
  utf8.reserve(text.size() + 8);
  for (const char character : text) {
    const auto code = static_cast<unsigned char>(character);
    if (code < 0x80) {
      utf8.push_back(character);
    } else {
      utf8.push_back(static_cast<char>(0xC0U | (code >> 6U)));
      utf8.push_back(static_cast<char>(0x80U | (code & 0x3FU)));
    }
  }
  return utf8;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string quoted = "'";
  std::size_t i = 0;
  while (i < text.size() && i < kShown) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t bytes = base::Utf8Bytes(text.substr(i));
    if (byte == '\t') {
      quoted += "\\t";
    } else if (bytes == 0 || byte < 0x20 || byte == 0x7F) {
      quoted += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    } else {
      quoted += text.substr(i, bytes);
    }
    i += std::max<std::size_t>(bytes, 1);
  }
  return quoted + (i < text.size() ? "...'" : "'");
}

}  // namespace recforce::data
