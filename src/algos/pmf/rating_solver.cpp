// SPDX-License-Identifier: Apache-2.0
#include "algos/pmf/rating_solver.h"

#include <algorithm>
#include <cmath>

namespace recforce::algos {
namespace {

constexpr std::int64_t kBlock = 32;    // ratings gathered at once
constexpr std::int64_t kAtOnce = 4;    // of them added in one pass over the matrix
constexpr double kLeastPivot = 1e-13;  // of the diagonal: what is left of a smaller one is rounding
static_assert(kBlock % kAtOnce == 0);

// Upper triangle of the first `size` rows of c += X'X for kAtOnce rows of X.
void AddProducts(const double* x, std::int64_t size, std::int64_t stride, double* c) {
  const double* x0 = x;
  const double* x1 = x + stride;
  const double* x2 = x + 2 * stride;
  const double* x3 = x + 3 * stride;
  for (std::int64_t i = 0; i < size; ++i) {
    const double a0 = x0[i];
    const double a1 = x1[i];
    const double a2 = x2[i];
    const double a3 = x3[i];
    double* __restrict row = c + i * stride;
    for (std::int64_t j = i / kAtOnce * kAtOnce; j < stride; ++j) {
      row[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
    }
  }
}

}  // namespace

RatingSolver::RatingSolver(std::span<const float> vectors, std::span<const float> biases, std::int64_t dim)
    : vectors_(vectors),
      biases_(biases),
      dim_(dim),
      size_(dim + 1),
      stride_((dim + 2 + 3) / 4 * 4),
      gathered_(static_cast<std::size_t>(kBlock * stride_)),
      matrix_(static_cast<std::size_t>(size_ * stride_)),
      diagonal_(static_cast<std::size_t>(size_)),
      solution_(static_cast<std::size_t>(size_)) {}

bool RatingSolver::Solve(const Ratings& ratings, double ridge, double bias_ridge, std::span<float> vector,
                         float& bias) {
  std::fill(vector.begin(), vector.end(), 0.0F);
  bias = 0.0F;
  if (ratings.rows.empty()) {
    return true;
  }
  Accumulate(ratings);
  for (std::int64_t k = 0; k < size_; ++k) {
    double& entry = matrix_[static_cast<std::size_t>(k * stride_ + k)];
    entry += k < dim_ ? ridge : bias_ridge;
    diagonal_[static_cast<std::size_t>(k)] = entry;
  }
  if (!Factorise()) {
    return false;
  }
  Substitute();
  std::transform(solution_.begin(), solution_.end() - 1, vector.begin(),
                 [](double value) { return static_cast<float>(value); });
  bias = static_cast<float>(solution_.back());
  return true;
}

double RatingSolver::SquaredError(const Ratings& ratings, std::span<const float> vector, float bias) const {
  double sum = 0.0;
  for (std::size_t k = 0; k < ratings.rows.size(); ++k) {
    const auto row = static_cast<std::size_t>(ratings.rows[k]);
    const std::span<const float> other = vectors_.subspan(row * vector.size(), vector.size());
    double left = ratings.values[k] - ratings.mean - biases_[row] - bias;
    for (std::size_t at = 0; at < vector.size(); ++at) {
      left -= static_cast<double>(vector[at]) * other[at];
    }
    sum += left * left;
  }
  return sum;
}

void RatingSolver::Accumulate(const Ratings& ratings) {
  std::fill(matrix_.begin(), matrix_.end(), 0.0);
  const auto total = static_cast<std::int64_t>(ratings.rows.size());
  for (std::int64_t first = 0; first < total; first += kBlock) {
    const std::int64_t count = std::min(kBlock, total - first);
    std::fill(gathered_.begin(), gathered_.end(), 0.0);
    for (std::int64_t r = 0; r < count; ++r) {
      const auto at = static_cast<std::size_t>(first + r);
      const std::int64_t row = ratings.rows[at];
      double* to = gathered_.data() + r * stride_;
      std::copy_n(vectors_.data() + row * dim_, dim_, to);
      to[dim_] = 1.0;
      to[dim_ + 1] = ratings.values[at] - ratings.mean - biases_[static_cast<std::size_t>(row)];
    }
    for (std::int64_t r = 0; r < count; r += kAtOnce) {
      AddProducts(gathered_.data() + r * stride_, size_, stride_, matrix_.data());
    }
  }
}

// U of U'U, and behind it z of U'z = b. Below the diagonal stand numbers that nothing reads.
bool RatingSolver::Factorise() {
  for (std::int64_t k = 0; k < size_; ++k) {
    double* pivot = matrix_.data() + k * stride_;
    if (!(pivot[k] > kLeastPivot * diagonal_[static_cast<std::size_t>(k)]) || !std::isfinite(pivot[k])) {
      return false;
    }
    const double inverse = 1.0 / std::sqrt(pivot[k]);
    for (std::int64_t j = k; j < stride_; ++j) {
      pivot[j] *= inverse;
    }
    for (std::int64_t i = k + 1; i < size_; ++i) {
      double* __restrict row = matrix_.data() + i * stride_;
      const double factor = pivot[i];
      for (std::int64_t j = i / kAtOnce * kAtOnce; j < stride_; ++j) {
        row[j] -= factor * pivot[j];
      }
    }
  }
  return true;
}

// x of U x = z.
void RatingSolver::Substitute() {
  for (std::int64_t k = size_ - 1; k >= 0; --k) {
    const double* row = matrix_.data() + k * stride_;
    double sum = row[size_];
    for (std::int64_t j = k + 1; j < size_; ++j) {
      sum -= row[j] * solution_[static_cast<std::size_t>(j)];
    }
    solution_[static_cast<std::size_t>(k)] = sum / row[k];
  }
}

}  // namespace recforce::algos
