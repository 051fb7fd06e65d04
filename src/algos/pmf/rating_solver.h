// SPDX-License-Identifier: Apache-2.0
// The least-squares problem of one row of a biased factorisation: its vector and its bias at once, against the vectors
// and biases of the other side. In float64: n d^2 + d^3 / 3 operations for n ratings.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::algos {

// Solves one problem after the other in the same memory. Not thread-safe, one per thread.
class RatingSolver {
 public:
  // vectors: [N, dim], biases: [N], of the other side. Both must outlive this.
  RatingSolver(std::span<const float> vectors, std::span<const float> biases, std::int64_t dim);

  // What a row rated, and how.
  struct Ratings {
    std::span<const std::int32_t> rows;  // [n] of the other side, repeats allowed
    std::span<const float> values;       // [n]
    double mean = 0.0;                   // what every rating has
  };
  // (vector, bias) := argmin of sum over k of (values_k - mean - biases_k - bias - vector . vectors_k)^2
  //   + ridge |vector|^2 + bias_ridge bias^2; 0 for no ratings. False when the matrix is not positive definite.
  bool Solve(const Ratings& ratings, double ridge, double bias_ridge, std::span<float> vector, float& bias);
  // The sum of squares above, without the penalties.
  [[nodiscard]] double SquaredError(const Ratings& ratings, std::span<const float> vector, float bias) const;

 private:
  void Accumulate(const Ratings& ratings);
  bool Factorise();
  void Substitute();

  std::span<const float> vectors_;
  std::span<const float> biases_;
  std::int64_t dim_;
  std::int64_t size_;             // unknowns: dim + 1
  std::int64_t stride_;           // of a row (vector, 1, what is left of the rating), padded
  std::vector<double> gathered_;  // [block, stride]
  std::vector<double> matrix_;    // [size, stride] upper triangle with the right-hand side behind; then the factor
  std::vector<double> diagonal_;  // [size] before it is factorised
  std::vector<double> solution_;  // [size]
};

}  // namespace recforce::algos
