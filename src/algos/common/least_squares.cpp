// SPDX-License-Identifier: Apache-2.0
// One kernel does nearly all the work: a tile of the upper triangle of X'X, 4 rows by 16 columns, held in registers
// while X streams by. It gathers the normal equations, and it is also the update of a left-looking blocked Cholesky
// factorisation U'U, whose finished rows are the next X.
#include "algos/common/least_squares.h"

#include <algorithm>
#include <cmath>

#include "algos/common/simd.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kTileRows = 4;
constexpr std::int64_t kTileColumns = 16;
constexpr std::int64_t kGatheredFloats = 4096;  // fits the first cache with room to spare
constexpr std::int64_t kLeastGramRows = 512;    // of the table, for one partial Gram matrix
constexpr std::int64_t kMostGramParts = 32;
constexpr float kLeastPivot = 1e-6F;  // of the diagonal: what is left of a smaller one is rounding

// c[i.., j..] += sign sum over p < count of x[p, i..] x[p, j..]; x and c have rows of `stride`.
template <int sign>
void UpdateTile(const float* x, std::int64_t count, std::int64_t stride, std::int64_t i, std::int64_t j, float* c) {
  Float8 sums[kTileRows][2] = {};
  for (std::int64_t p = 0; p < count; ++p) {
    const float* row = x + p * stride;
    const Float8 left = Load8(row + j);
    const Float8 right = Load8(row + j + 8);
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      sums[r][0] += row[i + r] * left;
      sums[r][1] += row[i + r] * right;
    }
  }
  for (std::int64_t r = 0; r < kTileRows; ++r) {
    float* to = c + (i + r) * stride + j;
    if constexpr (sign > 0) {
      Store8(to, Load8(to) + sums[r][0]);
      Store8(to + 8, Load8(to + 8) + sums[r][1]);
    } else {
      Store8(to, Load8(to) - sums[r][0]);
      Store8(to + 8, Load8(to + 8) - sums[r][1]);
    }
  }
}

// Upper triangle of c += X'X, X: [count, stride].
void AddGram(const float* x, std::int64_t count, std::int64_t stride, float* c) {
  for (std::int64_t j = 0; j < stride; j += kTileColumns) {
    for (std::int64_t i = 0; i < j + kTileColumns; i += kTileRows) {
      UpdateTile<1>(x, count, stride, i, j, c);
    }
  }
}

std::int64_t GatherBlock(std::int64_t stride) { return std::max<std::int64_t>(32, kGatheredFloats / stride); }

}  // namespace

std::vector<float> WeightedGram(std::span<const float> table, std::int64_t dim, double weight) {
  const std::int64_t stride = PaddedDim(dim);
  const std::int64_t rows = static_cast<std::int64_t>(table.size()) / dim;
  const std::int64_t part = std::max(kLeastGramRows, (rows + kMostGramParts - 1) / kMostGramParts);
  const std::int64_t parts = (rows + part - 1) / part;
  const auto size = static_cast<std::size_t>(stride * stride);
  std::vector<float> partials(static_cast<std::size_t>(parts) * size, 0.0F);
  base::ParallelFor(0, parts, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t block = GatherBlock(stride);
    std::vector<float> gathered(static_cast<std::size_t>(block * stride), 0.0F);
    for (std::int64_t at = begin * part; at < std::min(rows, end * part); at += block) {
      const std::int64_t count = std::min({block, rows - at, end * part - at});
      for (std::int64_t r = 0; r < count; ++r) {
        std::copy_n(table.data() + (at + r) * dim, dim, gathered.data() + r * stride);
      }
      AddGram(gathered.data(), count, stride, partials.data() + static_cast<std::size_t>(begin) * size);
    }
  });
  std::vector<float> gram(size);
  for (std::size_t at = 0; at < size; ++at) {
    double sum = 0.0;
    for (std::int64_t p = 0; p < parts; ++p) {
      sum += partials[static_cast<std::size_t>(p) * size + at];
    }
    gram[at] = static_cast<float>(weight * sum);
  }
  return gram;
}

LeastSquares::LeastSquares(std::span<const float> table, std::int64_t dim, std::span<const float> gram)
    : table_(table.data()),
      gram_(gram.data()),
      dim_(dim),
      stride_(PaddedDim(dim)),
      block_(GatherBlock(stride_)),
      gathered_(static_cast<std::size_t>(block_ * stride_), 0.0F),
      matrix_(static_cast<std::size_t>(stride_ * stride_)),
      diagonal_(static_cast<std::size_t>(stride_)),
      inverse_(static_cast<std::size_t>(stride_)),
      right_(static_cast<std::size_t>(stride_)),
      solution_(static_cast<std::size_t>(stride_)) {
  RECFORCE_CHECK(gram.size() == matrix_.size(), "the Gram matrix is of another dimension");
}

