// SPDX-License-Identifier: Apache-2.0
// Lines that are JSON objects, to the few fields of them that a reader wants. No tree is built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_source.h"
#include "data/record_reader.h"

namespace recforce::data {

struct JsonField {
  enum class Kind {
    kMissing,  // or null
    kText,
    kNumber,
    kOther,  // true, false, an object or an array
  };
  Kind kind = Kind::kMissing;
  std::string text;        // of kText and kNumber: the text without its escapes, the number as it is written
  std::size_t offset = 0;  // in the row, of the value
};

// Not thread-safe. Views are valid until the next call of Next(). Blank lines are skipped. Of a name that stands twice
// in an object the last value counts, as JSON parsers do it.
class JsonReader {
 public:
  using Status = RecordReader::Status;

  // `names`: the top-level fields to look for.
  JsonReader(LineSource& source, std::vector<std::string> names);

  // kBad: the line is no text or no JSON object; fault() says why.
  Status Next();
  [[nodiscard]] const std::string& fault() const { return fault_; }

  [[nodiscard]] const std::string& field_name(std::size_t index) const { return names_[index]; }
  [[nodiscard]] const JsonField& field(std::size_t index) const { return fields_[index]; }
  // What stands in the row: the text or number, or the JSON of anything else; the row of a missing field.
  [[nodiscard]] std::string_view Found(std::size_t index) const;
  // `file:line:column` of a field's value, of the row for a missing one.
  [[nodiscard]] std::string Where(std::size_t index) const;
  [[nodiscard]] std::string_view row() const { return row_; }
  [[nodiscard]] const std::string& name() const { return source_.name(); }
  [[nodiscard]] std::int64_t line_number() const { return source_.line_number(); }

 private:
  LineSource& source_;
  std::vector<std::string> names_;
  std::vector<JsonField> fields_;
  std::string_view row_;
  std::string fault_;
};

// The top-level names of a line that is a JSON object, in order. Error(Data) when it is none; `where` is `file:line`.
std::vector<std::string> JsonNames(std::string_view line, const std::string& where);

}  // namespace recforce::data
