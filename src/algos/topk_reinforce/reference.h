// SPDX-License-Identifier: Apache-2.0
// A step of the policy in ATen calls, with autograd: what other devices run, and the twin that tests hold the
// hand-written step to.
#pragma once

#include <cstdint>
#include <vector>

#include "algos/common/lanes.h"
#include "algos/topk_reinforce/heads.h"
#include "algos/topk_reinforce/network.h"

namespace recforce::algos {

struct PolicyGraph {
  std::vector<torch::Tensor> leaves;  // copies of PolicyParams::All() that a loss may be differentiated by
  LogProbabilities log_probability;   // of every decision, for the weights
  torch::Tensor last;                 // states of the lanes after the last step
  // The loss of HeadCoefficients, a scalar.
  [[nodiscard]] torch::Tensor Loss(const HeadCoefficients& coefficients) const;

  torch::Tensor pi, beta;  // [D] log probabilities that the loss is made of: of the sampled softmax with draws
  torch::Tensor log_pi;    // [P, I] of the whole catalogue, undefined with draws
};

// rows: the states, among those of the lanes' steps, that decisions were made from; contexts: of each, not read without
// gates. draws: null for the softmax over the catalogue.
PolicyGraph MakePolicyGraph(const PolicyParams& params, double temperature, const torch::Tensor& state,
                            const LaneBatch& lanes, const std::vector<std::int64_t>& rows,
                            const std::vector<std::int32_t>& contexts, const Decided& decided,
                            const SampledHeads::Draws* draws, bool exact_weights);

}  // namespace recforce::algos
