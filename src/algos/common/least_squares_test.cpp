// SPDX-License-Identifier: Apache-2.0
#include "algos/common/least_squares.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

std::vector<float> RandomTable(std::int64_t rows, std::int64_t dim) {
  base::Rng rng(3, base::Stream::kTest, static_cast<std::uint64_t>(dim));
  std::vector<float> table(static_cast<std::size_t>(rows * dim));
  for (float& value : table) {
    value = static_cast<float>(rng.Normal() * 0.3);
  }
  return table;
}

// Gaussian elimination in double: solves A x = b.
std::vector<double> SolveSlowly(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) {
        a[i][j] -= factor * a[k][j];
      }
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) {
      b[k] -= a[k][j] * b[j];
    }
    b[k] /= a[k][k];
  }
  return b;
}

TEST(WeightedGram, ByHandAndPadded) {
  const std::vector<float> table = {1, 2, 3, -1};  // (1, 2) and (3, -1)
  const std::vector<float> gram = WeightedGram(table, 2, 0.5);
  ASSERT_EQ(gram.size(), 256);
  EXPECT_EQ(gram[0], 5.0F);
  EXPECT_EQ(gram[1], -0.5F);
  EXPECT_EQ(gram[17], 2.5F);
  EXPECT_EQ(gram[2], 0.0F);
  EXPECT_EQ(gram[2 * 16 + 2], 0.0F);
}

TEST(WeightedGram, EqualsADoubleSumOnAnyNumberOfThreads) {
  constexpr std::int64_t kRows = 1700;
  constexpr std::int64_t kDim = 37;
  const std::vector<float> table = RandomTable(kRows, kDim);
  base::SetThreads(1);
  const std::vector<float> gram = WeightedGram(table, kDim, 2.0);
  base::SetThreads(2);
  EXPECT_EQ(WeightedGram(table, kDim, 2.0), gram);
  for (std::int64_t i = 0; i < kDim; ++i) {
    for (std::int64_t j = i; j < kDim; ++j) {
      double sum = 0.0;
      for (std::int64_t r = 0; r < kRows; ++r) {
        sum += 2.0 * table[static_cast<std::size_t>(r * kDim + i)] * table[static_cast<std::size_t>(r * kDim + j)];
      }
      EXPECT_NEAR(gram[static_cast<std::size_t>(i * PaddedDim(kDim) + j)], sum, 1e-3);
    }
  }
}

TEST(LeastSquares, OneDimensionByHand) {
  // (2 x - 1)^2 + (x - 1)^2 + 3 x^2 + 2 x^2: x = 3 / 10, and 2 - 0.9 is left.
  const std::vector<float> table = {2.0F, 1.0F, 7.0F};
  std::vector<float> gram(256, 0.0F);
  gram[0] = 3.0F;
  LeastSquares solver(table, 1, gram);
  std::vector<float> x(1);
  const std::vector<std::int32_t> rows = {0, 1};
  EXPECT_NEAR(solver.Solve(rows, 2.0, x).value(), 1.1, 1e-6);
  EXPECT_NEAR(x[0], 0.3, 1e-6);
  EXPECT_EQ(solver.Solve({}, 2.0, x), 0.0);
  EXPECT_EQ(x[0], 0.0F);
}

TEST(LeastSquares, EqualsASlowTwinForEveryDimension) {
  for (const std::int64_t dim : {1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 65, 100, 192}) {
    constexpr std::int64_t kRows = 300;
    const std::vector<float> table = RandomTable(kRows, dim);
    const std::vector<float> gram = WeightedGram(table, dim, 0.1);
    LeastSquares solver(table, dim, gram);
    for (const std::int32_t count : {1, 5, 64, 150}) {
      std::vector<std::int32_t> rows;
      for (std::int32_t r = 0; r < count; ++r) {
        rows.push_back((r * 7 + 3) % static_cast<std::int32_t>(kRows));
      }
      std::vector<float> x(static_cast<std::size_t>(dim));
      const double minimum = solver.Solve(rows, 0.7, x).value();

      const auto n = static_cast<std::size_t>(dim);
      std::vector<std::vector<double>> a(n, std::vector<double>(n, 0.0));
      std::vector<double> b(n, 0.0);
      const auto entry = [&](std::int64_t r, std::size_t k) {
        return static_cast<double>(table[static_cast<std::size_t>(r) * n + k]);
      };
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          for (std::int64_t r = 0; r < kRows; ++r) {
            a[i][j] += 0.1 * entry(r, i) * entry(r, j);
          }
          for (const std::int32_t r : rows) {
            a[i][j] += entry(r, i) * entry(r, j);
          }
        }
        a[i][i] += 0.7;
        for (const std::int32_t r : rows) {
          b[i] += entry(r, i);
        }
      }
      const std::vector<double> expected = SolveSlowly(a, b);
      double left = count;
      for (std::size_t k = 0; k < n; ++k) {
        ASSERT_NEAR(x[k], expected[k], 2e-5) << dim << " " << count << " " << k;
        left -= expected[k] * b[k];
      }
      EXPECT_NEAR(minimum, left, 2e-4 * count) << dim << " " << count;
    }
  }
}

TEST(LeastSquares, SaysWhenAMatrixIsNotPositiveDefinite) {
  const std::vector<float> table = {1.0F, 1.0F, 1.0F, 1.0F};
  const std::vector<float> gram(256, 0.0F);
  LeastSquares solver(table, 2, gram);
  std::vector<float> x(2);
  const std::vector<std::int32_t> rows = {0, 1};
  EXPECT_FALSE(solver.Solve(rows, 0.0, x).has_value());
  EXPECT_TRUE(solver.Solve(rows, 0.1, x).has_value());
}

}  // namespace
}  // namespace recforce::algos
