// SPDX-License-Identifier: Apache-2.0
// Round marks and the maps behind them.
#include "report/scale.h"

#include <gtest/gtest.h>

#include <cmath>

namespace recforce::report {
namespace {

using Texts = std::vector<std::string>;

TEST(LinearTicks, AreRoundAndInside) {
  EXPECT_EQ(LinearTicks(0.0, 1.0, 5).texts, (Texts{"0.0", "0.2", "0.4", "0.6", "0.8", "1.0"}));
  EXPECT_EQ(LinearTicks(0.113, 0.478, 5).texts, (Texts{"0.2", "0.3", "0.4"}));
  EXPECT_EQ(LinearTicks(-0.03, 0.05, 4).texts, (Texts{"-0.02", "0.00", "0.02", "0.04"}));
  EXPECT_EQ(LinearTicks(0.0, 25000.0, 5).texts, (Texts{"0", "5,000", "10,000", "15,000", "20,000", "25,000"}));
  EXPECT_EQ(LinearTicks(3.0, 3.0, 5).texts, Texts{"3"});
}

TEST(LinearTicks, ValuesAreTheNumbersThatTheTextsSay) {
  const Ticks ticks = LinearTicks(0.0, 0.7, 7);
  EXPECT_EQ(ticks.at[3], 0.3);
  EXPECT_EQ(ticks.at[6], 0.6);
  EXPECT_EQ(ticks.at.back(), 0.7);
}

TEST(LinearTicks, HugeAndTinyRangesStayReadable) {
  EXPECT_EQ(LinearTicks(0.0, 3e9, 3).texts, (Texts{"0", "1e+09", "2e+09", "3e+09"}));
  EXPECT_EQ(LinearTicks(0.0, 3e-9, 3).texts, (Texts{"0", "1e-09", "2e-09", "3e-09"}));
  for (double width = 1e-12; width < 1e12; width *= 3.7) {
    for (const int target : {1, 3, 8}) {
      const Ticks ticks = LinearTicks(-0.3 * width, 0.7 * width, target);
      EXPECT_GE(ticks.at.size(), 1U) << width;
      EXPECT_LE(ticks.at.size(), static_cast<std::size_t>(target) + 1) << width;
    }
  }
}

TEST(WholeTicks, NeverHalves) {
  EXPECT_EQ(WholeTicks(0.0, 1.0, 8).texts, (Texts{"0", "1"}));
  EXPECT_EQ(WholeTicks(0.0, 35.0, 8).texts, (Texts{"0", "5", "10", "15", "20", "25", "30", "35"}));
  EXPECT_EQ(WholeTicks(0.0, 500.0, 5).texts, (Texts{"0", "100", "200", "300", "400", "500"}));
}

TEST(LogTicks, OneTwoFiveOrPowersAlone) {
  EXPECT_EQ(LogTicks(0.4, 120.0).texts, (Texts{"0.5", "1", "2", "5", "10", "20", "50", "100"}));
  EXPECT_EQ(LogTicks(1e-3, 2e3).texts, (Texts{"0.001", "0.01", "0.1", "1", "10", "100", "1,000"}));
  EXPECT_EQ(LogTicks(3.1, 3.2).texts, Texts{"3.1"});
}

TEST(Scale, MapsBothWays) {
  const Scale up{10.0, 20.0, 200.0, 100.0, false};
  EXPECT_DOUBLE_EQ(up(10.0), 200.0);
  EXPECT_DOUBLE_EQ(up(12.5), 175.0);
  const Scale powers{1.0, 100.0, 0.0, 10.0, true};
  EXPECT_DOUBLE_EQ(powers(10.0), 5.0);
  const Scale point{4.0, 4.0, 0.0, 10.0, false};
  EXPECT_DOUBLE_EQ(point(4.0), 5.0);
}

TEST(Widened, NeverAcrossZero) {
  EXPECT_DOUBLE_EQ(Widened(0.01, 0.5, 0.1).low, 0.0);
  EXPECT_DOUBLE_EQ(Widened(0.4, 0.5, 0.1).low, 0.39);
  EXPECT_DOUBLE_EQ(Widened(-0.5, -0.01, 0.1).high, 0.0);
  EXPECT_DOUBLE_EQ(Widened(-1.0, 1.0, 0.1).high, 1.2);
  const Range zero = Widened(0.0, 0.0, 0.1);
  EXPECT_LT(zero.low, zero.high);
  const Range point = Widened(-2.0, -2.0, 0.1);
  EXPECT_DOUBLE_EQ(point.low, -2.2);
  EXPECT_DOUBLE_EQ(point.high, -1.8);
}

}  // namespace
}  // namespace recforce::report
