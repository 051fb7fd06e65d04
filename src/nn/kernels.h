// SPDX-License-Identifier: Apache-2.0
// The fused steps that autoencoders over sparse rows spend their time in, beside GEMMs. Each has one CPU loop of
// ours and, for other devices, the same arithmetic in ATen calls. float32 and float64 (for gradient checks).
// On the CPU a row or a column is always summed by one thread in a fixed order: any number of threads gives the
// same bytes. Shapes: B rows (users), I items, H hidden units.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/data/csr.h"

namespace recforce::nn {

// out[u] = tanh(bias + scale[u] sum of table[i] over i in row u).
// table: [I, H], bias: [H], out: [B, H].
void BagTanh(data::CsrView rows, std::span<const float> scale, const torch::Tensor& table, const torch::Tensor& bias,
             torch::Tensor& out);

// out[u] = bias + scale[u] sum of table[i] over i in row u: the same without tanh.
void BagLinear(data::CsrView rows, std::span<const float> scale, const torch::Tensor& table, const torch::Tensor& bias,
               torch::Tensor& out);

// Gradient of the bag's sum by the touched rows of its table. d: [B, H], gradient by the sum.
// Returns [touched items, H].
torch::Tensor BagGradient(const ItemMajor& by_item, std::span<const float> scale, const torch::Tensor& d);

// What a softmax left behind, row by row.
struct SoftmaxRows {
  std::vector<double> nll;          // -sum over x of log softmax(f): n logsumexp(f) - sum over x of f
  std::vector<double> inverse_sum;  // 1 / sum of exp(f - max)
};

// f = logits + bias; logits := exp(f - max(f)), and the negative log-likelihood of each row of `x` (RaCT spec,
// 1.2 step 6). logits: [B, I], bias: [I].
SoftmaxRows SoftmaxNll(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x);

// Gradient of sum over u of weight[u] nll[u] by the logits, over what SoftmaxNll left:
// exps := weight[u] (n_u softmax - x_u).
void SoftmaxGradient(torch::Tensor& exps, const SoftmaxRows& rows, data::CsrView x, std::span<const double> weight);

// Both at once, for weights that do not depend on the likelihood: one trip through the logits instead of two.
SoftmaxRows SoftmaxNllGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                               std::span<const double> weight);

// values := tanh(values + bias). values: [B, H], bias: [H].
void TanhInPlace(torch::Tensor& values, const torch::Tensor& bias);

// d := d (1 - y y), the gradient through y = tanh(.). d, y: [B, H].
void TanhBackward(torch::Tensor& d, const torch::Tensor& y);

// Sum over rows. values: [B, N] -> [N].
torch::Tensor ColumnSums(const torch::Tensor& values);

}  // namespace recforce::nn
