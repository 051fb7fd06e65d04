// SPDX-License-Identifier: Apache-2.0
// Weights of the pseudo-inverse estimator (Swaminathan et al., NeurIPS 2017): with 1_s in {0,1}^{L m} the indicator of
// which of m items is in which of L slots,
//   weight(s) = q_pi^T Gamma^+ 1_s,   q_pi = E_pi[1_s],   Gamma = E_mu[1_s 1_s^T],
// and mean weight x slate reward is unbiased where the slate's reward is a sum over (slot, item) and q_pi is in the
// range of Gamma. Gamma is the second moment of slates; the outer product of its marginals is not a substitute, because
// it has rank 1. Weights are often negative, and must not be clamped. Entry (k, a) of a vector is at k m + a.
// Error(Data): sizes that do not fit, items outside [0, m), values that are not finite.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::ope {

// Slates with their probabilities: all that a policy may show, or those seen with probability 1 / count each.
struct SlateLaw {
  std::int64_t length = 0;                // L
  std::int64_t num_items = 0;             // m
  std::span<const std::int32_t> slates;   // [count, L]
  std::span<const double> probabilities;  // [count], sum to 1
};

// [L m] E[1_s].
std::vector<double> SlateMarginals(const SlateLaw& law);
// [L m, L m] E[1_s 1_s^T].
std::vector<double> SlateGram(const SlateLaw& law);
// Gamma of logging that fills slots independently; marginals: [L, m].
std::vector<double> ProductGram(std::span<const double> marginals, std::int64_t num_items);
// Gamma of L of m items drawn uniformly without replacement. Error(Data): L > m.
std::vector<double> UniformGram(std::int64_t length, std::int64_t num_items);

// [size, size] Moore-Penrose inverse of a symmetric matrix by Jacobi rotations; eigenvalues of modulus up to
// `tolerance` times the largest count as 0. Costs about 10 size^3 multiplications: for sizes up to some hundreds, and
// once for each logging law, not for each round. Error(Data): not symmetric, size above 1,024.
std::vector<double> SymmetricPseudoInverse(std::span<const double> matrix, std::int64_t size, double tolerance = 1e-10);

// [L m] Gamma^+ q_pi: a round's weight is the sum of the scores of what it showed.
std::vector<double> PseudoInverseScores(std::span<const double> gram_inverse, std::span<const double> policy_marginals);
double PseudoInverseWeight(std::span<const double> scores, std::span<const std::int32_t> slate, std::int64_t num_items);
// The largest |Gamma scores - q_pi|: more than rounding means that logging does not support the policy.
double PseudoInverseGap(std::span<const double> gram, std::span<const double> scores,
                        std::span<const double> policy_marginals);

// Closed forms. Slots filled independently: 1 - L + sum_k pi_k(a_k) / mu_k(a_k). ratios: [L].
double ProductPseudoInverseWeight(std::span<const double> position_ratios);
// Logged uniformly without replacement, the policy shows `target`: with N slots that agree and O items in common,
//   1 + (m - 1) (N - (L - O) / (m - L)) for L < m,   1 + (m - 1) (N - 1) for L = m.
// Both: [L] of distinct items.
double UniformPseudoInverseWeight(std::span<const std::int32_t> logged, std::span<const std::int32_t> target,
                                  std::int64_t num_items);

}  // namespace recforce::ope
