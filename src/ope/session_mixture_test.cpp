// SPDX-License-Identifier: Apache-2.0
#include "ope/session_mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "recforce/base/rng.h"

namespace recforce::ope {
namespace {

TEST(LeastOnSimplexTest, InProportionToPrecisionWhereErrorsAreIndependent) {
  const std::vector<double> x = LeastOnSimplex(std::vector<double>{1, 0, 0, 0, 2, 0, 0, 0, 4}, 3);
  EXPECT_NEAR(x[0], 4.0 / 7.0, 1e-9);
  EXPECT_NEAR(x[1], 2.0 / 7.0, 1e-9);
  EXPECT_NEAR(x[2], 1.0 / 7.0, 1e-9);
}

TEST(LeastOnSimplexTest, NothingFromWhatOnlyAdds) {
  // The second goes with the first, and scatters more.
  const std::vector<double> x = LeastOnSimplex(std::vector<double>{1, 2, 2, 5}, 2);
  EXPECT_EQ(x, (std::vector<double>{1.0, 0.0}));
  EXPECT_EQ(LeastOnSimplex(std::vector<double>{3.0}, 1), std::vector<double>{1.0});
  EXPECT_EQ(LeastOnSimplex(std::vector<double>(4, 0.0), 2), (std::vector<double>{0.0, 1.0})) << "none is better";
}

// At the minimum no share that is held has a steeper slope than any other item.
TEST(LeastOnSimplexTest, ConditionsOfTheMinimumHold) {
  base::Rng rng(1, base::Stream::kTest);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const std::size_t n = 2 + rng.Below(12);
    std::vector<double> root(n * n);
    for (double& value : root) {
      value = rng.Uniform() - 0.3;
    }
    std::vector<double> matrix(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) {
          matrix[i * n + j] += root[i * n + k] * root[j * n + k];
        }
      }
    }
    const std::vector<double> x = LeastOnSimplex(matrix, n);
    EXPECT_NEAR(std::accumulate(x.begin(), x.end(), 0.0), 1.0, 1e-9);
    std::vector<double> slope(n, 0.0);
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_GE(x[i], 0.0);
      for (std::size_t j = 0; j < n; ++j) {
        slope[i] += matrix[i * n + j] * x[j];
      }
    }
    const double least = *std::min_element(slope.begin(), slope.end());
    for (std::size_t i = 0; i < n; ++i) {
      if (x[i] > 0.0) {
        EXPECT_NEAR(slope[i], least, 1e-9) << n << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace recforce::ope
