// SPDX-License-Identifier: Apache-2.0
#include "algos/pmf/rating_solver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

TEST(RatingSolver, TwoRatingsByHand) {
  const std::vector<float> vectors = {1.0F, -1.0F};
  const std::vector<float> biases = {0.5F, 0.0F};
  const std::vector<std::int32_t> rows = {0, 1};
  const std::vector<float> values = {4.0F, 3.0F};
  RatingSolver solver(vectors, biases, 1);
  std::vector<float> vector(1);
  float bias = 0.0F;
  // (0.5 - b - p)^2 + (0 - b + p)^2 + p^2 + 2 b^2: 3 p = 0.5 and 4 b = 0.5.
  ASSERT_TRUE(solver.Solve({rows, values, 3.0}, 1.0, 2.0, vector, bias));
  EXPECT_FLOAT_EQ(vector[0], 1.0F / 6);
  EXPECT_FLOAT_EQ(bias, 1.0F / 8);
  const double first = 0.5 - 1.0 / 6 - 1.0 / 8;
  const double second = 1.0 / 6 - 1.0 / 8;
  EXPECT_NEAR(solver.SquaredError({rows, values, 3.0}, vector, bias), first * first + second * second, 1e-6);
}

// x of A x = b by elimination with pivots; A: [n, n].
std::vector<double> SolveDense(std::vector<std::vector<double>> a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t best = k;
    for (std::size_t i = k; i < n; ++i) {
      best = std::abs(a[i][k]) > std::abs(a[best][k]) ? i : best;
    }
    std::swap(a[k], a[best]);
    std::swap(b[k], b[best]);
    for (std::size_t i = 0; i < n; ++i) {
      const double factor = i == k ? 0.0 : a[i][k] / a[k][k];
      for (std::size_t j = 0; j < n; ++j) {
        a[i][j] -= factor * a[k][j];
      }
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    b[k] /= a[k][k];
  }
  return b;
}

// More ratings than are gathered at once, fewer than unknowns, repeats, and lengths that are no multiple of anything;
// the same memory for all.
TEST(RatingSolver, AgreesWithADenseSolution) {
  constexpr std::int64_t kDim = 19;
  constexpr std::int64_t kOthers = 25;
  base::Rng rng(5, base::Stream::kTest);
  std::vector<float> vectors(kOthers * kDim);
  std::vector<float> biases(kOthers);
  std::generate(vectors.begin(), vectors.end(), [&] { return static_cast<float>(rng.Normal()); });
  std::generate(biases.begin(), biases.end(), [&] { return static_cast<float>(rng.Normal()); });
  RatingSolver solver(vectors, biases, kDim);
  for (const std::int64_t count : {1, 7, 32, 71}) {
    std::vector<std::int32_t> rows;
    std::vector<float> values;
    for (std::int64_t k = 0; k < count; ++k) {
      rows.push_back(static_cast<std::int32_t>(rng.Below(kOthers)));
      values.push_back(static_cast<float>(rng.Normal()));
    }
    std::vector<std::vector<double>> a(kDim + 1, std::vector<double>(kDim + 1, 0.0));
    std::vector<double> b(kDim + 1, 0.0);
    for (std::int64_t k = 0; k < count; ++k) {
      std::vector<double> x(kDim + 1, 1.0);
      std::copy_n(vectors.begin() + rows[k] * kDim, kDim, x.begin());
      for (std::size_t i = 0; i <= kDim; ++i) {
        b[i] += x[i] * (values[k] - 0.25 - biases[rows[k]]);
        for (std::size_t j = 0; j <= kDim; ++j) {
          a[i][j] += x[i] * x[j];
        }
      }
    }
    for (std::size_t i = 0; i <= kDim; ++i) {
      a[i][i] += i < kDim ? 0.3 : 0.7;
    }
    const std::vector<double> expected = SolveDense(a, b);
    std::vector<float> vector(kDim);
    float bias = 0.0F;
    ASSERT_TRUE(solver.Solve({rows, values, 0.25}, 0.3, 0.7, vector, bias));
    for (std::size_t i = 0; i < kDim; ++i) {
      EXPECT_NEAR(vector[i], expected[i], 1e-6) << count << " ratings, entry " << i;
    }
    EXPECT_NEAR(bias, expected[kDim], 1e-6) << count;
  }
}

TEST(RatingSolver, NothingRatedIsZeroAndWhatIsSingularIsToldApart) {
  const std::vector<float> vectors = {1.0F, 2.0F, 3.0F, 4.0F};
  const std::vector<float> biases = {0.0F, 0.0F};
  RatingSolver solver(vectors, biases, 2);
  std::vector<float> vector = {5.0F, 5.0F};
  float bias = 5.0F;
  EXPECT_TRUE(solver.Solve({}, 0.0, 0.0, vector, bias));
  EXPECT_EQ(vector, (std::vector<float>{0.0F, 0.0F}));
  EXPECT_EQ(bias, 0.0F);
  const std::vector<std::int32_t> rows = {0, 1};
  const std::vector<float> values = {1.0F, 2.0F};
  EXPECT_FALSE(solver.Solve({rows, values}, 0.0, 0.0, vector, bias));
  EXPECT_TRUE(solver.Solve({rows, values}, 0.0, 1.0, vector, bias));
}

}  // namespace
}  // namespace recforce::algos
