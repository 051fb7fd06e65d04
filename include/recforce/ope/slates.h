// SPDX-License-Identifier: Apache-2.0
// Off-policy estimators for slates of L slots, each with a reward of its own: V = E[sum_k r_k]. They differ in what
// they assume of users; the fewer the assumptions, the larger the variance.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "recforce/ope/terms.h"

namespace recforce::ope {

// Columns over n slates, row-major [n, length]; those an estimator does not read may stay empty.
struct SlateRounds {
  std::int64_t length = 0;                 // L
  std::span<const double> reward;          // [n, L]
  std::span<const double> step_ratio;      // [n, L] pi(a_k | x, a_<k) / mu(a_k | x, a_<k)
  std::span<const double> position_ratio;  // [n, L] pi(a_k at k | x) / mu(a_k at k | x), of the positions' marginals
  std::span<const double> examined_ratio;  // [n, L] ExaminedRatios
  std::span<const double> q_logged;        // [n, L] predicted reward from slot k to the end, after a_1..a_k
  std::span<const double> q_policy;        // [n, L] its mean over a_k ~ pi(.|x, a_<k)
  std::span<const double> pi_weight;       // [n] weights of the pseudo-inverse (pseudo_inverse.h); may be negative
};

enum class SlateEstimator {
  kSips,
  kIips,
  kRips,
  kSelfNormalisedSips,
  kSelfNormalisedIips,
  kSelfNormalisedRips,
  kCascadeDr,
  kPseudoInverse,
  kWeightedPseudoInverse,
  kPbm,
};

struct SlateEstimatorInfo {
  SlateEstimator estimator;
  std::string_view name;
  std::string_view assumes;  // what makes it unbiased (consistent where self-normalised)
};

// All, in the order of the enumeration.
std::span<const SlateEstimatorInfo> SlateEstimators();
std::optional<SlateEstimator> FindSlateEstimator(std::string_view name);

//   sips       prod_j step_j sum_k r_k                          any users
//   iips       sum_k position_k r_k                             r_k depends on slot k alone
//   rips       sum_k (prod_{j<=k} step_j) r_k                   r_k depends on slots up to k
//   snsips     divided by the mean weight of slates; sniips, snrips: slot by slot
//   cascade-dr sum_k w_{1:k} (r_k - q_logged_k) + w_{1:k-1} q_policy_k, w_{1:k} = prod_{j<=k} step_j; users as in rips
//   pi, wpi    pi_weight sum_k r_k, wpi divided by the mean weight; additive over (slot, item)
//   pbm        sum_k examined_k r_k                             click = examination of the slot x appeal of the item
// Error(Data): no slates, a column that is missing or of another size, a value that is not finite, a ratio below 0.
Terms EstimateSlates(SlateEstimator estimator, const SlateRounds& rounds);

// [n, L] for the item in slot k: sum_j theta_j pi(a_k at j | x) / sum_j theta_j mu(a_k at j | x) (Li et al., KDD 2018).
// theta: [L], the chance that slot j is looked at; policy, logging: [n, L, L], the last index the slot j.
// Error(Data) where logging never shows an item in a slot that is looked at.
std::vector<double> ExaminedRatios(std::span<const double> theta, std::span<const double> policy,
                                   std::span<const double> logging);

}  // namespace recforce::ope
