// SPDX-License-Identifier: Apache-2.0
// Off-policy estimators of the value V = E[reward] of a policy pi from rounds (x, a, r, p) that another policy logged,
// a single action a round. Every one is a baseline plus a weighted residual, mean over rounds i:
//   V = mean q_policy_i + mean or ratio of f(w_i) (r_i - q_logged_i)
// where estimators differ in whose weight w is, how f shrinks it, whether there are predicted rewards q, and whether
// the sum is divided by the sum of weights (self-normalised) or by n.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "recforce/ope/terms.h"

namespace recforce::ope {

// Columns over n rounds; those an estimator does not read may stay empty.
struct Rounds {
  std::span<const double> reward;           // [n]
  std::span<const double> weight;           // [n] pi(a|x) / propensity (ImportanceWeights)
  std::span<const double> q_logged;         // [n] predicted reward of the logged action
  std::span<const double> q_policy;         // [n] sum_a pi(a|x) predicted reward of a
  std::span<const double> match;            // [n] 1 where the logged action is what the policy would do, else 0
  std::span<const double> balanced_weight;  // [n] ratio of densities, up to a factor, from a classifier
  std::span<const double> marginal_weight;  // [n] MarginalWeights or CategoryWeights
};
// Predicted rewards that were fitted on the same rounds must be cross-fitted (two folds or more), or DR and its
// relatives are biased towards the fit.

enum class Estimator {
  kReplay,
  kIps,
  kClippedIps,
  kSnips,
  kSubGaussianIps,
  kDm,
  kDr,
  kClippedDr,
  kSndr,
  kSwitchDr,
  kDrOs,
  kSubGaussianDr,
  kMrdr,
  kMips,
  kBalancedIps,
};

// The column that weighs the residual.
enum class WeightColumn { kNone, kMatch, kImportance, kBalanced, kMarginal };

// f(w), by a parameter lambda.
enum class Shrinkage {
  kNone,         // w
  kClip,         // min(w, lambda)                 lambda in [0, inf]
  kSwitch,       // w where w <= lambda, else 0     lambda in [0, inf]
  kOptimistic,   // lambda w / (w^2 + lambda)       lambda in [0, inf]
  kSubGaussian,  // w / (1 - lambda + lambda w)     lambda in [0, 1]
};

struct EstimatorInfo {
  Estimator estimator;
  std::string_view name;  // what a user writes
  std::string_view meaning;
  WeightColumn weight;
  Shrinkage shrinkage;  // other than kNone: there is a lambda to choose
  bool needs_q;         // reads q_logged and q_policy
  bool self_normalised;
};

// All, in the order of the enumeration.
std::span<const EstimatorInfo> Estimators();
const EstimatorInfo& InfoOf(Estimator estimator);
std::optional<Estimator> FindEstimator(std::string_view name);

// f(w). REQUIRES: w >= 0 and lambda in its range (see Shrinkage).
double Shrink(Shrinkage shrinkage, double weight, double lambda);
// The lambda under which f(w) = w: infinity, or 0 for kSubGaussian.
double NeutralLambda(Shrinkage shrinkage);
// Values from which to choose lambda (tuning.h), ascending; empty for kNone.
std::span<const double> LambdaGrid(Shrinkage shrinkage);

// The estimate, round by round. lambda: read only by estimators with a shrinkage; empty is the neutral one.
// Error(Data): no rounds, a column that is missing or of another length, a value that is not finite, a weight below 0,
// a match other than 0 or 1, a lambda outside its range.
Terms Estimate(Estimator estimator, const Rounds& rounds, std::optional<double> lambda = std::nullopt);

}  // namespace recforce::ope
