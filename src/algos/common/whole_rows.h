// SPDX-License-Identifier: Apache-2.0
// Rows that a network sees whole, as it does when it recommends. Shapes: B users, I items, H wide.
#pragma once

#include <vector>

#include "nn/torch.h"
#include "recforce/base/matrix_view.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

// factor / |row|_2: the value of each entry of a row; 0 for an empty one.
std::vector<float> WholeRowScale(data::CsrView rows, double factor = 1.0);

// out := hidden items^T + bias. hidden: [B, H], items: [I, H], bias: [I], out: [B, I] in the memory of the CPU.
void ScoreRows(const torch::Tensor& hidden, const torch::Tensor& items, const torch::Tensor& bias,
               base::MatrixView<float> out);

}  // namespace recforce::algos
