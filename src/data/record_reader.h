// SPDX-License-Identifier: Apache-2.0
// Lines to rows of fields: split at a separator, or CSV after RFC 4180, where a quoted field may hold separators,
// doubled quotes and ends of lines. Knows the line and column where each field begins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_source.h"

namespace recforce::data {

struct RecordStyle {
  std::string separator;  // one or more bytes
  bool quotes = false;    // RFC 4180; a quote inside a field that does not begin with one is an ordinary byte
  bool latin1 = false;    // a row that is not UTF-8 is read as latin-1
};

// Not thread-safe. Views are valid until the next call of Next(). Lines of nothing but blanks and
// tabs are skipped: a row has several columns, and none of them could be an id.
class RecordReader {
 public:
  enum class Status { kRow, kBad, kEnd };

  RecordReader(LineSource& source, RecordStyle style);

  // kBad: the row cannot be split or is not text; fault() says why. Error(Data) where nothing after the row can be
  // trusted: a quote that is never closed, a record longer than kMaxLineBytes.
  Status Next();
  [[nodiscard]] const std::string& fault() const { return fault_; }

  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  [[nodiscard]] std::string_view field(std::size_t index) const { return fields_[index].text; }
  [[nodiscard]] std::string_view row() const { return row_; }
  // `file:line:column` of the first byte of a field; index size() is where the next field would begin.
  [[nodiscard]] std::string Where(std::size_t index) const;
  [[nodiscard]] const RecordStyle& style() const { return style_; }
  [[nodiscard]] const std::string& name() const { return source_.name(); }
  [[nodiscard]] std::int64_t line_number() const { return first_line_; }

 private:
  struct Field {
    std::size_t begin;  // in row_
    std::size_t end;
    bool quoted;
    std::string_view text;  // set when the row is whole
  };

  Status Fail(std::size_t offset, const std::string& what);
  [[nodiscard]] std::string WhereOffset(std::size_t offset) const;
  void SplitPlain();
  Status SplitQuoted();
  // Moves `position` behind the closing quote of the field that begins there.
  void SkipQuoted(std::size_t& position);
  void AppendLine(std::size_t open_quote);
  void Unquote();

  LineSource& source_;
  RecordStyle style_;
  std::string_view row_;
  std::string joined_;                     // row_ when it spans several lines
  std::string unquoted_;                   // texts of fields with doubled quotes
  std::string converted_;                  // row_ when it was latin-1
  std::vector<std::size_t> line_offsets_;  // in row_, of the second and later lines
  std::vector<Field> fields_;
  std::int64_t first_line_ = 0;
  std::string fault_;
};

}  // namespace recforce::data
