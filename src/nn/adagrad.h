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

// The gradient of R rows of a parameter as a product left' right, and more for some of the rows.
struct ProductGradient {
  torch::Tensor left;      // [K, P], P <= R: the product of rows behind P is 0; numbers of a row side by side
  torch::Tensor right;     // [K, width], likewise
  std::int64_t first = 0;  // where `rows` is empty: R = P, the parameter's rows from this one on
  std::span<const std::int32_t> rows;    // [R] rows of the parameter, each once
  torch::Tensor more;                    // [Q, width] contiguous, or undefined
  std::span<const std::int32_t> places;  // [Q] which of the R rows a row of `more` is added to
};

// Not thread-safe. Parameters are float32 and contiguous.
class Adagrad {
 public:
  Adagrad(std::span<const torch::Tensor> parameters, AdagradOptions options);

  void SetLearningRate(double rate) { options_.learning_rate = rate; }
  // gradient: as parameter number `index`.
  void Update(std::size_t index, torch::Tensor& parameter, const torch::Tensor& gradient);
  // parameter: [rows, width]; gradients grouped.
  void UpdateRows(std::size_t index, torch::Tensor& parameter, const RowGradients& gradients);
  // The same on the CPU, a few rows of the gradient at a time.
  void UpdateProduct(std::size_t index, torch::Tensor& parameter, const ProductGradient& gradient);

  // As tensors called <prefix>.<number>.a and, with momentum, .v.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // Error(Data) when shapes differ

 private:
  AdagradOptions options_;
  std::vector<torch::Tensor> squares_;
  std::vector<torch::Tensor> moves_;  // undefined without momentum
};

}  // namespace recforce::nn
