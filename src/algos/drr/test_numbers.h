// SPDX-License-Identifier: Apache-2.0
// Numbers for tests, and gradients checked by differences.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::algos {

inline std::vector<double> Drawn(std::int64_t count, std::uint64_t name) {
  base::Rng rng(1, base::Stream::kTest, name);
  std::vector<double> values(static_cast<std::size_t>(count));
  std::generate(values.begin(), values.end(), [&] { return rng.Normal(); });
  return values;
}

inline void ExpectDerivative(const std::function<double()>& loss, double& at, double expected) {
  constexpr double kStep = 1e-6;
  const double before = at;
  at = before + kStep;
  const double above = loss();
  at = before - kStep;
  const double below = loss();
  at = before;
  EXPECT_NEAR((above - below) / (2.0 * kStep), expected, 1e-7 * std::max(1.0, std::abs(expected)) + 1e-8);
}

// Of every number of `parameters`, which `loss` reads.
inline void ExpectGradient(const std::function<double()>& loss, std::vector<double>& parameters,
                           const std::vector<double>& gradient) {
  ASSERT_EQ(parameters.size(), gradient.size());
  for (std::size_t at = 0; at < parameters.size(); ++at) {
    SCOPED_TRACE(at);
    ExpectDerivative(loss, parameters[at], gradient[at]);
  }
}

}  // namespace recforce::algos
