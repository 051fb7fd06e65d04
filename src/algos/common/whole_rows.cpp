// SPDX-License-Identifier: Apache-2.0
#include "algos/common/whole_rows.h"

#include <cmath>
#include <cstdint>

#include "nn/gemm.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {

std::vector<float> WholeRowScale(data::CsrView rows, double factor) {
  std::vector<float> scale;
  scale.reserve(static_cast<std::size_t>(rows.rows()));
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto count = static_cast<float>(rows.row(r).size());
    scale.push_back(count > 0.0F ? static_cast<float>(factor) / std::sqrt(count) : 0.0F);
  }
  return scale;
}

void ScoreRows(const torch::Tensor& hidden, const torch::Tensor& items, const torch::Tensor& bias,
               base::MatrixView<float> out) {
  RECFORCE_CHECK(out.rows == hidden.size(0) && out.cols == items.size(0), "scores have another shape");
  torch::Tensor scores = torch::from_blob(out.data, {out.rows, out.cols}, torch::kFloat32);
  if (!hidden.is_cpu()) {
    scores.copy_(torch::addmm(bias, hidden, items.t()));
    return;
  }
  nn::MatMul(scores, hidden, items.t());
  const float* shift = bias.data_ptr<float>();
  base::ParallelFor(0, out.rows, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t item = 0; item < out.cols; ++item) {
        out.data[r * out.cols + item] += shift[item];
      }
    }
  });
}

}  // namespace recforce::algos
