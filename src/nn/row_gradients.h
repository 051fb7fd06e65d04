// SPDX-License-Identifier: Apache-2.0
// Which rows of a table a step touched, and the gradient of each. A row that was touched several times gets the sum of
// its gradients, added in the order in which they were given.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/torch.h"

namespace recforce::nn {

class RowGradients {
 public:
  explicit RowGradients(std::int64_t width) : width_(width) {}

  void Clear();
  // gradients: [rows.size(), width] float32 on the CPU, contiguous; must stay as it is until the sums are taken. Rows
  // below 0 are left out.
  void Add(std::span<const std::int32_t> rows, const torch::Tensor& gradients);
  // To be called after the last Add.
  void Group();

  [[nodiscard]] std::int64_t width() const { return width_; }
  [[nodiscard]] const std::vector<std::int32_t>& rows() const { return rows_; }  // touched, ascending, each once
  // sum := [width] the gradient of rows()[at].
  void Sum(std::size_t at, float* sum) const;
  // All sums, [rows().size(), width].
  [[nodiscard]] torch::Tensor Sums() const;

 private:
  struct Part {
    std::int32_t row;
    const float* gradient;
  };
  std::int64_t width_;
  std::vector<Part> parts_;  // by row once they are grouped
  std::vector<std::int32_t> rows_;
  std::vector<std::size_t> first_;  // [rows + 1] into parts_
};

}  // namespace recforce::nn
