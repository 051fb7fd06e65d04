// SPDX-License-Identifier: Apache-2.0
// Named features of rows, numbers and categories, to a dense matrix: a category is a column of its own that is 1 where
// the row has it. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/id_table.h"

namespace recforce::data {

class ContextColumns {
 public:
  // Features of the row at hand; a feature that is added twice to a row counts as the sum.
  void AddNumber(std::string_view name, float value);
  void AddCategory(std::string_view name, std::string_view category);  // the column "name=category"
  // The row is whole. A row that is dropped instead leaves no column behind.
  void EndRow();
  void DropRow() { row_.clear(); }

  struct Dense {
    std::vector<std::string> names;  // [d] in bytewise order
    std::vector<float> values;       // [rows, d]
    std::int64_t left_out = 0;       // columns
  };
  // Of more than `most` columns those stay that most rows have; of equally frequent ones the first by name.
  [[nodiscard]] Dense Finish(std::int64_t most) const;

 private:
  struct Feature {
    std::string column;
    float value;
  };
  struct Entry {
    std::int32_t column;
    float value;
  };

  std::vector<Feature> row_;
  IdTable columns_;
  std::vector<std::int64_t> counts_;  // by column
  std::vector<Entry> entries_;
  std::vector<std::size_t> ends_;  // of rows, in entries_
};

}  // namespace recforce::data
