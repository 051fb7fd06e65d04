// SPDX-License-Identifier: Apache-2.0
// Row by row, so that inner loops run along rows of L.
#include "ope/cholesky.h"

#include <cmath>

namespace recforce::ope {

bool Factor(std::span<double> a, std::size_t n) {
  for (std::size_t row = 0; row < n; ++row) {
    for (std::size_t col = 0; col <= row; ++col) {
      double sum = a[row * n + col];
      for (std::size_t k = 0; k < col; ++k) {
        sum -= a[row * n + k] * a[col * n + k];
      }
      if (row != col) {
        a[row * n + col] = sum / a[col * n + col];
      } else if (sum > 0.0 && std::isfinite(sum)) {
        a[row * n + row] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  return true;
}

void SolveLower(std::span<const double> l, std::size_t n, std::span<double> b) {
  for (std::size_t row = 0; row < n; ++row) {
    double sum = b[row];
    for (std::size_t k = 0; k < row; ++k) {
      sum -= l[row * n + k] * b[k];
    }
    b[row] = sum / l[row * n + row];
  }
}

void SolveUpper(std::span<const double> l, std::size_t n, std::span<double> y) {
  for (std::size_t row = n; row > 0; --row) {
    const std::size_t r = row - 1;
    y[r] /= l[r * n + r];
    for (std::size_t k = 0; k < r; ++k) {
      y[k] -= l[r * n + k] * y[r];
    }
  }
}

}  // namespace recforce::ope
