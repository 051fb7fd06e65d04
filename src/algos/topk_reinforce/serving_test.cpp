// SPDX-License-Identifier: Apache-2.0
// Slates of the policy in an environment, held to the law of Plackett and Luce.
#include "algos/topk_reinforce/serving.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "recforce/base/error.h"
#include "support/fixed_scores.h"
#include "support/standing_users.h"

namespace recforce::algos {
namespace {

const std::vector<float> kLogits = {0.3F, 1.5F, -0.2F, 0.8F, 2.0F, -0.5F, 0.1F, -3.0F};
constexpr core::ServingRule kRule = {.greedy = 0.4, .candidates = 7, .temperature = 1.3};  // two of five are certain

DrawingPolicy Policy(core::ServingRule rule = kRule) { return {std::make_unique<test::FixedScores>(kLogits), rule}; }

std::vector<std::int32_t> Slates(const DrawingPolicy& policy, std::uint64_t seed, std::int64_t size) {
  test::StandingUsers users(std::vector<std::int32_t>(50, -1), 50);
  std::vector<std::int32_t> slate(static_cast<std::size_t>(size));
  policy.Choose(users, seed, {slate.data(), 1, size});
  return slate;
}

// Of sets of items that are drawn from `pool` one after another without replacement, by walking through all orders.
struct Law {
  explicit Law(std::vector<std::int32_t> candidates) : pool(std::move(candidates)) {}
  void Walk(int left, double chance, std::set<std::int32_t> taken) {
    if (left == 0) {
      sets[taken] += chance;
      return;
    }
    double total = 0.0;
    for (const std::int32_t item : pool) {
      total += taken.count(item) > 0 ? 0.0 : WeightOf(item);
    }
    for (const std::int32_t item : pool) {
      if (taken.count(item) == 0) {
        std::set<std::int32_t> more = taken;
        more.insert(item);
        Walk(left - 1, chance * WeightOf(item) / total, more);
      }
    }
  }
  static double WeightOf(std::int32_t item) { return std::exp(static_cast<double>(kLogits[item]) / kRule.temperature); }

  std::vector<std::int32_t> pool;
  std::map<std::set<std::int32_t>, double> sets;  // of drawn items, with their chances
};

// Three of the five candidates that are not certain: ten sets. How often each set comes, and so how often each item is
// included, is what drawing one after another without replacement gives.
TEST(DrawingPolicyTest, IncludesItemsAsOftenAsTheLawSays) {
  Law law({0, 2, 3, 5, 6});  // 4 and 1 are certain, 7 is not among the best seven
  law.Walk(3, 1.0, {});
  ASSERT_EQ(law.sets.size(), 10U);
  std::map<std::set<std::int32_t>, double> met;
  std::map<std::int32_t, double> included;
  constexpr int kDraws = 20000;
  const DrawingPolicy policy = Policy();
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<std::int32_t> slate = Slates(policy, static_cast<std::uint64_t>(draw), 5);
    ASSERT_EQ(slate[0], 4);
    ASSERT_EQ(slate[1], 1);
    const std::set<std::int32_t> drawn(slate.begin() + 2, slate.end());
    ASSERT_EQ(drawn.size(), 3U) << "an item twice";
    ASSERT_EQ(law.sets.count(drawn), 1U) << "an item that is certain or no candidate";
    met[drawn] += 1.0;
    for (const std::int32_t item : drawn) {
      included[item] += 1.0;
    }
  }
  double chi_square = 0.0;
  std::map<std::int32_t, double> expected;
  for (const auto& [set, chance] : law.sets) {
    const double count = kDraws * chance;
    ASSERT_GT(count, 5.0) << "too few for the test";
    chi_square += (met[set] - count) * (met[set] - count) / count;
    for (const std::int32_t item : set) {
      expected[item] += chance;
    }
  }
  EXPECT_LT(chi_square, 27.9) << "p < 0.001 with 9 degrees of freedom";
  for (const auto& [item, chance] : expected) {
    EXPECT_NEAR(included[item] / kDraws, chance, 4.0 * std::sqrt(chance * (1.0 - chance) / kDraws)) << item;
  }
}

TEST(DrawingPolicyTest, SlatesAreRepeatedBySeed) {
  const DrawingPolicy policy = Policy();
  std::set<std::vector<std::int32_t>> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::int32_t> slate = Slates(policy, seed, 5);
    EXPECT_EQ(slate, Slates(policy, seed, 5)) << seed;
    different.insert(slate);
  }
  EXPECT_GT(different.size(), 5U);
}

TEST(DrawingPolicyTest, RefusesMoreItemsThanThereAre) {
  try {
    (void)Slates(Policy(), 1, 9);
    FAIL() << "nine of eight items were shown";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_STREQ(error.what(),
                 "topk_reinforce: slate has more items than there are to choose from: '9'; expected at most 8");
  }
}

}  // namespace
}  // namespace recforce::algos
