// SPDX-License-Identifier: Apache-2.0
#include "nn/row_gradients.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {

void RowGradients::Clear() {
  parts_.clear();
  rows_.clear();
  first_.clear();
}

void RowGradients::Add(std::span<const std::int32_t> rows, const torch::Tensor& gradients) {
  RECFORCE_CHECK(gradients.is_cpu() && gradients.is_contiguous() && gradients.size(1) == width_ &&
                     gradients.size(0) == static_cast<std::int64_t>(rows.size()),
                 "gradients of rows have another shape");
  const float* gradient = gradients.data_ptr<float>();
  for (const std::int32_t row : rows) {
    if (row >= 0) {
      parts_.push_back({row, gradient});
    }
    gradient += width_;
  }
}

void RowGradients::Group() {
  std::stable_sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) { return a.row < b.row; });
  rows_.clear();
  first_.clear();
  for (std::size_t at = 0; at < parts_.size(); ++at) {
    if (at == 0 || parts_[at].row != parts_[at - 1].row) {
      rows_.push_back(parts_[at].row);
      first_.push_back(at);
    }
  }
  first_.push_back(parts_.size());
}

void RowGradients::Sum(std::size_t at, float* sum) const {
  std::copy_n(parts_[first_[at]].gradient, width_, sum);
  for (std::size_t part = first_[at] + 1; part < first_[at + 1]; ++part) {
    const float* more = parts_[part].gradient;
    for (std::int64_t k = 0; k < width_; ++k) {
      sum[k] += more[k];
    }
  }
}

torch::Tensor RowGradients::Sums() const {
  torch::Tensor sums = torch::empty({static_cast<std::int64_t>(rows_.size()), width_}, torch::kFloat32);
  float* to = sums.data_ptr<float>();
  base::ParallelFor(0, static_cast<std::int64_t>(rows_.size()), 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      Sum(static_cast<std::size_t>(at), to + at * width_);
    }
  });
  return sums;
}

}  // namespace recforce::nn
