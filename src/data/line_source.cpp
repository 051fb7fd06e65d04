// SPDX-License-Identifier: Apache-2.0
// Plain and gzipped bytes to lines. Gzip is inflated here rather than with zlib's gzread(), which does not tell a
// truncated file from a whole one in every case.
#include "data/line_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kChunkBytes = std::size_t{1} << 16;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(const std::filesystem::path& path) : name_(path.string()) {
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) {
      const ErrorKind kind = errno == ENOENT ? ErrorKind::kUsage : ErrorKind::kIo;
      throw Error(kind, name_ + ": cannot be opened: " + std::strerror(errno));
    }
  }
  ~FileBytes() override { ::close(descriptor_); }
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::size_t Read(char* out, std::size_t size) override {
    while (true) {
      const ssize_t got = ::read(descriptor_, out, size);
      if (got >= 0) {
        return static_cast<std::size_t>(got);
      }
      if (errno != EINTR) {
        throw Error(ErrorKind::kIo, name_ + ": cannot be read: " + std::strerror(errno));
      }
    }
  }

 private:
  std::string name_;
  int descriptor_ = -1;
};

class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::string_view bytes) : bytes_(bytes) {}
  std::size_t Read(char* out, std::size_t size) override {
    const std::size_t got = bytes_.copy(out, size);
    bytes_.remove_prefix(got);
    return got;
  }

 private:
  std::string_view bytes_;
};

// Gives back the first bytes that were read to see what the input is, then the rest.
class PeekedBytes final : public ByteSource {
 public:
  explicit PeekedBytes(std::unique_ptr<ByteSource> rest) : rest_(std::move(rest)) {
    while (head_.size() < kGzipMagic.size()) {
      char byte = 0;
      if (rest_->Read(&byte, 1) == 0) {
        break;
      }
      head_.push_back(byte);
    }
  }
  [[nodiscard]] bool is_gzip() const { return head_ == kGzipMagic; }
  std::size_t Read(char* out, std::size_t size) override {
    if (given_ < head_.size()) {
      const std::size_t got = head_.copy(out, size, given_);
      given_ += got;
      return got;
    }
    return rest_->Read(out, size);
  }

 private:
  std::unique_ptr<ByteSource> rest_;
  std::string head_;
  std::size_t given_ = 0;
};

// One or more gzip members after each other; zero bytes after the last are padding.
class GzipBytes final : public ByteSource {
 public:
  GzipBytes(std::unique_ptr<ByteSource> source, std::string name) : source_(std::move(source)), name_(std::move(name)) {
    // 15 bits of window as every gzip writer uses, + 16 to accept gzip headers and check their CRC.
    RECFORCE_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK, "zlib starts");
  }
  ~GzipBytes() override { inflateEnd(&stream_); }
  GzipBytes(const GzipBytes&) = delete;
  GzipBytes& operator=(const GzipBytes&) = delete;

  std::size_t Read(char* out, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, kChunkBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (stream_.avail_in == 0 && !FillInput()) {
        if (inside_member_) {
          throw Error(ErrorKind::kData, name_ + ": gzip data ends early after " + base::FormatCount(text_bytes_) +
                                            " bytes of text; the file is truncated, fetch it again");
        }
        return 0;
      }
      if (inside_member_ || StartMember()) {
        Inflate();
      }
    }
    const std::size_t got = wanted - stream_.avail_out;
    text_bytes_ += static_cast<std::int64_t>(got);
    return got;
  }

 private:
  bool FillInput() {
    const std::size_t got = source_->Read(input_.data(), input_.size());
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(got);
    return got > 0;
  }

  // Skips padding; true when another member begins.
  bool StartMember() {
    while (stream_.avail_in > 0 && *stream_.next_in == 0) {
      ++stream_.next_in;
      --stream_.avail_in;
    }
    if (stream_.avail_in == 0) {
      return false;
    }
    inside_member_ = true;
    return inflateReset(&stream_) == Z_OK;
  }

  void Inflate() {
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      inside_member_ = false;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw Error(ErrorKind::kData,
                  name_ + ": gzip data is corrupt: " + (stream_.msg != nullptr ? stream_.msg : "unknown reason") +
                      "; fetch the file again");
    }
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::vector<char> input_ = std::vector<char>(kChunkBytes);
  z_stream stream_{};
  bool inside_member_ = true;
  std::int64_t text_bytes_ = 0;
};

std::unique_ptr<ByteSource> Decode(std::unique_ptr<ByteSource> raw, const std::string& name) {
  auto peeked = std::make_unique<PeekedBytes>(std::move(raw));
  if (peeked->is_gzip()) {
    return std::make_unique<GzipBytes>(std::move(peeked), name);
  }
  return peeked;
}

// Bytes of the UTF-8 character at the start of `text`, 0 when there is none (RFC 3629).
std::size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF) {
    return follows(1) ? 2 : 0;
  }
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

}  // namespace

LineSource LineSource::Open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw Error(ErrorKind::kUsage, path.string() + ": is a folder; expected a file");
  }
  auto bytes = Decode(std::make_unique<FileBytes>(path), path.string());
  if (path.extension() == ".gz" && dynamic_cast<GzipBytes*>(bytes.get()) == nullptr) {
    throw Error(ErrorKind::kData, path.string() +
                                      ": is not gzip data in spite of its name; expected it to begin "
                                      "with the bytes 1f 8b");
  }
  return {std::move(bytes), path.string()};
}

LineSource LineSource::FromMemory(std::string_view bytes, std::string name) {
  auto decoded = Decode(std::make_unique<MemoryBytes>(bytes), name);
  return {std::move(decoded), std::move(name)};
}

LineSource::LineSource(std::unique_ptr<ByteSource> bytes, std::string name)
    : bytes_(std::move(bytes)), name_(std::move(name)), buffer_(kChunkBytes) {}

void LineSource::FailTooLong() const {
  throw Error(ErrorKind::kData, name_ + ":" + std::to_string(line_number_ + 1) + ":1: line is too long: " +
                                    Quoted({buffer_.data() + begin_, end_ - begin_}) + "; expected at most " +
                                    base::FormatCount(static_cast<std::int64_t>(kMaxLineBytes)) + " bytes a line");
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
  while (!peeked_ || peeked_->empty()) {
    peeked_ = Read();
    if (!peeked_) {
      break;
    }
  }
  return peeked_;
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
  if (!line.empty() && line.back() == '\r') {
    line.remove_suffix(1);
  }
  if (line_number_ == 0 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (line.size() > kMaxLineBytes) {
    FailTooLong();
  }
  begin_ = scanned_ = next_begin;
  ++line_number_;
  return line;
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
    const std::size_t bytes = CharacterBytes(text.substr(i));
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
    const std::size_t bytes = CharacterBytes(text.substr(i));
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
