// SPDX-License-Identifier: Apache-2.0
// Splitting rows without a heap allocation a row.
#include "data/record_reader.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {

RecordReader::RecordReader(LineSource& source, RecordStyle style) : source_(source), style_(std::move(style)) {}

RecordReader::Status RecordReader::Next() {
  std::optional<std::string_view> line = source_.Next();
  while (line && IsBlank(*line)) {
    line = source_.Next();
  }
  fields_.clear();
  line_offsets_.clear();
  if (!line) {
    return Status::kEnd;
  }
  row_ = *line;
  first_line_ = source_.line_number();
  if (style_.quotes && row_.find('"') != std::string_view::npos) {
    if (SplitQuoted() == Status::kBad) {
      return Status::kBad;
    }
  }
  std::optional<TextFault> text_fault = FindTextFault(row_);
  if (text_fault && !text_fault->is_nul && style_.latin1) {
    const std::size_t nul = row_.find('\0');
    text_fault = nul == std::string_view::npos ? std::nullopt : std::optional(TextFault{nul, true});
    if (!text_fault) {
      converted_ = Latin1ToUtf8(row_);
      row_ = converted_;
    }
  }
  if (text_fault) {
    return Fail(text_fault->offset, text_fault->is_nul
                                        ? "row holds a NUL byte: " + Quoted(row_) + "; expected text"
                                        : "row is not UTF-8: " + Quoted(row_) + "; convert the file to UTF-8");
  }
  if (fields_.empty()) {
    SplitPlain();
  } else {
    Unquote();
  }
  return Status::kRow;
}

RecordReader::Status RecordReader::Fail(std::size_t offset, const std::string& what) {
  fault_ = WhereOffset(offset) + ": " + what;
  return Status::kBad;
}

std::string RecordReader::WhereOffset(std::size_t offset) const {
  if (row_.data() == converted_.data()) {  // each character was one byte in the file
    const auto continues = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; };
    offset -= static_cast<std::size_t>(
        std::count_if(row_.begin(), row_.begin() + static_cast<std::ptrdiff_t>(offset), continues));
  }
  const auto next = std::upper_bound(line_offsets_.begin(), line_offsets_.end(), offset);
  const std::size_t line_begin = next == line_offsets_.begin() ? 0 : *(next - 1);
  return source_.name() + ":" + std::to_string(first_line_ + (next - line_offsets_.begin())) + ":" +
         std::to_string(offset - line_begin + 1);
}

std::string RecordReader::Where(std::size_t index) const {
  return WhereOffset(index < fields_.size() ? fields_[index].begin : row_.size());
}

void RecordReader::SplitPlain() {
  std::size_t begin = 0;
  while (true) {
    const std::size_t found = row_.find(style_.separator, begin);
    const std::size_t end = found == std::string_view::npos ? row_.size() : found;
    fields_.push_back({begin, end, false, row_.substr(begin, end - begin)});
    if (found == std::string_view::npos) {
      return;
    }
    begin = end + style_.separator.size();
  }
}

RecordReader::Status RecordReader::SplitQuoted() {
  std::size_t position = 0;
  while (true) {
    const std::size_t begin = position;
    const bool quoted = position < row_.size() && row_[position] == '"';
    if (quoted) {
      SkipQuoted(position);
      if (position < row_.size() && row_.compare(position, style_.separator.size(), style_.separator) != 0) {
        return Fail(position, "text after a closing quote: " + Quoted(row_.substr(begin)) +
                                  "; expected a separator, and quotes inside a quoted field doubled");
      }
    } else {
      position = std::min(row_.find(style_.separator, position), row_.size());
    }
    fields_.push_back({begin, position, quoted, {}});
    if (position == row_.size()) {
      return Status::kRow;
    }
    position += style_.separator.size();
  }
}

void RecordReader::SkipQuoted(std::size_t& position) {
  const std::size_t open_quote = position++;
  while (true) {
    const std::size_t quote = row_.find('"', position);
    if (quote == std::string_view::npos) {
      position = row_.size();
      AppendLine(open_quote);
    } else if (quote + 1 < row_.size() && row_[quote + 1] == '"') {
      position = quote + 2;
    } else {
      position = quote + 1;
      return;
    }
  }
}

void RecordReader::AppendLine(std::size_t open_quote) {
  if (line_offsets_.empty()) {
    joined_ = row_;
    row_ = joined_;  // the line ends its life with the next one
  }
  const bool had_return = source_.had_return();
  const std::optional<std::string_view> line = source_.Next();
  if (!line || joined_.size() + line->size() >= kMaxLineBytes) {
    throw base::Error(base::ErrorKind::kData,
                      WhereOffset(open_quote) + ": quote is not closed: " + Quoted(row_.substr(open_quote)) +
                          "; expected a closing quote within " +
                          base::FormatCount(static_cast<std::int64_t>(kMaxLineBytes)) + " bytes");
  }
  joined_ += had_return ? "\r\n" : "\n";
  line_offsets_.push_back(joined_.size());
  joined_ += *line;
  row_ = joined_;
}

void RecordReader::Unquote() {
  unquoted_.clear();
  unquoted_.reserve(row_.size());  // so that views into it stay valid
  for (Field& field : fields_) {
    if (!field.quoted) {
      field.text = row_.substr(field.begin, field.end - field.begin);
      continue;
    }
    const std::string_view inner = row_.substr(field.begin + 1, field.end - field.begin - 2);
    if (inner.find('"') == std::string_view::npos) {
      field.text = inner;
      continue;
    }
    const std::size_t start = unquoted_.size();
    for (std::size_t i = 0; i < inner.size(); i += inner[i] == '"' ? 2 : 1) {
      unquoted_.push_back(inner[i]);
    }
    field.text = std::string_view(unquoted_).substr(start);
  }
}

}  // namespace recforce::data
