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
  std::int64_t rollouts = 8;    // futures of each candidate
  std::int64_t candidates = 8;  // slates that are tried
};
const config::FieldTable& MpcFields();

// Candidates are the greedy slate (SlateSearch::Greedy), the k items of the largest rewards, and these two in turn with
// one to k random places filled by random items. Each is shown to copies of the user, who then meet the greedy policy;
// all candidates meet the same random futures (Episodes::Fork with one seed). The one of the largest mean discounted
// reward is shown, the earlier among equals; the reward of its first step enters by its expectation.
// Copies know what Episodes know, hidden state of users included.
// A decision costs candidates * rollouts * horizon steps of the environment, and about as many decisions of the greedy
// policy. `environment`: what it says of items and choice is kept, and no reference.
std::unique_ptr<core::SlatePolicy> MakeMpcPolicy(const core::Environment& environment, const MpcConfig& config,
                                                 double discount);

}  // namespace recforce::sim
