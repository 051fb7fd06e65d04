// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/tuning.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "ope/checks.h"
#include "recforce/base/threads.h"
#include "recforce/ope/intervals.h"

namespace recforce::ope {
namespace {

void RequireChoice(Estimator estimator, std::span<const double> candidates) {
  const EstimatorInfo& info = InfoOf(estimator);
  if (info.shrinkage == Shrinkage::kNone) {
    Fail("choice of lambda", std::string(info.name) + " has none", "an estimator that shrinks weights");
  }
  RequireRounds("candidates for lambda", candidates.size());
}

// How far shrinking weights by lambda moves the estimate, as the residuals tell it.
double BiasOf(const EstimatorInfo& info, const Rounds& rounds, double lambda) {
  double sum = 0.0;
  for (std::size_t i = 0; i < rounds.weight.size(); ++i) {
    const double lost = rounds.weight[i] - Shrink(info.shrinkage, rounds.weight[i], lambda);
    sum += lost * (rounds.reward[i] - (info.needs_q ? rounds.q_logged[i] : 0.0));
  }
  return std::abs(sum / static_cast<double>(rounds.weight.size()));
}

double BiasMargin(std::span<const double> weight, double delta) {
  const auto n = static_cast<double>(weight.size());
  const double log_term = std::log(2.0 / delta);
  return std::sqrt(2.0 * SpreadOf(weight, 0.0) * log_term / n) +
         2.0 * *std::max_element(weight.begin(), weight.end()) * log_term / (3.0 * n);
}

Tuning Chosen(std::size_t best, std::span<const double> candidates, std::vector<double> score) {
  return {best, candidates[best], std::move(score)};
}

}  // namespace

Tuning ChooseByMse(Estimator estimator, const Rounds& rounds, std::span<const double> candidates,
                   const MseOptions& options) {
  RequireChoice(estimator, candidates);
  RequireLevel("delta of a choice of lambda", options.delta);
  const EstimatorInfo& info = InfoOf(estimator);
  std::vector<double> score;
  for (const double lambda : candidates) {
    const Terms terms = Estimate(estimator, rounds, lambda);
    const std::vector<double>& values = terms.ratios.front().numerator;
    const double bias =
        BiasOf(info, rounds, lambda) + (options.upper_bound ? BiasMargin(rounds.weight, options.delta) : 0.0);
    score.push_back(SpreadOf(values, MeanOf(values)) / static_cast<double>(values.size()) + bias * bias);
  }
  const auto best = static_cast<std::size_t>(std::min_element(score.begin(), score.end()) - score.begin());
  return Chosen(best, candidates, std::move(score));
}

Tuning ChooseBySlope(Estimator estimator, const Rounds& rounds, std::span<const double> candidates, double delta) {
  RequireChoice(estimator, candidates);
  std::vector<double> value(candidates.size());
  std::vector<double> width(candidates.size());
  base::ParallelFor(0, static_cast<std::int64_t>(candidates.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto at = static_cast<std::size_t>(begin); at < static_cast<std::size_t>(end); ++at) {
      const Terms terms = Estimate(estimator, rounds, candidates[at]);
      value[at] = terms.Value();
      width[at] = value[at] - StudentLowerBound(terms.ratios.front().numerator, delta);
    }
  });
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return width[a] > width[b]; });
  const double slack = std::sqrt(6.0) - 1.0;
  std::size_t passed = 0;
  const auto agrees = [&](std::size_t i) {
    return std::all_of(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(i), [&](std::size_t wider) {
      return std::abs(value[wider] - value[order[i]]) <= width[order[i]] + slack * width[wider];
    });
  };
  while (passed + 1 < order.size() && agrees(passed + 1)) {
    ++passed;
  }
  return Chosen(order[passed], candidates, std::move(width));
}

}  // namespace recforce::ope
