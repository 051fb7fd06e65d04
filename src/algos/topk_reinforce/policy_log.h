// SPDX-License-Identifier: Apache-2.0
// A log as the policy gradient reads it: what the state is made of, what was decided from each state, and what came of
// it. Zero-reward events do not move the state (Chen et al. 2019).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/trainer.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

struct ReturnOptions {
  bool use_values = true;        // the log's values are rewards, where it has them; else every event has reward 1
  double clip = 0.0;             // rewards are at most this; 0: as they are
  double discount = 0.9;         // a step: from one event of the user to the next
  double horizon_seconds = 0.0;  // later events do not count; 0: all do
  // Returns of items that the user did not have in the last novelty_days days (0: ever) are multiplied by this, which
  // rewards what is new to a user (Chen et al., "Values of User Exploration in Recommender Systems", RecSys 2021,
  // with items in place of topics).
  double novelty_boost = 1.0;
  double novelty_days = 0.0;
};

struct PolicyLog {
  // [users] what goes into the state: the start, which is the number of items, then every event of positive reward, in
  // time order, then the start again, so that what follows the last event has a place in lanes.
  data::Csr inputs;
  std::vector<std::int64_t> offsets;  // [inputs + 1]: decisions made from the state after an input
  std::vector<std::int32_t> item;     // [D] decided
  std::vector<float> ret;             // [D] discounted return to go; 0 where the event brought nothing itself
  std::vector<std::int32_t> context;  // [D] of the request, -1: not known; empty: the log has none
  std::vector<float> log_propensity;  // [D] natural logarithm of the logged propensity; empty: the log has none
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(item.size()); }
  [[nodiscard]] std::int64_t rewarded() const;  // decisions with a return
};

// R_t = 1[r_t > 0] sum over t' >= t, inside the horizon, of discount^(t' - t) r_t'. Error(Data): a reward below 0 or no
// number, a propensity that is no probability; Error(Usage): a horizon without times.
PolicyLog MakePolicyLog(const core::TrainView& view, const ReturnOptions& options);

}  // namespace recforce::algos
