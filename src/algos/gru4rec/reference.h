// SPDX-License-Identifier: Apache-2.0
// A step of GRU4Rec in ATen calls, with autograd: what other devices run, and the twin that tests hold the hand-written
// step to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algos/gru4rec/loss.h"
#include "algos/gru4rec/network.h"

namespace recforce::algos {

struct Gru4recBatch {
  const std::vector<std::uint8_t>& keep;
  std::span<const std::int32_t> inputs;   // [B]
  std::span<const std::int32_t> columns;  // [C], the targets first
  std::span<const float> shift;           // [C] or empty
  torch::Tensor keep_input;               // [B, M] factors of dropout, or undefined
  std::vector<torch::Tensor> keep_hidden;
};

struct Gru4recReference {
  torch::Tensor loss;  // sum over the lanes
  // What the loss may be differentiated by: rows of the columns [C, D] and their biases [C, 1], rows of the inputs
  // [B, M], then the layers' parameters.
  std::vector<torch::Tensor> leaves;
  std::vector<torch::Tensor> states;  // after the step, of each layer
};

Gru4recReference Gru4recStep(const Gru4recParams& params, const SessionLoss& loss,
                             const std::vector<torch::Tensor>& states, const Gru4recBatch& batch);

}  // namespace recforce::algos