std::optional<double> LeastSquares::Solve(std::span<const std::int32_t> rows, double ridge, std::span<float> x) {
  if (rows.empty()) {
    std::fill(x.begin(), x.end(), 0.0F);
    return 0.0;
  }
  std::copy_n(gram_, matrix_.size(), matrix_.begin());
  std::fill(right_.begin(), right_.end(), 0.0F);
  Accumulate(rows);
  for (std::int64_t k = 0; k < dim_; ++k) {
    float& entry = matrix_[static_cast<std::size_t>(k * stride_ + k)];
    entry += static_cast<float>(ridge);
    diagonal_[static_cast<std::size_t>(k)] = entry;
  }
  if (!Factorise()) {
    return std::nullopt;
  }
  Substitute(x);
  // With x' A x = x' b at the minimum, its value is n - x' b = n - |y|^2.
  double squared = 0.0;
  for (std::int64_t k = 0; k < dim_; ++k) {
    const double y = solution_[static_cast<std::size_t>(k)];
    squared += y * y;
  }
  return static_cast<double>(rows.size()) - squared;
}

void LeastSquares::Accumulate(std::span<const std::int32_t> rows) {
  const auto total = static_cast<std::int64_t>(rows.size());
  for (std::int64_t at = 0; at < total; at += block_) {
    const std::int64_t count = std::min(block_, total - at);
    for (std::int64_t r = 0; r < count; ++r) {
      const float* from = table_ + rows[static_cast<std::size_t>(at + r)] * dim_;
      float* to = gathered_.data() + r * stride_;
      for (std::int64_t k = 0; k < dim_; ++k) {
        to[k] = from[k];
        right_[static_cast<std::size_t>(k)] += from[k];
      }
    }
    AddGram(gathered_.data(), count, stride_, matrix_.data());
  }
}

// Also solves U'y = b on the way: one chain of dependent steps instead of two. Below the diagonal of a tile stand
// numbers that nothing reads.
bool LeastSquares::Factorise() {
  float* u = matrix_.data();
  for (std::int64_t first = 0; first < dim_; first += kTileColumns) {
    for (std::int64_t j = first; j < stride_ && first > 0; j += kTileColumns) {
      for (std::int64_t i = first; i < first + kTileColumns; i += kTileRows) {
        UpdateTile<-1>(u, first, stride_, i, j, u);
      }
    }
    const std::int64_t last = std::min(first + kTileColumns, dim_);
    for (std::int64_t k = first; k < last; ++k) {
      float* row = u + k * stride_;
      if (!(row[k] > kLeastPivot * diagonal_[static_cast<std::size_t>(k)]) || !std::isfinite(row[k])) {
        return false;
      }
      const float inverse = 1.0F / std::sqrt(row[k]);
      inverse_[static_cast<std::size_t>(k)] = inverse;
      const float y = right_[static_cast<std::size_t>(k)] * inverse;
      solution_[static_cast<std::size_t>(k)] = y;
      for (std::int64_t j = k / 8 * 8; j < stride_; j += 8) {
        const Float8 scaled = Load8(row + j) * inverse;
        Store8(row + j, scaled);
        Store8(right_.data() + j, Load8(right_.data() + j) - y * scaled);
      }
      for (std::int64_t i = k + 1; i < last; ++i) {
        float* below = u + i * stride_;
        const float factor = row[i];
        for (std::int64_t j = i / 8 * 8; j < stride_; j += 8) {
          Store8(below + j, Load8(below + j) - factor * Load8(row + j));
        }
      }
    }
  }
  return true;
}

// x of U x = y.
void LeastSquares::Substitute(std::span<float> x) const {
  const float* u = matrix_.data();
  for (std::int64_t k = dim_ - 1; k >= 0; --k) {
    const auto at = static_cast<std::size_t>(k);
    const std::int64_t whole = std::min((k + 8) / 8 * 8, dim_);  // from here on in eights
    float sum = solution_[at] - Dot(u + k * stride_ + whole, x.data() + whole, dim_ - whole);
    for (std::int64_t j = k + 1; j < whole; ++j) {
      sum -= u[k * stride_ + j] * x[static_cast<std::size_t>(j)];
    }
    x[at] = sum * inverse_[at];
  }
}

}  // namespace recforce::algos
