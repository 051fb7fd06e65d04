// SPDX-License-Identifier: Apache-2.0
// Model predictive control: a policy that is given the world and tries slates out before it shows one.
#pragma once

#include <cstdint>
#include <memory>

#include "recforce/config/field_table.h"
#include "recforce/core/environment.h"
#include "recforce/core/slate_policy.h"

namespace recforce::sim {

struct MpcConfig {
  std::int64_t horizon = 5;     // slates that a future has, the candidate's included
  std::int64_t rollouts = 16;   // futures of each candidate
  std::int64_t candidates = 8;  // slates that are tried
};
const config::FieldTable& MpcFields();

// The rollout algorithm (Bertsekas, "Rollout, Policy Iteration, and Distributed Reinforcement Learning", 2020): each
// candidate is shown to copies of the user, whom `base` serves from then on. Candidates are the slate of `base`, the
// greedy one (SlateSearch::Greedy), the k items of the largest rewards, and these three in turn with one to k random
// places filled by random items, as is a candidate that another equals. All of them meet the same random futures
// (Episodes::Fork with one seed). The candidate of the largest mean discounted reward is shown if its mean gain over
// the slate of `base` exceeds two standard errors of that difference; else noise would make the plan worse than no
// plan. The first step's reward enters by its expectation. Copies know what Episodes know, hidden state of users
// included.
//
// A decision costs candidates * rollouts steps of the environment, and (horizon - 1) times as many together with as
// many decisions of `base`. What `environment` says of items and choice is kept, and no reference to it.
std::unique_ptr<core::SlatePolicy> MakeMpcPolicy(const core::Environment& environment, const MpcConfig& config,
                                                 double discount, std::shared_ptr<const core::SlatePolicy> base);

}  // namespace recforce::sim
