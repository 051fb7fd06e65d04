// SPDX-License-Identifier: Apache-2.0
// What an estimate is made of. Every estimator of this room is a sum of ratios of sums over rounds (a mean is the ratio
// to the number of rounds), so intervals, tuning and self-normalisation need to know this one shape only.
#pragma once

#include <cstddef>
#include <vector>

namespace recforce::ope {

struct Terms {
  // sum_i numerator[i] / sum_i denominator[i]; 0 where the denominators sum to 0 (replay without a match).
  // An empty denominator is 1 for each round.
  struct Ratio {
    std::vector<double> numerator;
    std::vector<double> denominator;
  };
  std::vector<Ratio> ratios;  // all over the same rounds

  [[nodiscard]] std::size_t rounds() const { return ratios.empty() ? 0 : ratios.front().numerator.size(); }
  // True when the estimate is the plain mean of one number a round: only then are bounds for means exact.
  [[nodiscard]] bool IsMean() const;
  // The estimate.
  [[nodiscard]] double Value() const;
  // [rounds] values whose mean is Value() and whose spread is, to first order, the estimate's (the delta method):
  // Value() + sum over ratios of (numerator - ratio * denominator) / mean(denominator). A mean's own terms, unchanged.
  [[nodiscard]] std::vector<double> Linearised() const;
};

}  // namespace recforce::ope
