// SPDX-License-Identifier: Apache-2.0
// The paired comparison: exact small cases, symmetry, threads, and how often interval and p are right.
#include "recforce/eval/compare.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

using Values = std::vector<double>;

std::string MessageOf(const Values& a, const Values& b) {
  try {
    (void)ComparePaired(a, b);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "compared";
}

TEST(ComparePaired, MeansAndWins) {
  const Comparison result = ComparePaired(Values{0.5, 1.0, 0.25, 0.0}, Values{0.25, 0.0, 0.5, 0.0}, 1, 100);
  EXPECT_DOUBLE_EQ(result.mean_a, 0.4375);    // 1.75 / 4
  EXPECT_DOUBLE_EQ(result.mean_b, 0.1875);    // 0.75 / 4
  EXPECT_DOUBLE_EQ(result.difference, 0.25);  // (0.25 + 1 - 0.25 + 0) / 4
  EXPECT_EQ(result.users, 4);
  EXPECT_EQ(result.users_where_a_wins, 2);
  EXPECT_EQ(result.users_where_b_wins, 1);
}

TEST(ComparePaired, NoDifferenceIsExact) {
  const Values same = {0.1, 0.7, 0.3};
  const Comparison result = ComparePaired(same, same);
  EXPECT_EQ(result.difference, 0.0);
  EXPECT_EQ(result.ci_low, 0.0);
  EXPECT_EQ(result.ci_high, 0.0);
  EXPECT_EQ(result.p, 1.0);
}

TEST(ComparePaired, EqualDifferencesHaveNoSpread) {
  // Every resample has the mean 0.25. Of the 8 sign patterns of three users, 2 are as extreme: p is near 1/4,
  // within 4 standard errors sqrt(.25 * .75 / 10000) = .0043 each.
  const Comparison result = ComparePaired(Values{0.5, 0.75, 1.0}, Values{0.25, 0.5, 0.75});
  EXPECT_DOUBLE_EQ(result.ci_low, 0.25);
  EXPECT_DOUBLE_EQ(result.ci_high, 0.25);
  EXPECT_NEAR(result.p, 0.25, 0.0174);
}

TEST(ComparePaired, PermutationAgreesWithAllSignPatterns) {
  // Differences in eighths, so that sums are exact; 2^9 patterns are counted one by one.
  const Values a = {5, 1, 3, 2, 0, 7, 1, 4, 2};
  const Values b = {2, 2, 1, 2, 1, 3, 0, 5, 0};
  Values scaled_a;
  Values scaled_b;
  Values differences;
  double observed = 0.0;
  for (std::size_t user = 0; user < a.size(); ++user) {
    scaled_a.push_back(a[user] / 8);
    scaled_b.push_back(b[user] / 8);
    differences.push_back((a[user] - b[user]) / 8);
    observed += differences.back();
  }
  int extreme = 0;
  for (unsigned pattern = 0; pattern < 512; ++pattern) {
    double sum = 0.0;
    for (std::size_t user = 0; user < differences.size(); ++user) {
      sum += ((pattern >> user) & 1U) != 0 ? -differences[user] : differences[user];
    }
    extreme += std::abs(sum) >= std::abs(observed) ? 1 : 0;
  }
  const double exact = extreme / 512.0;
  // Four standard errors of 10,000 random patterns.
  EXPECT_NEAR(ComparePaired(scaled_a, scaled_b).p, exact, 4 * std::sqrt(exact * (1 - exact) / 10000));
}

TEST(ComparePaired, AClearDifferenceHasTheSmallestP) {
  Values a;
  Values b;
  for (int user = 0; user < 200; ++user) {
    b.push_back(0.001 * user);
    a.push_back(b.back() + 0.1 + 0.0001 * (user % 7));
  }
  const Comparison result = ComparePaired(a, b, 1, 999);
  EXPECT_DOUBLE_EQ(result.p, 1.0 / 1000.0);  // (1 + 0) / (1 + 999)
  EXPECT_GT(result.ci_low, 0.1);
  EXPECT_LT(result.ci_high, 0.1007);
}

// 0.01 * 4, 0.02 * 3, 0.03 * 2 and 0.5 * 1, none below one before it.
TEST(HolmAdjust, StepsDown) {
  const Values adjusted = HolmAdjust(Values{0.5, 0.01, 0.03, 0.02});
  EXPECT_DOUBLE_EQ(adjusted[0], 0.5);
  EXPECT_DOUBLE_EQ(adjusted[1], 0.04);
  EXPECT_DOUBLE_EQ(adjusted[2], 0.06);
  EXPECT_DOUBLE_EQ(adjusted[3], 0.06);
  EXPECT_EQ(HolmAdjust(Values{0.7, 0.6}), (Values{1.0, 1.0}));
  EXPECT_EQ(HolmAdjust(Values{0.25}), (Values{0.25}));
  EXPECT_TRUE(HolmAdjust(Values{}).empty());
}

TEST(ComparePaired, OneUser) {
  const Comparison result = ComparePaired(Values{1.0}, Values{0.0}, 1, 50);
  EXPECT_EQ(result.ci_low, 1.0);
  EXPECT_EQ(result.ci_high, 1.0);
  EXPECT_EQ(result.p, 1.0);  // either sign is as extreme
}

TEST(ComparePaired, IsAntisymmetric) {
  const bool holds = rc::check("swapping a and b mirrors the result", [] {
    const auto pairs = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 100), rc::gen::inRange(0, 100))));
    Values a;
    Values b;
    for (const auto& [left, right] : pairs) {
      a.push_back(left / 99.0);
      b.push_back(right / 99.0);
    }
    const Comparison forth = ComparePaired(a, b, 5, 200);
    const Comparison back = ComparePaired(b, a, 5, 200);
    RC_ASSERT(forth.difference == -back.difference);
    RC_ASSERT(forth.ci_low == -back.ci_high);
    RC_ASSERT(forth.ci_high == -back.ci_low);
    RC_ASSERT(forth.p == back.p);
    RC_ASSERT(forth.users_where_a_wins == back.users_where_b_wins);
    RC_ASSERT(forth.ci_low <= forth.ci_high);
    RC_ASSERT(forth.p > 0.0);
    RC_ASSERT(forth.p <= 1.0);
  });
  EXPECT_TRUE(holds);
}

