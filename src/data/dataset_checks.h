// SPDX-License-Identifier: Apache-2.0
// What the columns of a dataset may hold; asked before they are written and whenever they are opened.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "recforce/data/csr.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

inline bool InRange(std::span<const std::int32_t> indices, std::int64_t size) {
  return std::all_of(indices.begin(), indices.end(), [&](std::int32_t index) { return index >= 0 && index < size; });
}
inline bool ArePart(std::span<const std::uint8_t> parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [](std::uint8_t part) { return part <= static_cast<std::uint8_t>(Part::kInput); });
}
inline bool AreClicks(std::span<const std::uint8_t> clicked) {
  return std::all_of(clicked.begin(), clicked.end(), [](std::uint8_t click) { return click <= 1; });
}
inline bool AreContexts(std::span<const std::int32_t> contexts, std::int64_t names) {
  return std::all_of(contexts.begin(), contexts.end(), [names](std::int32_t c) { return c >= -1 && c < names; });
}
inline bool ArePropensities(std::span<const float> propensities) {
  return std::all_of(propensities.begin(), propensities.end(), [](float p) { return p > 0.0F && p <= 1.0F; });
}

// A row of `rows` and an item that stands twice in it, or nothing. REQUIRES: items in [0, num_items).
inline std::optional<std::pair<std::int64_t, std::int32_t>> FindRepeat(CsrView rows, std::int64_t num_items) {
  std::vector<std::int64_t> last_row(static_cast<std::size_t>(num_items), -1);
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    for (const std::int32_t item : rows.row(row)) {
      std::int64_t& last = last_row[static_cast<std::size_t>(item)];
      if (last == row) {
        return std::pair(row, item);
      }
      last = row;
    }
  }
  return std::nullopt;
}

}  // namespace recforce::data
