// SPDX-License-Identifier: Apache-2.0
// The paper's two simulations (Chen et al. 2019, section 6.1): one state, a softmax policy with a logit for each item,
// a log of another policy. Small enough for exact gradients, and with fixed points that can be written down.
#pragma once

#include <cstdint>
#include <vector>

#include "algos/topk_reinforce/correction.h"

namespace recforce::algos {

struct Bandit {
  std::vector<double> reward;  // [I] of a click
  std::vector<double> beta;    // [I] probability that the log shows the item
};
Bandit OffPolicyBandit();  // section 6.1.1: rewards 1 .. 10, the log prefers the worst items: beta_i = (11 - i) / 55
Bandit TopKBandit();       // section 6.1.2: rewards 10, 9, 1, ..., 1, a uniform log

struct BanditOptions {
  Correction correction = {.top_k = 1, .cap = 0.0};
  double learning_rate = 0.1;
  std::int64_t steps = 10000;
  std::int64_t batch = 0;  // actions of the log in a step; 0: the exact expected gradient
  double decay = 0.0;      // the rate of step t is learning_rate / (1 + decay t / steps)
  std::uint64_t seed = 1;
  // The update as section 6.1.2 prints it: every logit moves by its own item's weight, in place of the logged one's.
  bool as_printed = false;
};

// The policy after so many steps of the gradient from a uniform start, [I]. Exact gradients of kSeed take the
// expectation over the drawn action, too.
std::vector<double> LearnBandit(const Bandit& bandit, const BanditOptions& options);

// Expected reward of showing `k` independent draws of which each distinct item counts once: sum r (1 - (1 - pi)^k).
double SetValue(const Bandit& bandit, const std::vector<double>& policy, std::int64_t k);

// Where learning ends, in closed form:
// what SetValue is highest for, pi_i = max(0, 1 - (mu / (k r_i))^(1 / (k - 1))), mu such that the sum is 1; for k = 1
// all of it on the best item.
std::vector<double> BestSetPolicy(const Bandit& bandit, std::int64_t k);
// Without correction, and as_printed for any k: pi_i = r_i beta_i / sum.
std::vector<double> UncorrectedPolicy(const Bandit& bandit);
// With capped weights, k = 1: pi_i = cap beta_i r_i / S for items with r_i >= S, the rest on one item.
std::vector<double> CappedPolicy(const Bandit& bandit, double cap);
// kRatioClip, k = 1: pi_i = cap beta_i from the best item down until the sum is 1.
std::vector<double> RatioClippedPolicy(const Bandit& bandit, double cap);

}  // namespace recforce::algos
