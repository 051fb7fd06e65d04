// SPDX-License-Identifier: Apache-2.0
// Tests of the random streams: published vectors of Philox4x32-10, the shapes of the distributions, independence.
#include "recforce/base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::base {
namespace {

using Block = std::array<std::uint32_t, 4>;

TEST(PhiloxTest, PublishedVectors) {
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(Philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

std::vector<std::uint32_t> Draw(Rng rng, int count) {
  std::vector<std::uint32_t> values;
  for (int drawn = 0; drawn < count; ++drawn) {
    values.push_back(rng.Next());
  }
  return values;
}

TEST(RngTest, EveryPartOfTheNameMakesAnotherStream) {
  const std::vector<Rng> streams = {Rng(1, Stream::kTest),
                                    Rng(2, Stream::kTest),
                                    Rng(1, Stream::kShuffle),
                                    Rng(1, Stream::kTest, 1),
                                    Rng(1, Stream::kTest, 0, 1),
                                    Rng(1, Stream::kTest, 1, 1),
                                    Rng(1, Stream::kTest, std::uint64_t{1} << 32)};
  std::map<std::uint32_t, int> seen;
  for (const Rng& stream : streams) {
    EXPECT_EQ(Draw(stream, 50), Draw(stream, 50));
    for (const std::uint32_t value : Draw(stream, 50)) {
      ++seen[value];
    }
  }
  // 350 draws out of 2^32 collide with probability 350^2 / 2^33 = 0.00001.
  EXPECT_EQ(seen.size(), 350);
}

TEST(RngTest, ValuesStayTheSameFromVersionToVersion) {
  // Runs are repeatable only as long as these numbers do not change.
  Rng rng(42, Stream::kShuffle, 3, 7);
  EXPECT_EQ(Draw(rng, 5), (std::vector<std::uint32_t>{0x2047390e, 0x3b2d92ea, 0x68b5978b, 0x08e1193e, 0xcfe3c31e}));
}

TEST(RngTest, UniformStaysInsideAndIsFlat) {
  Rng rng(7, Stream::kTest);
  constexpr int kDraws = 100000;
  std::vector<int> cells(10);
  for (int drawn = 0; drawn < kDraws; ++drawn) {
    const double value = rng.Uniform();
    ASSERT_GT(value, 0.0);
    ASSERT_LT(value, 1.0);
    ++cells[static_cast<std::size_t>(value * 10)];
  }
  double chi_squared = 0;
  for (const int count : cells) {
    chi_squared += std::pow(count - kDraws / 10.0, 2) / (kDraws / 10.0);
  }
  EXPECT_LT(chi_squared, 27.9);  // 9 degrees of freedom, p = 0.001
}

TEST(RngTest, NormalHasTheRightMoments) {
  Rng rng(8, Stream::kTest);
  constexpr int kDraws = 100000;
  double sum = 0;
  double squares = 0;
  double fourths = 0;
  double neighbours = 0;
  double previous = 0;
  for (int drawn = 0; drawn < kDraws; ++drawn) {
    const double value = rng.Normal();
    sum += value;
    squares += value * value;
    fourths += value * value * value * value;
    neighbours += value * previous;
    previous = value;
  }
  // Standard errors: 1/sqrt(n) = 0.0032, sqrt(2/n) = 0.0045, sqrt(96/n) = 0.031, 1/sqrt(n) = 0.0032.
  EXPECT_NEAR(sum / kDraws, 0, 0.013);
  EXPECT_NEAR(squares / kDraws, 1, 0.018);
  EXPECT_NEAR(fourths / kDraws, 3, 0.13);
  EXPECT_NEAR(neighbours / kDraws, 0, 0.013);
}

TEST(RngTest, BelowCoversItsRangeEvenly) {
  Rng rng(9, Stream::kTest);
  std::vector<int> counts(7);
  constexpr int kDraws = 70000;
  for (int drawn = 0; drawn < kDraws; ++drawn) {
    const std::uint64_t value = rng.Below(7);
    ASSERT_LT(value, 7);
    ++counts[value];
  }
  double chi_squared = 0;
  for (const int count : counts) {
    chi_squared += std::pow(count - 10000.0, 2) / 10000.0;
  }
  EXPECT_LT(chi_squared, 22.5);  // 6 degrees of freedom, p = 0.001
  EXPECT_EQ(rng.Below(1), 0);
  EXPECT_THROW(rng.Below(0), Error);
}

TEST(RngTest, BelowReachesPastThirtyTwoBits) {
  Rng rng(10, Stream::kTest);
  // n = 3 * 2^62: a biased mapping of 2^64 values would hit the first third twice as often as the others.
  const std::uint64_t n = std::uint64_t{3} << 62;
  std::vector<int> thirds(3);
  for (int drawn = 0; drawn < 30000; ++drawn) {
    const std::uint64_t value = rng.Below(n);
    ASSERT_LT(value, n);
    ++thirds[value >> 62];
  }
  for (const int count : thirds) {
    EXPECT_NEAR(count, 10000, 400);  // 5 standard errors: sqrt(30000 * 2/9) = 82
  }
}

TEST(RngTest, ShuffleGivesEachOrderEquallyOften) {
  std::map<std::vector<int>, int> orders;
  for (std::uint64_t number = 0; number < 12000; ++number) {
    std::vector<int> values = {0, 1, 2};
    Rng(11, Stream::kTest, number).Shuffle(std::span<int>(values));
    ++orders[values];
  }
  ASSERT_EQ(orders.size(), 6);
  for (const auto& [order, count] : orders) {
    EXPECT_NEAR(count, 2000, 205);  // 5 standard errors: sqrt(12000 * 5/36) = 41
  }
}

TEST(RngTest, ShuffleKeepsTheValues) {
  std::vector<int> values(1000);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<int> before = values;
  Rng(12, Stream::kTest).Shuffle(std::span<int>(values));
  EXPECT_NE(values, before);
  std::sort(values.begin(), values.end());
  EXPECT_EQ(values, before);
}

}  // namespace
}  // namespace recforce::base
