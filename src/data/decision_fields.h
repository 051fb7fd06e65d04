// SPDX-License-Identifier: Apache-2.0
// Typed access to the fields of a line of JSON. What is wrong with one is a LineFault, which the reader of the line
// catches and counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/json_reader.h"
#include "data/json_tree.h"

namespace recforce::data {

struct LineFault {
  std::string message;
};

// Refers to its arguments, and gives views into `tree`.
class Fields {
 public:
  // `names`: those that `reader` looks for; `tree`: its row.
  Fields(const JsonReader& reader, const std::vector<std::string>& names, const JsonTree& tree)
      : reader_(reader), names_(names), tree_(tree) {}

  // nullptr where there is none or it is null.
  [[nodiscard]] const JsonTree* Find(std::string_view name) const { return tree_.Find(name); }
  // `found` stands for what is in the row.
  [[noreturn]] void Fail(std::string_view name, const std::string& what, const std::string& expected,
                         const std::optional<std::string>& found = std::nullopt) const;

  // An id; "" for what is missing or empty.
  [[nodiscard]] std::string_view Text(std::string_view name) const;
  [[nodiscard]] std::string_view IdOf(std::string_view name, const JsonTree& value) const;
  // Arrays are empty where they are missing.
  [[nodiscard]] std::vector<std::string_view> Ids(std::string_view name) const;
  [[nodiscard]] const std::vector<JsonTree>& Array(std::string_view name, const std::string& expected) const;
  [[nodiscard]] double NumberOf(std::string_view name, const JsonTree& value) const;
  [[nodiscard]] std::vector<float> Floats(std::string_view name, const std::vector<JsonTree>& values) const;
  // A number in (0, 1].
  [[nodiscard]] double PropensityOf(std::string_view name, const JsonTree& value) const;
  // A number in [0, 1].
  [[nodiscard]] double ProbabilityOf(std::string_view name, const JsonTree& value) const;
  // A number in [0, 1); 0 when it is missing.
  [[nodiscard]] double Share(std::string_view name) const;
  // Seconds or a date; nothing when it is missing.
  [[nodiscard]] std::optional<std::int64_t> Time(std::string_view name) const;
  void CheckLength(std::string_view name, std::size_t length, std::size_t wanted, const std::string& as) const;

 private:
  const JsonReader& reader_;
  const std::vector<std::string>& names_;
  const JsonTree& tree_;
};

}  // namespace recforce::data
