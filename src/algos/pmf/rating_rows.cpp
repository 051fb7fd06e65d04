// SPDX-License-Identifier: Apache-2.0
#include "algos/pmf/rating_rows.h"

namespace recforce::algos {

ItemRatings::ItemRatings(const RatingRows& by_user, std::int64_t num_items) {
  users.offsets.assign(static_cast<std::size_t>(num_items) + 1, 0);
  for (std::int64_t user = 0; user < by_user.rows.rows(); ++user) {
    for (const std::int32_t item : by_user.rows.row(user)) {
      ++users.offsets[static_cast<std::size_t>(item) + 1];
    }
  }
  for (std::size_t item = 1; item < users.offsets.size(); ++item) {
    users.offsets[item] += users.offsets[item - 1];
  }
  users.items.resize(static_cast<std::size_t>(users.offsets.back()));
  values.resize(users.items.size());
  std::vector<std::int64_t> next(users.offsets.begin(), users.offsets.end() - 1);
  for (std::int64_t user = 0; user < by_user.rows.rows(); ++user) {
    const RatingSolver::Ratings row = by_user.Row(user, 0.0);
    for (std::size_t k = 0; k < row.rows.size(); ++k) {
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(row.rows[k])]++);
      users.items[at] = static_cast<std::int32_t>(user);
      values[at] = row.values[k];
    }
  }
}

}  // namespace recforce::algos
