// SPDX-License-Identifier: Apache-2.0
#include "ope/quantile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace recforce::ope {
namespace {

TEST(OpeQuantile, Normal) {
  EXPECT_NEAR(NormalQuantile(0.975), 1.959963984540054, 1e-12);
  EXPECT_NEAR(NormalQuantile(0.95), 1.6448536269514722, 1e-12);
  EXPECT_NEAR(NormalQuantile(0.001), -3.090232306167813, 1e-12);
  EXPECT_EQ(NormalQuantile(0.5), 0.0);
}

// One, two and four degrees of freedom have closed forms.
TEST(OpeQuantile, StudentInClosedForm) {
  for (const double p : {0.5, 0.55, 0.6, 0.75, 0.9, 0.95, 0.975, 0.995, 0.9999}) {
    const double alpha = 4.0 * p * (1.0 - p);
    EXPECT_NEAR(StudentQuantile(p, 1.0), std::tan(std::numbers::pi * (p - 0.5)),
                1e-11 * (1.0 + StudentQuantile(p, 1.0)));
    EXPECT_NEAR(StudentQuantile(p, 2.0), 2.0 * (p - 0.5) * std::sqrt(2.0 / alpha),
                1e-11 * (1.0 + StudentQuantile(p, 2.0)));
    const double root = std::sqrt(alpha);
    const double four = 2.0 * std::sqrt(std::max(0.0, std::cos(std::acos(root) / 3.0) / root - 1.0));
    // Near p = 1/2 the closed form subtracts 1 from 1.
    EXPECT_NEAR(StudentQuantile(p, 4.0), four, p < 0.6 ? 1e-7 : 1e-11 * (1.0 + four)) << p;
    EXPECT_EQ(StudentQuantile(1.0 - p, 4.0), -StudentQuantile(1.0 - (1.0 - p), 4.0));
  }
}

TEST(OpeQuantile, StudentOfTables) {
  EXPECT_NEAR(StudentQuantile(0.95, 5.0), 2.01504837333302, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 10.0), 2.2281388519649385, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.975, 30.0), 2.0422724563012373, 1e-10);
  EXPECT_NEAR(StudentQuantile(0.995, 120.0), 2.6174211410, 1e-8);
}

// The expansion takes over at 100,000 degrees; both sides of the seam agree, and the normal law is the limit.
TEST(OpeQuantile, StudentOfManyDegrees) {
  for (const double p : {0.6, 0.9, 0.975, 0.999}) {
    EXPECT_NEAR(StudentQuantile(p, 99999.9), StudentQuantile(p, 100000.1), 1e-9);
    EXPECT_NEAR(StudentQuantile(p, 1e12), NormalQuantile(p), 1e-10);
    EXPECT_GT(StudentQuantile(p, 100.0), StudentQuantile(p, 1000.0));
  }
}

}  // namespace
}  // namespace recforce::ope
