// SPDX-License-Identifier: Apache-2.0
// Users whose state is the item that they clicked last, small enough to be solved exactly: what the best policy, a
// given one and a random one are worth. The yardstick of learnt policies (Chen et al., ICML 2019, section 4).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/core/choice.h"

namespace recforce::sim {

// A slate a state and what each state is then worth.
struct SolvedSlates {
  std::vector<std::int32_t> slates;  // [S, k], items ascending
  std::vector<double> value;         // [S]
};

// States 0 .. I - 1: the item clicked last; state I: none yet. Immutable and thread-safe; uses base::ParallelFor.
//   Q(s, A) = sum over a in A of p(a | s, A) (r(s, a) + discount V(a))  +  p(nothing | s, A) discount V(s)
// Functions that go through all C(I, k) slates of all states throw Error(Usage) where these are more than kMostSlates,
// and where k is not in 1 .. I. Infinite horizons REQUIRE 0 <= discount < 1.
class TabularProblem {
 public:
  static constexpr double kMostSlates = 2e7;

  // rewards: [S, I]; a user's utility for an item is the reward of its click.
  TabularProblem(std::int64_t num_items, core::ChoiceRule choice, std::vector<float> rewards);

  [[nodiscard]] std::int64_t num_items() const { return num_items_; }       // I
  [[nodiscard]] std::int64_t num_states() const { return num_items_ + 1; }  // S
  [[nodiscard]] const core::ChoiceRule& choice() const { return choice_; }
  [[nodiscard]] std::span<const float> rewards(std::int64_t state) const;  // [I]
  // C(I, k) S.
  [[nodiscard]] double NumSlates(std::int64_t k) const;

  // Q(s, A) where states are worth `value` [S] afterwards.
  [[nodiscard]] double SlateValue(std::int64_t state, std::span<const std::int32_t> slate,
                                  std::span<const double> value, double discount) const;
  // The slates of the largest Q, and that Q; of equal ones the first in lexicographic order.
  [[nodiscard]] SolvedSlates BestSlates(std::int64_t k, std::span<const double> value, double discount) const;
  // Q^{j*}(s, a_1 .. a_j): the largest Q(s, A) over slates of k items that hold `prefix`, which has at most k. The
  // arg-maxes of these, one after the other, are the best slate.
  [[nodiscard]] double PrefixValue(std::int64_t state, std::span<const std::int32_t> prefix, std::int64_t k,
                                   std::span<const double> value, double discount) const;

  // The best slates for ever, by policy iteration (Howard 1960), to rounding.
  [[nodiscard]] SolvedSlates Solve(std::int64_t k, double discount) const;
  // The slates of the largest expected reward of one step, with what they are worth for ever.
  [[nodiscard]] SolvedSlates SolveMyopic(std::int64_t k, double discount) const;
  // What always showing these slates [S, k] is worth. [S]
  [[nodiscard]] std::vector<double> ValueOf(base::MatrixView<const std::int32_t> slates, double discount) const;
  // What showing k uniformly random distinct items is worth. [S]
  [[nodiscard]] std::vector<double> ValueOfRandom(std::int64_t k, double discount) const;
  // The largest expected discounted reward of `horizon` steps. [S]. Any discount >= 0.
  [[nodiscard]] std::vector<double> OptimalReturn(std::int64_t k, std::int64_t horizon, double discount) const;

 private:
  struct Chain;
  struct Odds;

  void RequireFewSlates(std::int64_t k) const;
  [[nodiscard]] const Odds& Look(std::int64_t state, std::span<const std::int32_t> slate) const;
  void AddSlate(std::int64_t state, std::span<const std::int32_t> slate, double weight, Chain& chain) const;

  std::int64_t num_items_;
  core::ChoiceRule choice_;
  std::vector<float> rewards_;  // [S, I]
};

// How many k-subsets n things have, exact up to 2^53. REQUIRES: 0 <= k <= n.
double CountSubsets(std::int64_t n, std::int64_t k);
// Calls body with each k-subset of 0 .. n - 1, ascending, in lexicographic order. REQUIRES: 0 <= k <= n.
void ForEachSubset(std::int64_t n, std::int64_t k, const std::function<void(std::span<const std::int32_t>)>& body);

}  // namespace recforce::sim
