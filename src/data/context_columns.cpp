// SPDX-License-Identifier: Apache-2.0
// Rows are kept sparse until all columns are known.
#include "data/context_columns.h"

#include <algorithm>
#include <cmath>

namespace recforce::data {

void ContextColumns::AddNumber(std::string_view name, float value) { row_.push_back({std::string(name), value}); }

void ContextColumns::AddCategory(std::string_view name, std::string_view category) {
  row_.push_back({std::string(name).append("=").append(category), 1.0F});
}

void ContextColumns::EndRow() {
  for (const Feature& feature : row_) {
    const std::int32_t column = columns_.Add(feature.column);
    counts_.resize(static_cast<std::size_t>(columns_.size()));
    ++counts_[static_cast<std::size_t>(column)];
    entries_.push_back({column, feature.value});
  }
  ends_.push_back(entries_.size());
  row_.clear();
}

ContextColumns::Dense ContextColumns::Finish(std::int64_t most) const {
  std::vector<std::int32_t> kept = columns_.InOrder();
  const auto width = std::min(kept.size(), static_cast<std::size_t>(std::max<std::int64_t>(most, 0)));
  Dense dense;
  dense.left_out = static_cast<std::int64_t>(kept.size() - width);
  if (dense.left_out > 0) {
    std::stable_sort(kept.begin(), kept.end(), [&](std::int32_t a, std::int32_t b) {
      return counts_[static_cast<std::size_t>(a)] > counts_[static_cast<std::size_t>(b)];
    });
    kept.resize(width);
    std::sort(kept.begin(), kept.end(), [&](std::int32_t a, std::int32_t b) { return columns_[a] < columns_[b]; });
  }
  std::vector<std::int64_t> place(counts_.size(), -1);
  for (const std::int32_t column : kept) {
    place[static_cast<std::size_t>(column)] = static_cast<std::int64_t>(dense.names.size());
    dense.names.emplace_back(columns_[column]);
  }
  dense.values.assign(ends_.size() * width, 0.0F);
  std::size_t begin = 0;
  for (std::size_t row = 0; row < ends_.size(); ++row) {
    for (std::size_t i = begin; i < ends_[row]; ++i) {
      const std::int64_t at = place[static_cast<std::size_t>(entries_[i].column)];
      if (at >= 0) {
        float& value = dense.values[row * width + static_cast<std::size_t>(at)];
        const float sum = value + entries_[i].value;
        value = std::isfinite(sum) ? sum : value;
      }
    }
    begin = ends_[row];
  }
  return dense;
}

}  // namespace recforce::data
