// SPDX-License-Identifier: Apache-2.0
// The regression of reward_model.h: common coefficients, and a block of own ones for each item.
#pragma once

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

// Fits on the rounds that are listed. REQUIRES: one of positive weight among them.
ArrowFit FitArrow(const RewardRounds& rounds, const RewardFeatures& features, const RewardModelOptions& options,
                  RewardLaw law, std::span<const std::int64_t> listed);

}  // namespace recforce::ope
