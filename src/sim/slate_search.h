// SPDX-License-Identifier: Apache-2.0
// Slates that bring most at once: the expected reward V(A) = sum over a in A of phi(a | A) r(a), where the law of
// choice phi is known, and the slates of k items that make it large. What users do later does not count here.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "recforce/core/choice.h"

namespace recforce::sim {

// Subsets that an exact search may go through for one user; 80 items have 82,160 slates of three.
inline constexpr std::int64_t kMostSubsets = 100000;

// Searches for one user at a time; reuses its memory. Not thread-safe, one per thread. All spans over items are [I]; a
// slate has at most I places. A utility of -infinity is never chosen.
class SlateSearch {
 public:
  explicit SlateSearch(const core::ChoiceRule& rule) : rule_(rule) {}

  // V of some items. 0 where nothing can be chosen.
  double Value(std::span<const float> utilities, std::span<const float> rewards, std::span<const std::int32_t> slate);

  // Adds the item that raises V most (or lowers it least) until the slate is full; the lower index among equals.
  // With softmax O(k I), else k I evaluations of the law. Items stand in the order of being added.
  void Greedy(std::span<const float> utilities, std::span<const float> rewards, std::span<std::int32_t> slate);

  // A slate of the largest V there is, up to rounding; items with the largest phi r first. With softmax V is a ratio of
  // two sums over items, so Dinkelbach's method finds the best slate in a few passes over the items ("On Nonlinear
  // Fractional Programming", Management Science 13(7), 1967), however many slates there are. The other laws, and
  // softmax over items that are always chosen from and whose utilities differ by more than doubles can weigh, are
  // enumerated: Error(Usage) beyond kMostSubsets.
  void Exact(std::span<const float> utilities, std::span<const float> rewards, std::span<std::int32_t> slate);

 private:
  // Fills slate_utilities_, slate_rewards_ and shares_.
  void Look(std::span<const float> utilities, std::span<const float> rewards, std::span<const std::int32_t> slate);
  // Fills weights_ and outside_; false where some slates would weigh nothing.
  bool Weigh(std::span<const float> utilities);
  void GreedyByWeights(std::span<const float> rewards, std::span<std::int32_t> slate);
  void GreedyByValues(std::span<const float> utilities, std::span<const float> rewards, std::span<std::int32_t> slate);
  void Dinkelbach(std::span<const float> rewards, std::span<std::int32_t> slate);
  void Enumerate(std::span<const float> utilities, std::span<const float> rewards, std::span<std::int32_t> slate);
  [[nodiscard]] double ValueByWeights(std::span<const float> rewards, std::span<const std::int32_t> slate) const;
  void SortByShare(std::span<const float> utilities, std::span<const float> rewards, std::span<std::int32_t> slate);

  core::ChoiceRule rule_;
  std::vector<double> weights_;  // [I] exp(utility - the largest)
  double outside_ = 0.0;         // the weight of choosing nothing
  std::vector<double> gains_;    // [I]
  std::vector<std::int32_t> order_;
  std::vector<float> slate_utilities_;
  std::vector<float> slate_rewards_;
  std::vector<double> shares_;  // phi of a slate's items
  std::vector<std::pair<double, std::int32_t>> ranked_;
};

}  // namespace recforce::sim
