// SPDX-License-Identifier: Apache-2.0
#include "recforce/core/served_slate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::core {
namespace {

struct Candidate {
  std::int32_t item;
  double logit;  // over temperature
};

// The best M, best first.
std::vector<Candidate> BestOf(const ServingRule& rule, std::span<const float> logits, std::size_t slate) {
  RECFORCE_CHECK(rule.temperature > 0.0 && rule.greedy >= 0.0 && rule.greedy <= 1.0, "a serving rule out of range");
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const std::size_t count =
      std::min(order.size(), std::max(slate, static_cast<std::size_t>(std::max<std::int64_t>(0, rule.candidates))));
  const auto better = [&](std::int32_t a, std::int32_t b) {
    const float left = logits[static_cast<std::size_t>(a)];
    const float right = logits[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
  std::vector<Candidate> best;
  for (std::size_t at = 0; at < count; ++at) {
    const double logit = static_cast<double>(logits[static_cast<std::size_t>(order[at])]) / rule.temperature;
    if (std::isfinite(logit)) {
      best.push_back({order[at], logit});
    }
  }
  return best;
}

double LogSum(const std::vector<Candidate>& candidates, std::size_t from) {
  double top = -std::numeric_limits<double>::infinity();
  for (std::size_t at = from; at < candidates.size(); ++at) {
    top = std::max(top, candidates[at].logit);
  }
  double sum = 0.0;
  for (std::size_t at = from; at < candidates.size(); ++at) {
    sum += std::exp(candidates[at].logit - top);
  }
  return top + std::log(sum);
}

// Probability of the item at place `place` of what is left, which it is then moved to the front of.
double Take(std::vector<Candidate>& left, std::size_t place, std::size_t at) {
  const double probability = std::exp(left[at].logit - LogSum(left, place));
  std::swap(left[place], left[at]);
  return std::min(1.0, probability);
}

}  // namespace

void ServeSlate(const ServingRule& rule, std::span<const float> logits, base::Rng& rng, std::span<std::int32_t> slate,
                std::span<double> propensity) {
  std::vector<Candidate> left = BestOf(rule, logits, slate.size());
  RECFORCE_CHECK(left.size() >= slate.size(), "too few items for the slate");
  const auto certain = static_cast<std::size_t>(rule.certain(static_cast<std::int64_t>(slate.size())));
  for (std::size_t place = 0; place < certain; ++place) {
    slate[place] = left[place].item;
  }
  // Logits with noise, largest first, are draws one after the other.
  std::vector<std::pair<double, std::int32_t>> noisy;
  for (std::size_t at = certain; at < left.size(); ++at) {
    noisy.emplace_back(left[at].logit - std::log(-std::log(rng.Uniform())), left[at].item);
  }
  const std::size_t drawn = slate.size() - certain;
  std::partial_sort(
      noisy.begin(), noisy.begin() + static_cast<std::ptrdiff_t>(drawn), noisy.end(),
      [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  for (std::size_t at = 0; at < drawn; ++at) {
    slate[certain + at] = noisy[at].second;
  }
  if (!propensity.empty()) {
    SlatePropensities(rule, logits, slate, propensity);
  }
}

void SlatePropensities(const ServingRule& rule, std::span<const float> logits, std::span<const std::int32_t> slate,
                       std::span<double> propensity) {
  RECFORCE_CHECK(propensity.size() == slate.size(), "a slate without places for its probabilities");
  std::fill(propensity.begin(), propensity.end(), 0.0);
  std::vector<Candidate> left = BestOf(rule, logits, slate.size());
  const auto certain = static_cast<std::size_t>(rule.certain(static_cast<std::int64_t>(slate.size())));
  for (std::size_t place = 0; place < slate.size(); ++place) {
    std::size_t at = place;
    while (at < left.size() && left[at].item != slate[place]) {
      ++at;
    }
    if (at == left.size() || (place < certain && at != place)) {
      return;
    }
    propensity[place] = place < certain ? 1.0 : Take(left, place, at);
  }
}

}  // namespace recforce::core
