// SPDX-License-Identifier: Apache-2.0
// Columns that estimators read, made from distributions over actions. Matrices are row-major [n, num_actions], a row
// for each round; "policy" is the policy to be evaluated, "logging" the one that acted. All of double; Error(Data) for
// sizes that do not fit, values that are not finite, probabilities outside [0, 1], rows that do not sum to 1 (within
// 1e-4, so that softmax in float passes) and propensities that are not positive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::ope {

// [n] w = pi(a|x) / p. policy: [n] pi(a|x) of the logged actions; propensity: [n] in (0, 1].
std::vector<double> ImportanceWeights(std::span<const double> policy, std::span<const double> propensity);

// [n] pi(a|x) (1 - p) / p^2: weights of squares with which the reward model of MRDR is fitted (Farajtabar et al., ICML
// 2018, the form for deterministic policies). DR on top of that model is the estimator `mrdr`.
std::vector<double> MrdrWeights(std::span<const double> policy, std::span<const double> propensity);

// [n] sum_a pi(a|x) p(e|x,a) / sum_a beta(a|x) p(e|x,a) with e the embedding seen in the round (Saito & Joachims, ICML
// 2022). likelihood: [n, num_actions], p(e|x,a) of the seen e. Error(Data) where logging could not have shown e.
std::vector<double> MarginalWeights(std::span<const double> policy, std::span<const double> logging,
                                    std::span<const double> likelihood, std::int64_t num_actions);

// The same where the embedding of an action is its category: [n] pi(category|x) / beta(category|x).
// category: [num_actions], any numbers; action: [n], the logged ones.
std::vector<double> CategoryWeights(std::span<const double> policy, std::span<const double> logging,
                                    std::span<const std::int32_t> category, std::span<const std::int32_t> action);

// [n] the value of the logged action. values: [n, num_actions], finite; action: [n] in [0, num_actions).
std::vector<double> AtAction(std::span<const double> values, std::span<const std::int32_t> action,
                             std::int64_t num_actions);

// [n] sum_a pi(a|x) values(x,a): with predicted rewards, the column q_policy.
std::vector<double> ExpectedUnder(std::span<const double> policy, std::span<const double> values,
                                  std::int64_t num_actions);

}  // namespace recforce::ope
