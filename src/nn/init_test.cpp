// SPDX-License-Identifier: Apache-2.0
#include "nn/init.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

TEST(Init, XavierUniformHasItsLimitAndVariance) {
  const torch::Tensor values = XavierUniform({300, 200}, 200, 300, 1, 0);
  const double limit = std::sqrt(6.0 / 500.0);
  EXPECT_LE(values.abs().max().item<double>(), limit);
  EXPECT_GT(values.abs().max().item<double>(), 0.999 * limit);
  // Variance of a uniform number is limit^2 / 3; 60,000 draws know it to about half a percent.
  EXPECT_NEAR(values.var().item<double>() / (limit * limit / 3.0), 1.0, 0.02);
  EXPECT_NEAR(values.mean().item<double>(), 0.0, 0.002);
}

TEST(Init, XavierNormalHasTheSameVariance) {
  const torch::Tensor values = XavierNormal({300, 200}, 200, 300, 1, 0);
  // 60,000 draws know a deviation to 0.3 percent, and a mean to 0.0003.
  EXPECT_NEAR(values.std().item<double>() / std::sqrt(2.0 / 500.0), 1.0, 0.015);
  EXPECT_NEAR(values.mean().item<double>(), 0.0, 0.0015);
  // What tells it from a uniform one: kurtosis 3, not 1.8.
  EXPECT_NEAR((values.pow(4).mean() / values.pow(2).mean().square()).item<double>(), 3.0, 0.15);
}

TEST(Init, TruncatedNormalStaysWithinTwoDeviations) {
  const torch::Tensor values = TruncatedNormal({20000}, 0.001, 1, 0);
  EXPECT_LE(values.abs().max().item<double>(), 0.002);
  // Deviation of a standard normal cut at 2: sqrt(1 - 4 phi(2) / (2 Phi(2) - 1)) = 0.8796.
  EXPECT_NEAR(values.std().item<double>() / 0.001, 0.8796, 0.02);
}

TEST(Init, SeedAndNumberNameTheValuesAndThreadsDoNot) {
  const torch::Tensor values = XavierUniform({500, 100}, 100, 500, 5, 2);
  EXPECT_FALSE(values.equal(XavierUniform({500, 100}, 100, 500, 6, 2)));
  EXPECT_FALSE(values.equal(XavierUniform({500, 100}, 100, 500, 5, 3)));
  const int before = base::Threads();
  base::SetThreads(before == 1 ? 2 : 1);
  EXPECT_TRUE(values.equal(XavierUniform({500, 100}, 100, 500, 5, 2)));
  base::SetThreads(before);
}

}  // namespace
}  // namespace recforce::nn