TEST(ComparePaired, SeedMattersAndThreadsDoNot) {
  base::Rng random(1, base::Stream::kTest);
  Values a;
  Values b;
  for (int user = 0; user < 300; ++user) {
    a.push_back(random.Uniform());
    b.push_back(random.Uniform());
  }
  const int threads = base::Threads();
  base::SetThreads(1);
  const Comparison alone = ComparePaired(a, b, 1, 1000);
  base::SetThreads(3);
  const Comparison together = ComparePaired(a, b, 1, 1000);
  base::SetThreads(threads);
  EXPECT_EQ(alone.ci_low, together.ci_low);
  EXPECT_EQ(alone.ci_high, together.ci_high);
  EXPECT_EQ(alone.p, together.p);
  EXPECT_NE(alone.ci_low, ComparePaired(a, b, 2, 1000).ci_low);
}

TEST(ComparePaired, IntervalCoversAndPIsUniformWithoutADifference) {
  // 300 experiments of 60 users whose true mean difference is 0. The percentile interval of 60 users covers a
  // little less than 95 %; with a standard error of sqrt(.95 * .05 / 300) = .0126, 0.90 .. 0.98 leaves more
  // than two on either side of 0.94. P(p <= 0.05) is 0.05 with the same standard error.
  int covered = 0;
  int rejected = 0;
  constexpr int kExperiments = 300;
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    base::Rng random(9, base::Stream::kTest, static_cast<std::uint64_t>(experiment));
    Values a;
    Values b;
    for (int user = 0; user < 60; ++user) {
      b.push_back(random.Uniform());
      a.push_back(b.back() + 0.1 * random.Normal());
    }
    const Comparison result = ComparePaired(a, b, static_cast<std::uint64_t>(experiment), 400);
    covered += result.ci_low <= 0.0 && 0.0 <= result.ci_high ? 1 : 0;
    rejected += result.p <= 0.05 ? 1 : 0;
  }
  EXPECT_GE(covered, 0.90 * kExperiments);
  EXPECT_LE(covered, 0.98 * kExperiments);
  EXPECT_GE(rejected, 0.01 * kExperiments);
  EXPECT_LE(rejected, 0.09 * kExperiments);
}

TEST(ComparePaired, IntervalWidthIsThatOfTheNormalTheory) {
  base::Rng random(4, base::Stream::kTest);
  Values a;
  double squares = 0.0;
  for (int user = 0; user < 2000; ++user) {
    a.push_back(random.Normal());
    squares += a.back() * a.back();
  }
  const Comparison result = ComparePaired(a, Values(2000, 0.0), 1, 4000);
  // 2 * 1.96 * sd / sqrt(n); the quantiles of 4,000 replicates are good to a few per cent.
  const double expected = 2 * 1.96 * std::sqrt(squares / 2000) / std::sqrt(2000.0);
  EXPECT_NEAR(result.ci_high - result.ci_low, expected, 0.08 * expected);
}

TEST(ComparePaired, RefusesWhatCannotBePaired) {
  EXPECT_EQ(MessageOf({1, 2, 3}, {1, 2}),
            "comparison: different numbers of users: 3 and 2; expected the same users under both models");
  EXPECT_EQ(MessageOf({}, {}), "comparison: no users to compare: 0; expected at least one");
}

}  // namespace
}  // namespace recforce::eval
