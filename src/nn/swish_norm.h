// SPDX-License-Identifier: Apache-2.0
// An activation and the normalisation that follows it in one trip through a layer's outputs. One CPU loop of ours and,
// for other devices, the same arithmetic in ATen calls. Sums over rows are added in a fixed order.
#pragma once

#include "nn/torch.h"

namespace recforce::nn {

// Swish (Ramachandran et al. 2017) and layer normalisation (Ba et al. 2016) of each row at once:
// out := gain (y - mean y) / sqrt(variance y + epsilon) + bias, y = x sigmoid(x). x, out: [B, H]; gain, bias: [H].
// statistics := mean and 1 / sqrt(variance + epsilon) of each row, [B, 2].
void SwishNorm(const torch::Tensor& x, const torch::Tensor& gain, const torch::Tensor& bias, double epsilon,
               torch::Tensor& out, torch::Tensor& statistics);

struct NormGradients {
  torch::Tensor gain, bias;  // [H]
};

// d := gradient by x, from the gradient by out, and the gradients of the parameters. d: [B, H].
NormGradients SwishNormBackward(torch::Tensor& d, const torch::Tensor& x, const torch::Tensor& gain,
                                const torch::Tensor& statistics);

}  // namespace recforce::nn
