// SPDX-License-Identifier: Apache-2.0
// A JSON value with all that is in it, for lines whose nested parts matter. Where only a few outermost fields do,
// json_reader.h is lighter.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace recforce::data {

struct JsonTree {
  enum class Kind { kNull, kBool, kNumber, kText, kArray, kObject };

  Kind kind = Kind::kNull;
  bool boolean = false;
  double number = 0.0;             // finite
  std::string text;                // of kText; of a whole number its digits, of another "" (several texts are the same)
  std::vector<JsonTree> values;    // of kArray and kObject
  std::vector<std::string> names;  // of kObject, parallel to values

  [[nodiscard]] bool IsNull() const { return kind == Kind::kNull; }
  [[nodiscard]] bool IsNumber() const { return kind == Kind::kNumber; }
  [[nodiscard]] bool IsArray() const { return kind == Kind::kArray; }
  [[nodiscard]] bool IsObject() const { return kind == Kind::kObject; }
  // A member of an object: the last of its name; nullptr where there is none or it is null.
  [[nodiscard]] const JsonTree* Find(std::string_view name) const;
  // The text of an id: text that is not empty and holds no NUL byte, or a whole number; nothing for all else.
  [[nodiscard]] std::optional<std::string_view> Id() const;
};

inline constexpr int kMaxJsonDepth = 64;

// The value that a text is; nothing when it is none or is nested more than kMaxJsonDepth deep.
std::optional<JsonTree> ParseJsonTree(std::string_view text);

// Appends a text as JSON, with its quotes. REQUIRES: UTF-8.
void AppendJsonText(std::string_view text, std::string& out);
// The shortest decimal that reads back to the same number. REQUIRES: finite.
void AppendJsonNumber(double value, std::string& out);
void AppendJsonNumber(float value, std::string& out);

}  // namespace recforce::data
