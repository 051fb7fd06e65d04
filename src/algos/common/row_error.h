// SPDX-License-Identifier: Apache-2.0
// How far scores are from a user's clicks: the likelihood or the weighted square that autoencoders are trained by, as
// a value for each row and its gradient, computed in place. f = logits + bias; x: the clicks. Any number of threads
// gives the same bytes. float32 and float64. Shapes: B rows (users), I items.
#pragma once

#include <span>
#include <vector>

#include "nn/kernels.h"
#include "nn/torch.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

enum class RowErrorKind {
  kMultinomial,  // -sum over x of log softmax(f)
  kSquare,       // sum over items of w (x - f)^2, w = positive_weight for clicks and 1 for all others
};

// Calls: Errors, then Gradient of the same rows; or both at once. Not thread-safe.
class RowError {
 public:
  explicit RowError(RowErrorKind kind, double positive_weight = 1.0) : kind_(kind), positive_weight_(positive_weight) {}

  // Error of each row. logits: [B, I], overwritten with what Gradient needs; bias: [I].
  std::vector<double> Errors(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x);
  // Gradient of sum over u of weight[u] error[u] by the logits, over what Errors left.
  void Gradient(torch::Tensor& logits, data::CsrView x, std::span<const double> weight) const;
  // Both, for weights that do not depend on the errors: one trip through the logits instead of two, the same bytes.
  std::vector<double> ErrorsAndGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                                        std::span<const double> weight) const;

 private:
  RowErrorKind kind_;
  double positive_weight_;
  nn::SoftmaxRows softmax_;  // of the last Errors
};

// kSquare as calls of ATen: what tensors on other devices go through. Forward leaves f in `logits`.
std::vector<double> SquareErrorsByTensorOps(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                                            double positive_weight);
void SquareGradientByTensorOps(torch::Tensor& f, data::CsrView x, double positive_weight,
                               std::span<const double> weight);

}  // namespace recforce::algos
