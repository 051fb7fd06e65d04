// SPDX-License-Identifier: Apache-2.0
// Which mixture of estimates has the least squared error (MAGIC, Thomas & Brunskill, ICML 2016, section 8). Internal.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "recforce/ope/terms.h"

namespace recforce::ope {

// Estimate j of ratios.size() takes the first 1 + j of the ratios; the last one, which takes all, counts as unbiased.
// Returns shares [ratios.size()] of the estimates, from 0 on, of sum 1, that minimise x' (C + b b') x: C the covariance
// of the estimates (delta method), b_j the distance of estimate j from the 90 % interval of the last.
std::vector<double> LeastError(const Terms& terms);

// The x on the simplex with the least x' matrix x; matrix: [n, n] row-major, symmetric, positive semidefinite.
std::vector<double> LeastOnSimplex(std::span<const double> matrix, std::size_t n);

}  // namespace recforce::ope
