// SPDX-License-Identifier: Apache-2.0
// Products left' right of few inner rows, the shape of a gradient of one step, made some rows at a time: what uses them
// finds them in the first cache. BLAS would first fill the whole output with zeros and pack `right` anew for each part.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

namespace recforce::nn {

class TileProduct {
 public:
  static constexpr std::int64_t kRows =
      6;  // that are made together: with two vectors of columns they fill the registers

  // right: [inner, width], its rows `stride` numbers apart.
  TileProduct(const float* right, std::int64_t stride, std::int64_t inner, std::int64_t width)
      : inner_(inner), panels_((width + kColumns - 1) / kColumns) {
    right_.resize(static_cast<std::size_t>(panels_ * inner * kColumns));
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      const std::int64_t begin = panel * kColumns;
      for (std::int64_t k = 0; k < inner; ++k) {
        Copy<kColumns>(right + k * stride + begin, width - begin, right_.data() + (panel * inner + k) * kColumns);
      }
    }
  }

  // Numbers from one row of the output to the next: the width or some more.
  [[nodiscard]] std::int64_t stride() const { return panels_ * kColumns; }
  // out := [count, stride()] the rows of the product that belong to `count` columns of left, from this one on; their
  // rows `stride` numbers apart. count <= kRows; `out` has room for kRows and what is behind `count` is overwritten.
  // ahead(column) is called before the columns from `column` on are made, to ask memory for what will meet them.
  template <class Ahead>
  void Rows(const float* left, std::int64_t left_stride, std::int64_t count, float* out, const Ahead& ahead) const {
    static thread_local std::vector<float> factors;
    factors.resize(static_cast<std::size_t>(inner_ * kRows));
    for (std::int64_t k = 0; k < inner_; ++k) {
      Copy<kRows>(left + k * left_stride, count, factors.data() + k * kRows);
    }
    for (std::int64_t panel = 0; panel < panels_; ++panel) {
      ahead(panel * kColumns);
      Tile(factors.data(), right_.data() + panel * inner_ * kColumns, out + panel * kColumns);
    }
  }

 private:
  static constexpr std::int64_t kColumns = 16;
  using Vector = float __attribute__((vector_size(32)));

  // to := kCount numbers, zeros behind the first `there` of them. A copy of fixed length is no call.
  template <std::int64_t kCount>
  static void Copy(const float* from, std::int64_t there, float* to) {
    if (there >= kCount) {
      std::memcpy(to, from, sizeof(float) * kCount);
      return;
    }
    std::fill_n(to, kCount, 0.0F);
    std::copy_n(from, std::max(there, std::int64_t{0}), to);
  }

  void Tile(const float* left, const float* right, float* out) const {
    std::array<std::array<Vector, 2>, kRows> sums = {};
    for (std::int64_t k = 0; k < inner_; ++k) {
      std::array<Vector, 2> columns;
      std::memcpy(columns.data(), right + k * kColumns, sizeof(columns));
      for (std::size_t row = 0; row < kRows; ++row) {
        const float factor = left[k * kRows + static_cast<std::int64_t>(row)];
        sums[row][0] += factor * columns[0];
        sums[row][1] += factor * columns[1];
      }
    }
    for (std::size_t row = 0; row < kRows; ++row) {
      std::memcpy(out + static_cast<std::int64_t>(row) * stride(), sums[row].data(), sizeof(sums[row]));
    }
  }

  std::int64_t inner_;
  std::int64_t panels_;
  std::vector<float> right_;  // [panels, inner, kColumns], zeros behind the width
};

}  // namespace recforce::nn
