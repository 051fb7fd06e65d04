// SPDX-License-Identifier: Apache-2.0
#include "sim/slate_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/solve.h"

namespace recforce::sim {
namespace {

constexpr double kLowest = -std::numeric_limits<double>::infinity();

// exp(-kWidest) and its products with rewards are still normal doubles.
constexpr double kWidest = 600.0;

// Dinkelbach's values rise superlinearly: a dozen passes are many, and each stops by itself when nothing rises.
constexpr int kMostPasses = 100;

}  // namespace

void SlateSearch::Look(std::span<const float> utilities, std::span<const float> rewards,
                       std::span<const std::int32_t> slate) {
  slate_utilities_.clear();
  slate_rewards_.clear();
  for (const std::int32_t item : slate) {
    slate_utilities_.push_back(utilities[static_cast<std::size_t>(item)]);
    slate_rewards_.push_back(rewards[static_cast<std::size_t>(item)]);
  }
  shares_.assign(slate.size(), 0.0);
  if (rule_.no_click ||
      std::any_of(slate_utilities_.begin(), slate_utilities_.end(), [](float u) { return std::isfinite(u); })) {
    (void)core::ChoiceProbabilities(rule_, slate_utilities_, shares_);
  }
}

double SlateSearch::Value(std::span<const float> utilities, std::span<const float> rewards,
                          std::span<const std::int32_t> slate) {
  Look(utilities, rewards, slate);
  double value = 0.0;
  for (std::size_t i = 0; i < slate.size(); ++i) {
    // An item that is never chosen may have any reward, infinity included.
    value += shares_[i] > 0.0 ? shares_[i] * static_cast<double>(slate_rewards_[i]) : 0.0;
  }
  return value;
}

bool SlateSearch::Weigh(std::span<const float> utilities) {
  const double nothing = rule_.no_click ? static_cast<double>(*rule_.no_click) : kLowest;
  double top = nothing;
  double bottom = std::numeric_limits<double>::infinity();
  for (const float u : utilities) {
    top = std::max(top, static_cast<double>(u));
    bottom = std::isfinite(u) ? std::min(bottom, static_cast<double>(u)) : bottom;
  }
  // A slate weighs at least what choosing nothing does.
  if (!std::isfinite(top) || top - std::max(nothing, bottom) > kWidest) {
    return false;
  }
  weights_.resize(utilities.size());
  for (std::size_t i = 0; i < utilities.size(); ++i) {
    weights_[i] = std::exp(static_cast<double>(utilities[i]) - top);
  }
  outside_ = rule_.no_click ? std::exp(nothing - top) : 0.0;
  return true;
}

double SlateSearch::ValueByWeights(std::span<const float> rewards, std::span<const std::int32_t> slate) const {
  double sum = 0.0;
  double weight = outside_;
  for (const std::int32_t item : slate) {
    const auto i = static_cast<std::size_t>(item);
    sum += weights_[i] > 0.0 ? weights_[i] * static_cast<double>(rewards[i]) : 0.0;
    weight += weights_[i];
  }
  return weight > 0.0 ? sum / weight : 0.0;
}

void SlateSearch::GreedyByWeights(std::span<const float> rewards, std::span<std::int32_t> slate) {
  gains_.resize(weights_.size());
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    gains_[i] = weights_[i] * static_cast<double>(rewards[i]);
  }
  double sum = 0.0;
  double weight = outside_;
  for (std::int32_t& place : slate) {
    double best = kLowest;
    std::int32_t best_item = -1;
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      const double together = weight + weights_[i];
      const double value = together > 0.0 ? (sum + gains_[i]) / together : gains_[i];
      if (value > best) {
        best = value;
        best_item = static_cast<std::int32_t>(i);
      }
    }
    RECFORCE_CHECK(best_item >= 0, "more places than items, or rewards that are no numbers");
    place = best_item;
    const auto taken = static_cast<std::size_t>(best_item);
    sum += gains_[taken];
    weight += weights_[taken];
    gains_[taken] = kLowest;  // never again
  }
}

