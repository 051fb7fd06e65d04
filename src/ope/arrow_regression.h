// SPDX-License-Identifier: Apache-2.0
// The regression of reward_model.h: common coefficients, and a block of own ones for each item.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ope/reward_features.h"
#include "recforce/ope/reward_model.h"

namespace recforce::ope {

struct ArrowFit {
  std::vector<double> common;       // [common_size()]
  std::vector<std::int32_t> items;  // those with a round of positive weight, rising
  std::vector<double> own;          // [items, own_size()]
};

// Fits on the rounds that are listed. REQUIRES: one of positive weight among them. most_kept: of items' blocks, numbers
// that are remembered from looking at the rounds until the step; where there are more they are made twice.
ArrowFit FitArrow(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
                  RewardLaw law, std::span<const std::int64_t> listed, std::size_t most_kept = std::size_t{1} << 24U);

}  // namespace recforce::ope
