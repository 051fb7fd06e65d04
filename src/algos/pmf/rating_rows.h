// SPDX-License-Identifier: Apache-2.0
// The ratings of a log, by user and by item.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algos/pmf/rating_solver.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

struct RatingRows {
  data::CsrView rows;
  std::span<const float> values;  // parallel to rows.items

  [[nodiscard]] RatingSolver::Ratings Row(std::int64_t row, double mean) const {
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    const std::span<const std::int32_t> others = rows.row(row);
    return {.rows = others, .values = values.subspan(first, others.size()), .mean = mean};
  }
};

// The same ratings by item, each item's in the order of the users.
struct ItemRatings {
  ItemRatings(const RatingRows& by_user, std::int64_t num_items);

  data::Csr users;            // [I]
  std::vector<float> values;  // parallel to users.items

  [[nodiscard]] RatingRows view() const { return {users.view(), values}; }
};

}  // namespace recforce::algos
