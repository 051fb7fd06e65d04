// SPDX-License-Identifier: Apache-2.0
// Small dense systems in double: A = L L^T for symmetric positive definite A.
#pragma once

#include <cstddef>
#include <span>

namespace recforce::ope {

// Replaces the lower triangle of A, [n, n] row-major, by L; what lies above it is neither read nor written. False when
// A is not positive definite, as far as double precision can tell; A is spoilt then.
[[nodiscard]] bool Factor(std::span<double> a, std::size_t n);

// Solves L y = b in place of b. L as Factor() leaves it.
void SolveLower(std::span<const double> l, std::size_t n, std::span<double> b);
// Solves L^T x = y in place of y.
void SolveUpper(std::span<const double> l, std::size_t n, std::span<double> y);
// Solves A x = b in place of b.
inline void Solve(std::span<const double> l, std::size_t n, std::span<double> b) {
  SolveLower(l, n, b);
  SolveUpper(l, n, b);
}

}  // namespace recforce::ope
