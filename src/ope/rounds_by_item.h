// SPDX-License-Identifier: Apache-2.0
// Rounds in the order of their items, which is how a regression with a block for each item looks at them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "recforce/ope/reward_model.h"

namespace recforce::ope {

// Those of positive weight among the listed. Rewards and weights lie in the same order: reading them where they are
// would miss the cache at every round.
struct RoundsByItem {
  RoundsByItem(const RewardRounds& rounds, std::span<const std::int64_t> listed);

  [[nodiscard]] double WeightAt(std::size_t at) const { return weight.empty() ? 1.0 : weight[at]; }

  std::vector<std::int32_t> items;  // that have a round, rising
  std::vector<std::size_t> begins;  // of each item in `order`, and the end
  std::vector<std::int64_t> order;  // rounds, of an item as listed
  std::vector<double> reward;       // of `order`
  std::vector<double> weight;       // of `order`, or empty: all 1
};

}  // namespace recforce::ope
