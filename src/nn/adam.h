// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma and Ba 2015) in one pass over each parameter, for dense gradients and for gradients of a few rows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/row_gradients.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::nn {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double l2 = 0.0;  // the loss gains l2 |parameter|^2: the gradient gains 2 l2 parameter
};

// Moments of a list of parameters, with one step count. Call order: (BeginStep (Update | UpdateRows |
// UpdateRowsLazily)*)*. Same numbers as torch::optim::Adam up to rounding; parameters may be float32 or float64.
class Adam {
 public:
  Adam(std::span<const torch::Tensor> parameters, AdamOptions options);

  void BeginStep() { ++step_; }
  // Of the steps from here on; not part of what Save keeps.
  void SetLearningRate(double learning_rate) { options_.learning_rate = learning_rate; }
  // parameter number `index`: any shape, contiguous; gradient of the same shape.
  void Update(std::size_t index, torch::Tensor& parameter, const torch::Tensor& gradient);
  // The gradient is `gradient` [rows.size(), H] at `rows` (ascending) of `parameter` [N, H] and zero elsewhere;
  // moments of all rows decay, as they would with a dense gradient.
  void UpdateRows(std::size_t index, torch::Tensor& parameter, std::span<const std::int32_t> rows,
                  const torch::Tensor& gradient);
  // The same for gradients of few rows of a large table: other rows neither move nor cost anything, and neither do
  // their moments decay, so that a row that is touched again after long goes on from what it remembers ("lazy" Adam;
  // bias is corrected by the number of all steps). parameter: [rows, width] or [rows], float32; gradients grouped.
  void UpdateRowsLazily(std::size_t index, torch::Tensor& parameter, const RowGradients& gradients);

  [[nodiscard]] std::int64_t step() const { return step_; }
  // As tensors called <prefix>.<number>.m and .v and metadata <prefix>.step.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // Error(Data) when shapes differ

 private:
  AdamOptions options_;
  std::vector<torch::Tensor> m_;
  std::vector<torch::Tensor> v_;
  std::int64_t step_ = 0;
};

}  // namespace recforce::nn
