// SPDX-License-Identifier: Apache-2.0
// One pass of the JSON parser over each line, with callbacks instead of a tree.
#include "data/json_reader.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/word_reader.h"
#include "recforce/base/error.h"

namespace recforce::data {
namespace {

using Json = nlohmann::json;

// Walks over a line and leaves word of how far the parser has read, which its callbacks do not say.
class Walker {
 public:
  // NOLINTBEGIN(readability-identifier-naming): the names are std::iterator_traits's
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  // NOLINTEND(readability-identifier-naming)

  Walker(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  Walker& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  bool operator==(const Walker& other) const { return at_ == other.at_; }
  bool operator!=(const Walker& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Callbacks of the parser: names and values of the outermost object only.
class TopLevel {
 public:
  using Key = std::function<bool(const std::string& name)>;  // false: its value is of no interest
  using Value = std::function<void(JsonField::Kind kind, std::string text, std::size_t offset)>;

  TopLevel(std::string_view line, Key on_key, Value on_value)
      : line_(line), on_key_(std::move(on_key)), on_value_(std::move(on_value)) {}

  // 0 when the line is one object, else the column of what is wrong.
  std::size_t Parse() {
    reached_ = line_.data();
    const bool whole = Json::sax_parse(Walker(line_.data(), &reached_), Walker(line_.data() + line_.size(), &reached_),
                                       this, nlohmann::detail::input_format_t::json, true);
    return whole ? 0 : std::clamp<std::size_t>(error_column_, 1, line_.size() + 1);
  }

  // The interface of the parser; false stops it.
  // NOLINTBEGIN(readability-identifier-naming)
  bool null() { return Scalar(JsonField::Kind::kMissing, {}); }
  bool boolean(bool /*value*/) { return Scalar(JsonField::Kind::kOther, {}); }
  // What has no sign comes to number_unsigned(), so that 0 here was written -0.
  bool number_integer(std::int64_t value) {
    return Scalar(JsonField::Kind::kNumber, value == 0 ? "-0" : std::to_string(value));
  }
  bool number_unsigned(std::uint64_t value) { return Scalar(JsonField::Kind::kNumber, std::to_string(value)); }
  bool number_float(double /*value*/, const std::string& text) { return Scalar(JsonField::Kind::kNumber, text); }
  bool string(std::string& text) { return Scalar(JsonField::Kind::kText, std::move(text)); }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(std::size_t /*size*/) {
    if (depth_ > 0) {
      Open();
    }
    ++depth_;
    return true;
  }
  bool start_array(std::size_t /*size*/) { return depth_ > 0 && (Open(), ++depth_, true); }
  bool end_object() { return --depth_, true; }
  bool end_array() { return --depth_, true; }
  bool key(std::string& name) {
    if (depth_ == 1) {
      wanted_ = on_key_(name);
      offset_ = wanted_ ? ValueOffset() : 0;
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/, const Json::exception& /*error*/) {
    error_column_ = position;
    return false;
  }
  // NOLINTEND(readability-identifier-naming)

 private:
  // Where the value begins: the parser stands behind the closing quote of the name.
  [[nodiscard]] std::size_t ValueOffset() const {
    const std::size_t found = line_.find_first_not_of(" \t:", static_cast<std::size_t>(reached_ - line_.data()));
    return std::min(found, line_.size());
  }
  bool Scalar(JsonField::Kind kind, std::string text) {
    if (depth_ == 1 && wanted_) {
      on_value_(kind, std::move(text), offset_);
    }
    return depth_ > 0;
  }
  void Open() {
    if (depth_ == 1 && wanted_) {
      on_value_(JsonField::Kind::kOther, {}, offset_);
    }
  }

  std::string_view line_;
  Key on_key_;
  Value on_value_;
  const char* reached_ = nullptr;
  int depth_ = 0;
  bool wanted_ = false;
  std::size_t offset_ = 0;
  std::size_t error_column_ = 1;
};

std::string NotAnObject(const std::string& where, std::size_t column, std::string_view line) {
  return where + ":" + std::to_string(column) + ": row is not a JSON object: " + Quoted(line) +
         "; expected one object a line";
}

std::string AtLine(const LineSource& source) { return source.name() + ":" + std::to_string(source.line_number()); }

}  // namespace

JsonReader::JsonReader(LineSource& source, std::vector<std::string> names)
    : source_(source), names_(std::move(names)), fields_(names_.size()) {}

JsonReader::Status JsonReader::Next() {
  std::optional<std::string_view> line = source_.Next();
  while (line && IsBlank(*line)) {
    line = source_.Next();
  }
  if (!line) {
    return Status::kEnd;
  }
  row_ = *line;
  for (JsonField& field : fields_) {
    field.kind = JsonField::Kind::kMissing;
  }
  if (const std::optional<TextFault> fault = FindTextFault(row_)) {
    fault_ = AtLine(source_) + ":" + std::to_string(fault->offset + 1) + ": " + DescribeTextFault(*fault, row_);
    return Status::kBad;
  }
  std::size_t wanted = 0;
  const std::size_t column = TopLevel(
                                 row_,
                                 [&](const std::string& name) {
                                   const auto found = std::find(names_.begin(), names_.end(), name);
                                   wanted = static_cast<std::size_t>(found - names_.begin());
                                   return found != names_.end();
                                 },
                                 [&](JsonField::Kind kind, std::string text, std::size_t offset) {
                                   fields_[wanted] = {kind, std::move(text), offset};
                                 })
                                 .Parse();
  if (column != 0) {
    fault_ = NotAnObject(AtLine(source_), column, row_);
    return Status::kBad;
  }
  return Status::kRow;
}

std::string_view JsonReader::Found(std::size_t index) const {
  const JsonField& field = fields_[index];
  switch (field.kind) {
    case JsonField::Kind::kMissing:
      return row_;
    case JsonField::Kind::kOther:
      return row_.substr(field.offset);
    case JsonField::Kind::kText:
    case JsonField::Kind::kNumber:
      break;
  }
  return field.text;
}

std::string JsonReader::Where(std::size_t index) const {
  const JsonField& field = fields_[index];
  const std::size_t offset = field.kind == JsonField::Kind::kMissing ? 0 : field.offset;
  return AtLine(source_) + ":" + std::to_string(offset + 1);
}

std::vector<std::string> JsonNames(std::string_view line, const std::string& where) {
  if (const std::optional<TextFault> fault = FindTextFault(line)) {
    throw base::Error(base::ErrorKind::kData,
                      where + ":" + std::to_string(fault->offset + 1) + ": " + DescribeTextFault(*fault, line));
  }
  std::vector<std::string> names;
  const std::size_t column = TopLevel(
                                 line,
                                 [&](const std::string& name) {
                                   names.push_back(name);
                                   return false;
                                 },
                                 [](JsonField::Kind, const std::string&, std::size_t) {})
                                 .Parse();
  if (column != 0) {
    throw base::Error(base::ErrorKind::kData, NotAnObject(where, column, line));
  }
  return names;
}

}  // namespace recforce::data
