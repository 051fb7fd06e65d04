// SPDX-License-Identifier: Apache-2.0
// Adagrad (Duchi, Hazan, Singer 2011) with momentum, as session recommenders are trained with: for dense gradients and
// for gradients of a few rows, whose other rows neither move nor cost anything.
//
//   a := a + g^2    v := momentum v - learning_rate g / sqrt(a + epsilon)    parameter := parameter + v
//
// A row that a step does not touch keeps its v: momentum goes on when the row is touched again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/row_gradients.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::nn {

struct AdagradOptions {
  double learning_rate = 0.05;
  double momentum = 0.0;
  double epsilon = 1e-6;  // under the root
};

// Not thread-safe. Parameters are float32 and contiguous.
class Adagrad {
 public:
  Adagrad(std::span<const torch::Tensor> parameters, AdagradOptions options);

  // gradient: as parameter number `index`.
  void Update(std::size_t index, torch::Tensor& parameter, const torch::Tensor& gradient);
  // parameter: [rows, width]; gradients grouped.
  void UpdateRows(std::size_t index, torch::Tensor& parameter, const RowGradients& gradients);

  // As tensors called <prefix>.<number>.a and, with momentum, .v.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // Error(Data) when shapes differ

 private:
  AdagradOptions options_;
  std::vector<torch::Tensor> squares_;
  std::vector<torch::Tensor> moves_;  // undefined without momentum
};

}  // namespace recforce::nn