void SlateSearch::GreedyByValues(std::span<const float> utilities, std::span<const float> rewards,
                                 std::span<std::int32_t> slate) {
  for (std::size_t filled = 0; filled < slate.size(); ++filled) {
    double best = kLowest;
    std::int32_t best_item = -1;
    for (std::size_t i = 0; i < utilities.size(); ++i) {
      const auto item = static_cast<std::int32_t>(i);
      const std::span<std::int32_t> before = slate.first(filled);
      if (std::find(before.begin(), before.end(), item) != before.end()) {
        continue;
      }
      slate[filled] = item;
      if (const double value = Value(utilities, rewards, slate.first(filled + 1)); value > best) {
        best = value;
        best_item = item;
      }
    }
    RECFORCE_CHECK(best_item >= 0, "more places than items, or rewards that are no numbers");
    slate[filled] = best_item;
  }
}

void SlateSearch::Greedy(std::span<const float> utilities, std::span<const float> rewards,
                         std::span<std::int32_t> slate) {
  if (rule_.law == core::ChoiceLaw::kSoftmax && Weigh(utilities)) {
    GreedyByWeights(rewards, slate);
  } else {
    GreedyByValues(utilities, rewards, slate);
  }
}

// V(A) >= v exactly when the sum over A of w (r - v) is at least v times the weight of choosing nothing, so the k items
// with the largest w (r - v) improve on v until v is the largest value that there is.
void SlateSearch::Dinkelbach(std::span<const float> rewards, std::span<std::int32_t> slate) {
  GreedyByWeights(rewards, slate);
  double value = ValueByWeights(rewards, slate);
  order_.resize(weights_.size());
  const auto end = order_.begin() + static_cast<std::ptrdiff_t>(slate.size());
  for (int pass = 0; pass < kMostPasses; ++pass) {
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      gains_[i] = weights_[i] * (static_cast<double>(rewards[i]) - value);
    }
    std::iota(order_.begin(), order_.end(), 0);
    std::partial_sort(order_.begin(), end, order_.end(), [this](std::int32_t a, std::int32_t b) {
      const double gain_a = gains_[static_cast<std::size_t>(a)];
      const double gain_b = gains_[static_cast<std::size_t>(b)];
      return gain_a != gain_b ? gain_a > gain_b : a < b;
    });
    const std::span<const std::int32_t> better(order_.data(), slate.size());
    const double raised = ValueByWeights(rewards, better);
    if (raised <= value) {
      return;
    }
    value = raised;
    std::copy(better.begin(), better.end(), slate.begin());
  }
}

void SlateSearch::Enumerate(std::span<const float> utilities, std::span<const float> rewards,
                            std::span<std::int32_t> slate) {
  const auto items = static_cast<std::int64_t>(utilities.size());
  const auto k = static_cast<std::int64_t>(slate.size());
  if (CountSubsets(items, k) > static_cast<double>(kMostSubsets)) {
    throw base::Error(base::ErrorKind::kUsage, "exact slates: too many to try them all: " + std::to_string(k) + " of " +
                                                   std::to_string(items) + " items; expected at most " +
                                                   base::FormatCount(kMostSubsets) +
                                                   " slates for this law of choice. use greedy");
  }
  double best = kLowest;
  ForEachSubset(items, k, [&](std::span<const std::int32_t> subset) {
    if (const double value = Value(utilities, rewards, subset); value > best) {
      best = value;
      std::copy(subset.begin(), subset.end(), slate.begin());
    }
  });
}

void SlateSearch::SortByShare(std::span<const float> utilities, std::span<const float> rewards,
                              std::span<std::int32_t> slate) {
  std::sort(slate.begin(), slate.end());
  Look(utilities, rewards, slate);
  ranked_.clear();
  for (std::size_t i = 0; i < slate.size(); ++i) {
    ranked_.emplace_back(-shares_[i] * static_cast<double>(slate_rewards_[i]), slate[i]);
  }
  std::sort(ranked_.begin(), ranked_.end());
  std::transform(ranked_.begin(), ranked_.end(), slate.begin(), [](const auto& pair) { return pair.second; });
}

void SlateSearch::Exact(std::span<const float> utilities, std::span<const float> rewards,
                        std::span<std::int32_t> slate) {
  if (rule_.law == core::ChoiceLaw::kSoftmax && Weigh(utilities)) {
    Dinkelbach(rewards, slate);
  } else {
    Enumerate(utilities, rewards, slate);
  }
  SortByShare(utilities, rewards, slate);
}

}  // namespace recforce::sim
