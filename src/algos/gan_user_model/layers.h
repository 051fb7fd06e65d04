// SPDX-License-Identifier: Apache-2.0
// Two steps that ATen does slowly on the CPU, with their gradients: rows picked from a table, and weighted sums of
// rows. float32 and float64; on other devices the same in ATen calls.
#pragma once

#include "nn/torch.h"

namespace recforce::algos {

// out[r] = table[index[r]], zeros where index[r] is -1. table: [N, W], index: int64 [R] on the table's device.
torch::Tensor RowsOf(const torch::Tensor& table, const torch::Tensor& index);

// out[e, n] = sum over l of weight[n, l] table[index[e, l]], where -1 adds nothing and ends the row.
// table: [N, W], weight: [P, M], index: int64 [E, M] -> [E, P, W].
torch::Tensor WeightedRows(const torch::Tensor& table, const torch::Tensor& weight, const torch::Tensor& index);

}  // namespace recforce::algos
