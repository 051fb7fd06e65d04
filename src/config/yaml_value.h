// SPDX-License-Identifier: Apache-2.0
// A YAML document as plain values that remember their place. The only header by which YAML comes into the program.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recforce::config {

struct YamlValue {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;              // of a scalar
  std::vector<YamlValue> keys;   // of a map, in the order of the file
  std::vector<YamlValue> items;  // of a list; of a map, parallel to keys
  int line = 0;                  // from 1; 0: unknown
  int column = 0;

  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }
  [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
  [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
  // The value of a map's entry, or null.
  [[nodiscard]] const YamlValue* Find(std::string_view key) const;
};

// "file:line:column", or as much of it as is known.
std::string PlaceOf(const std::string& path, const YamlValue& value, bool with_column = true);

// The one document of the file, a null when it is empty. Error(Usage) with the place: no such file, not UTF-8, not
// YAML, several documents, or more of it than any configuration needs.
YamlValue ReadYaml(const std::string& path);

}  // namespace recforce::config
