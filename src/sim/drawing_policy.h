// SPDX-License-Identifier: Apache-2.0
// Slates of which some places are certain and the others drawn, with exact probabilities (core/served_slate.h): what a
// policy whose log is to be learnt from shows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "recforce/config/field_table.h"
#include "recforce/core/recommender.h"
#include "recforce/core/served_slate.h"
#include "recforce/core/slate_policy.h"

namespace recforce::sim {

struct ServingConfig {
  double greedy = 0.0;
  std::int64_t candidates = 0;  // 0: all items
  double temperature = 1.0;

  [[nodiscard]] core::ServingRule rule() const;
};
const config::FieldTable& ServingFields();

// Scores of a recommender are the logits; users and `repeats` as in ScoreUsers (sim/score_users.h). Choose:
// Error(Usage) for more places than there are items.
std::unique_ptr<core::SlatePolicy> MakeDrawingPolicy(std::shared_ptr<const core::Recommender> recommender, bool repeats,
                                                     core::ServingRule rule);
// The same logits for everybody. [I]
std::unique_ptr<core::SlatePolicy> MakeDrawingPolicy(std::vector<float> logits, core::ServingRule rule);

}  // namespace recforce::sim
