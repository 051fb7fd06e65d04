// SPDX-License-Identifier: Apache-2.0
#include "nn/flat_optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::nn {
namespace {

constexpr std::size_t kSize = 14;  // a matrix [3, 4] and two numbers

std::vector<double> Drawn(std::uint64_t a) {
  base::Rng rng(1, base::Stream::kTest, a);
  std::vector<double> values(kSize);
  for (double& value : values) {
    value = rng.Normal();
  }
  return values;
}

// Ranger as its parts are published, written once more without any of the code above.
struct Reference {
  std::vector<double> p, m = std::vector<double>(kSize), v = std::vector<double>(kSize), slow;
  int t = 0;

  void Step(std::vector<double> g, double lr, double decay) {
    for (std::size_t row = 0; row < 3; ++row) {
      const double mean = (g[row * 4] + g[row * 4 + 1] + g[row * 4 + 2] + g[row * 4 + 3]) / 4.0;
      for (std::size_t c = 0; c < 4; ++c) {
        g[row * 4 + c] -= mean;
      }
    }
    ++t;
    const double b1 = std::pow(0.95, t);
    const double b2 = std::pow(0.999, t);
    const double most = 2.0 / (1.0 - 0.999) - 1.0;
    const double rho = most - 2.0 * t * b2 / (1.0 - b2);
    for (std::size_t at = 0; at < kSize; ++at) {
      m[at] = 0.95 * m[at] + 0.05 * g[at];
      v[at] = 0.999 * v[at] + 0.001 * g[at] * g[at];
      p[at] *= 1.0 - lr * decay;
      if (rho > 5.0) {
        const double eta =
            std::sqrt((1.0 - b2) * (rho - 4.0) / (most - 4.0) * (rho - 2.0) / rho * most / (most - 2.0)) / (1.0 - b1);
        p[at] -= lr * eta * m[at] / (std::sqrt(v[at]) + 1e-5);
      } else {
        p[at] -= lr * m[at] / (1.0 - b1);
      }
    }
    if (t % 6 == 0) {
      for (std::size_t at = 0; at < kSize; ++at) {
        slow[at] += 0.5 * (p[at] - slow[at]);
        p[at] = slow[at];
      }
    }
  }
};

TEST(FlatOptimizer, RangerTakesThePublishedSteps) {
  Reference reference;
  reference.p = reference.slow = Drawn(0);
  std::vector<double> parameters = reference.p;
  FlatOptimizer<double> ranger(parameters, {{0, 3, 4}}, FlatOptimizerOptions::Ranger(0.01, 0.1));
  for (std::uint64_t step = 1; step <= 20; ++step) {
    std::vector<double> gradient = Drawn(step);
    reference.Step(gradient, 0.01, 0.1);
    ranger.Step(parameters, gradient);
    for (std::size_t at = 0; at < kSize; ++at) {
      ASSERT_NEAR(parameters[at], reference.p[at], 1e-13) << "step " << step << " number " << at;
    }
  }
}

// The first steps are not divided: rho_5 < 5 < rho_6 for beta2 = .999.
TEST(FlatOptimizer, RangerBeginsWithoutDivision) {
  std::vector<double> parameters = {0.0};
  FlatOptimizer<double> ranger(parameters, {}, FlatOptimizerOptions::Ranger(1.0, 0.0));
  for (int step = 1; step <= 5; ++step) {
    std::vector<double> gradient = {1000.0};
    const double before = parameters[0];
    ranger.Step(parameters, gradient);
    EXPECT_NEAR(before - parameters[0], 1000.0, 1e-6) << step;
  }
  std::vector<double> gradient = {1000.0};
  const double before = parameters[0];
  ranger.Step(parameters, gradient);
  EXPECT_LT(std::abs(before - 0.5 * before - parameters[0]), 1.0);  // a step below 1, then half the way back to 0
}

TEST(FlatOptimizer, AdamTakesThePublishedSteps) {
  std::vector<double> expected = Drawn(0);
  std::vector<double> parameters = expected;
  std::vector<double> m(kSize);
  std::vector<double> v(kSize);
  FlatOptimizer<double> adam(parameters, {{0, 3, 4}}, {.learning_rate = 0.01, .weight_decay = 0.2});
  for (int step = 1; step <= 10; ++step) {
    std::vector<double> gradient = Drawn(static_cast<std::uint64_t>(step));
    for (std::size_t at = 0; at < kSize; ++at) {
      m[at] = 0.9 * m[at] + 0.1 * gradient[at];
      v[at] = 0.999 * v[at] + 0.001 * gradient[at] * gradient[at];
      const double first = m[at] / (1.0 - std::pow(0.9, step));
      const double second = v[at] / (1.0 - std::pow(0.999, step));
      expected[at] = expected[at] * (1.0 - 0.01 * 0.2) - 0.01 * first / (std::sqrt(second) + 1e-8);
    }
    adam.Step(parameters, gradient);
    for (std::size_t at = 0; at < kSize; ++at) {
      ASSERT_NEAR(parameters[at], expected[at], 1e-13);
    }
  }
}

TEST(FlatOptimizer, GoesOnAsIfItHadNeverStopped) {
  std::vector<double> parameters = Drawn(0);
  FlatOptimizer<double> ranger(parameters, {{0, 3, 4}}, FlatOptimizerOptions::Ranger(0.01, 0.0));
  const auto step = [](FlatOptimizer<double>& optimizer, std::vector<double>& p, int number) {
    std::vector<double> gradient = Drawn(static_cast<std::uint64_t>(number));
    optimizer.Step(p, gradient);
  };
  for (int number = 1; number <= 8; ++number) {
    step(ranger, parameters, number);
  }
  base::TensorSet state;
  ranger.Save(state, "o");
  std::vector<double> resumed = parameters;
  FlatOptimizer<double> other(std::vector<double>(kSize), {{0, 3, 4}}, FlatOptimizerOptions::Ranger(0.01, 0.0));
  other.Load(state, "o");
  for (int number = 9; number <= 20; ++number) {
    step(other, resumed, number);
  }
  for (int number = 9; number <= 20; ++number) {
    step(ranger, parameters, number);
  }
  EXPECT_EQ(resumed, parameters);
  FlatOptimizer<double> larger(std::vector<double>(kSize + 1), {}, FlatOptimizerOptions::Ranger(0.01, 0.0));
  EXPECT_THROW(larger.Load(state, "o"), base::Error);
}

}  // namespace
}  // namespace recforce::nn
