// SPDX-License-Identifier: Apache-2.0
#include "ope/cholesky.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <vector>

namespace recforce::ope {
namespace {

TEST(Cholesky, ByHand) {
  // [4 2; 2 5] = [2 0; 1 2] [2 1; 0 2]; what lies above the diagonal is not touched.
  std::vector<double> a = {4, -99, 2, 5};
  ASSERT_TRUE(Factor(a, 2));
  EXPECT_EQ(a, (std::vector<double>{2, -99, 1, 2}));
  std::vector<double> b = {8, 16};  // = A (0.5, 3)
  Solve(a, 2, b);
  EXPECT_NEAR(b[0], 0.5, 1e-15);
  EXPECT_NEAR(b[1], 3.0, 1e-15);
}

TEST(Cholesky, WhatIsNotPositiveDefiniteIsRefused) {
  std::vector<double> singular = {1, 0, 1, 1};
  EXPECT_FALSE(Factor(singular, 2));
  std::vector<double> not_finite = {std::nan("")};
  EXPECT_FALSE(Factor(not_finite, 1));
}

TEST(Cholesky, SolutionsSolve) {
  EXPECT_TRUE(rc::check("A x = b", [] {
    const auto n = static_cast<std::size_t>(*rc::gen::inRange(1, 8));
    std::vector<double> root(n * n);
    std::vector<double> x(n);
    for (double& value : root) {
      value = *rc::gen::inRange(-9, 10);
    }
    for (double& value : x) {
      value = *rc::gen::inRange(-9, 10);
    }
    std::vector<double> a(n * n, 0.0);
    std::vector<double> b(n, 0.0);
    for (std::size_t row = 0; row < n; ++row) {
      for (std::size_t col = 0; col < n; ++col) {
        a[row * n + col] = row == col ? 1.0 : 0.0;
        for (std::size_t k = 0; k < n; ++k) {
          a[row * n + col] += root[row * n + k] * root[col * n + k];
        }
        b[row] += a[row * n + col] * x[col];
      }
    }
    RC_ASSERT(Factor(a, n));
    Solve(a, n, b);
    for (std::size_t i = 0; i < n; ++i) {
      RC_ASSERT(std::fabs(b[i] - x[i]) < 1e-6);
    }
  }));
}

}  // namespace
}  // namespace recforce::ope
