// SPDX-License-Identifier: Apache-2.0
// The recurrent layers of nn/recurrent.h in ATen calls, for autograd: what other devices run, and what tests hold the
// hand-written pass to.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/recurrent.h"

namespace recforce::nn {

// u: [T B, M], state: [B, N], keep: [T B] bytes. Returns the states after every step, [T B, N].
torch::Tensor RecurrentReference(const RecurrentShape& shape, const RecurrentParams& params, const torch::Tensor& u,
                                 const torch::Tensor& state, const std::vector<std::uint8_t>& keep);

}  // namespace recforce::nn
