// SPDX-License-Identifier: Apache-2.0
// Q in ATen calls: what other devices than the CPU run, with autograd, and what the hand-written loops are tested
// against. Shapes as in networks.h.
#pragma once

#include "algos/cdqn/networks.h"
#include "algos/cdqn/pass.h"

namespace recforce::algos {

// Items of a matrix as indices of the item table on `device`; -1 becomes I.
torch::Tensor ItemIndices(base::MatrixView<const std::int32_t> items, std::int64_t num_items, torch::Device device);

// Q of `candidates` [B, M], or [1, M] for the same in all rows, after `chosen` [B, j] in states `recent` [B, m].
// params: [layout.size]; float32 or float64. Returns [B, M].
torch::Tensor ReferenceQ(const CdqnShape& shape, const torch::Tensor& params, const torch::Tensor& features,
                         const torch::Tensor& recent, const torch::Tensor& chosen, const torch::Tensor& candidates);

// Q of slates that were shown: [S, B], as CdqnPass::Forward.
torch::Tensor ReferenceRows(const CdqnShape& shape, const torch::Tensor& params, const torch::Tensor& features,
                            const CdqnRows& rows);

}  // namespace recforce::algos
