// SPDX-License-Identifier: Apache-2.0
// Tries a policy on users of an environment, and says what it brought. Users come in batches, so that memory does not
// grow with their number; what happens to one does not depend on the others of its batch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/base/stop_flag.h"
#include "recforce/core/environment.h"
#include "recforce/core/slate_policy.h"

namespace recforce::sim {

struct SimulationPlan {
  std::int64_t users = 2000;
  std::int64_t horizon = 20;  // slates shown to a user who stays
  std::int64_t slate = 3;     // items shown at once
  std::uint64_t seed = 1;
  double discount = 0.9;
  std::int64_t first_user = 0;  // users are called first_user, first_user + 1, ..
  std::int64_t batch = 4096;    // users at once, fewer where the catalogue is large
  std::int64_t memory = 0;      // clicks of a user that episodes show at least, whatever the policy reads
};

// What happened, user by user: U users, I items.
struct Outcome {
  std::vector<double> reward;      // [U] sum over the user's steps
  std::vector<double> discounted;  // [U] the same, step t weighing discount^t
  std::vector<std::int32_t> clicks;
  std::vector<std::int32_t> steps;    // slates that the user was shown
  std::vector<std::uint8_t> left;     // 1: gone before the horizon, or with its last slate
  std::vector<std::int64_t> shown;    // [I] how often an item stood in a slate
  std::vector<std::int64_t> clicked;  // [I] how often it was clicked
};

// A step of a batch, for whoever keeps what happened.
struct ShownStep {
  std::int64_t first = 0;  // place of the batch's first user among those of the plan
  std::int64_t step = 0;
  base::MatrixView<const std::int32_t> slates;  // [B, k]
  std::span<const std::int32_t> clicked;        // [B] place in the slate, -1: none
  std::span<const float> reward;                // [B] of the click, 0 where none was
  std::span<const std::uint8_t> absent;         // [B] 1: had left before, and was shown nothing
};

struct SimulationHooks {
  // What is about to be shown to whom; on_step tells what came of it.
  std::function<void(const core::Episodes&, base::MatrixView<const std::int32_t> slates)> on_choice = {};
  std::function<void(const ShownStep&)> on_step = {};
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // users, after each batch
  const base::StopFlag* stop = nullptr;
};

// Error(Usage): a slate of more items than there are. Error(Interrupted): stopped.
Outcome Simulate(const core::Environment& environment, const core::SlatePolicy& policy, const SimulationPlan& plan,
                 const SimulationHooks& hooks = {});

// How often each item is clicked when slates are random, which shows every item equally often. [I]
std::vector<std::int64_t> ClicksUnderRandom(const core::Environment& environment, const SimulationPlan& plan,
                                            const base::StopFlag* stop = nullptr);

// A mean over users and half of its 95 % interval: 1.96 standard errors, as if it were normally distributed. The
// interval is 0 for a single user. It is over users of one environment and one seed; another training run or another
// environment is not in it.
struct Estimate {
  double mean = 0.0;
  double half_width95 = 0.0;
};
Estimate MeanOf(std::span<const double> values);

struct OutcomeSummary {
  Estimate reward_per_step;  // reward / horizon: a user who leaves early brings nothing afterwards
  Estimate reward_per_user;  // the sum
  Estimate discounted_return;
  Estimate click_rate;  // clicks / slates shown, over all users; the interval is that of a ratio of means
  Estimate share_left;
  double coverage = 0.0;           // share of the items that were shown at all
  double gini = 0.0;               // of how often items were shown: 0 all equally often
  std::optional<Estimate> regret;  // the optimum minus the discounted return
};
// `optimum`: Environment::Optimum.
OutcomeSummary Summarize(const Outcome& outcome, const SimulationPlan& plan, std::optional<double> optimum);

// How much more `a` brought than `b` to the same users, who drew the same random numbers under both.
struct OutcomeDifference {
  Estimate reward_per_user;
  Estimate discounted_return;
  Estimate clicks_per_user;
};
// REQUIRES: outcomes of one plan.
OutcomeDifference Compare(const Outcome& a, const Outcome& b);

}  // namespace recforce::sim
