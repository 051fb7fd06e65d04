// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "nn/torch.h"

namespace recforce::nn {

// Rows of a table on the CPU, float32 and contiguous: [rows.size(), width]; a vector counts as a table of width 1. Rows
// below 0 are zero.
torch::Tensor GatherRows(const torch::Tensor& table, std::span<const std::int32_t> rows);
// The same into `out`, [rows.size(), width] and contiguous.
void GatherRows(const torch::Tensor& table, std::span<const std::int32_t> rows, torch::Tensor& out);

}  // namespace recforce::nn
