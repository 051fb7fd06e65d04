// SPDX-License-Identifier: Apache-2.0
// Many small least-squares problems over rows of one factor table, as alternating least squares poses them (Hu, Koren,
// Volinsky, ICDM 2008). A problem of n rows costs n d^2 + d^3 / 3 operations in float32.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace recforce::algos {

// Length of the rows of Gram matrices: `dim`, rounded up to what a kernel does at once.
constexpr std::int64_t PaddedDim(std::int64_t dim) { return (dim + 15) / 16 * 16; }

// weight V'V of the table V [N, dim]: [PaddedDim, PaddedDim], of which the upper triangle counts and the padding is 0.
// On the threads of base::ParallelFor; the same bytes on any number of them.
std::vector<float> WeightedGram(std::span<const float> table, std::int64_t dim, double weight);

// Solves one problem after the other in the same memory. Not thread-safe, one per thread.
class LeastSquares {
 public:
  // table: V [N, dim]; gram: as WeightedGram makes it. Both must outlive this.
  LeastSquares(std::span<const float> table, std::int64_t dim, std::span<const float> gram);

  // x := argmin of sum over r in `rows` of (x . v_r - 1)^2 + x' gram x + ridge |x|^2; 0 for no rows. Returns the
  // minimum, or nothing when the matrix is not positive definite in float32.
  std::optional<double> Solve(std::span<const std::int32_t> rows, double ridge, std::span<float> x);

 private:
  void Accumulate(std::span<const std::int32_t> rows);
  bool Factorise();
  void Substitute(std::span<float> x) const;

  const float* table_;
  const float* gram_;
  std::int64_t dim_;
  std::int64_t stride_;
  std::int64_t block_;           // rows gathered at once
  std::vector<float> gathered_;  // [block, stride]
  std::vector<float> matrix_;    // [stride, stride] upper triangle; the factor U of U'U once factorised
  std::vector<float> diagonal_;  // [stride] of the matrix before it is factorised
  std::vector<float> inverse_;   // [stride] 1 / U_kk
  std::vector<float> right_;     // [stride] b, the sum of the rows; spent by Factorise
  std::vector<float> solution_;  // [stride] y of U'y = b
};

}  // namespace recforce::algos
