// SPDX-License-Identifier: Apache-2.0
// Choice of an estimator's lambda (clip, switch, shrinkage) from the logged rounds alone. For estimators that have one
// (EstimatorInfo::shrinkage). Error(Data): an estimator without, no candidates, what Estimate refuses.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "recforce/ope/estimators.h"

namespace recforce::ope {

struct Tuning {
  std::size_t best = 0;       // index into the candidates
  double lambda = 0.0;        // candidates[best]
  std::vector<double> score;  // [candidates] what the rule looked at
};

struct MseOptions {
  bool upper_bound = true;  // the bias is bounded with probability 1 - delta rather than estimated
  double delta = 0.05;
};

// The least of var / n + bias^2, the first of equals; scores are these sums. With f(w) the shrunk weight,
//   bias = |mean (w - f(w)) (r - q)|  (q = 0 where the estimator has none),
// and as an upper bound, sqrt(2 mean(w^2) ln(2/delta) / n) + 2 max(w) ln(2/delta) / (3 n) more (Su et al., ICML 2020).
Tuning ChooseByMse(Estimator estimator, const Rounds& rounds, std::span<const double> candidates,
                   const MseOptions& options = {});

// SLOPE (Su, Srinath & Krishnamurthy, ICML 2020): candidates by decreasing width c of their one-sided Student
// intervals (of equals, the earlier first); walk down while every wider candidate j has
//   |value_j - value_i| <= c_i + (sqrt 6 - 1) c_j
// and take the last i that passed. Scores are the widths. Assumes that bias grows as width falls.
Tuning ChooseBySlope(Estimator estimator, const Rounds& rounds, std::span<const double> candidates, double delta = 0.1);

}  // namespace recforce::ope
