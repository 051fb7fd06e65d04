// SPDX-License-Identifier: Apache-2.0
// Slates of policies that draw: how often they come against the probabilities that they are said to have.
#include "sim/drawing_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "recforce/base/error.h"
#include "sim/policies.h"
#include "sim/score_users.h"
#include "sim/translated_policy.h"
#include "support/standing_users.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

constexpr core::ChoiceRule kAlways{core::ChoiceLaw::kSoftmax, std::nullopt};
constexpr std::int64_t kUsers = 40000;

// Draws in proportion to 1, 2, 3, 4.
const std::vector<float> kLogits = {0.0F, std::log(2.0F), std::log(3.0F), std::log(4.0F)};

std::unique_ptr<core::Episodes> Strangers() {
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  std::vector<std::int64_t> users(kUsers);
  std::iota(users.begin(), users.end(), 0);
  return world.Start(users, 1);
}

// Slates of two for each stranger, and what they are said to have been likely.
struct Shown {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> count;
  std::map<std::pair<std::int32_t, std::int32_t>, double> probability;
};

Shown Show(const core::SlatePolicy& policy) {
  const std::unique_ptr<core::Episodes> episodes = Strangers();
  std::vector<std::int32_t> slates(2 * kUsers);
  std::vector<double> propensity(2 * kUsers);
  policy.Choose(*episodes, 7, {slates.data(), kUsers, 2});
  policy.Propensities(*episodes, {slates.data(), kUsers, 2}, {propensity.data(), kUsers, 2});
  Shown shown;
  for (std::size_t at = 0; at < slates.size(); at += 2) {
    const std::pair slate(slates[at], slates[at + 1]);
    ++shown.count[slate];
    shown.probability[slate] = propensity[at] * propensity[at + 1];
  }
  return shown;
}

void ExpectFrequenciesAsSaid(const core::SlatePolicy& policy, std::size_t slates) {
  const Shown shown = Show(policy);
  EXPECT_EQ(shown.count.size(), slates);
  double sum = 0.0;
  for (const auto& [slate, count] : shown.count) {
    const double p = shown.probability.at(slate);
    sum += p;
    const double error = std::sqrt(p * (1.0 - p) / static_cast<double>(kUsers));
    EXPECT_NEAR(static_cast<double>(count) / static_cast<double>(kUsers), p, 4.5 * error + 1e-12)
        << slate.first << ", " << slate.second;
  }
  EXPECT_NEAR(sum, 1.0, 1e-9);
}

TEST(DrawingPolicyTest, SlatesComeAsOftenAsIsSaid) {
  ExpectFrequenciesAsSaid(*MakeDrawingPolicy(kLogits, ServingConfig{}.rule()), 12);
  ExpectFrequenciesAsSaid(*MakeDrawingPolicy(kLogits, {.greedy = 0.5, .candidates = 3, .temperature = 2.0}), 2);
  ExpectFrequenciesAsSaid(*MakeRandomPolicy(4), 12);
}

TEST(DrawingPolicyTest, ProbabilitiesAreThoseOfDrawsWithoutReplacement) {
  const Shown shown = Show(*MakeDrawingPolicy(kLogits, ServingConfig{}.rule()));
  EXPECT_NEAR(shown.probability.at({3, 0}), 0.4 / 6.0, 1e-6);
  EXPECT_NEAR(shown.probability.at({0, 3}), 0.1 * 4.0 / 9.0, 1e-6);
}

TEST(DrawingPolicyTest, ThePolicyOfAnotherCatalogueSaysTheSame) {
  const std::shared_ptr<const core::SlatePolicy> drawn =
      MakeDrawingPolicy(std::vector<float>(kLogits.begin(), kLogits.begin() + 3), ServingConfig{}.rule());
  const Shown shown = Show(*MakeTranslatedPolicy(drawn, {3, 1, 0}, 4));
  EXPECT_EQ(shown.count.size(), 6U);  // item 2 is unknown to it
  EXPECT_NEAR(shown.probability.at({0, 3}), 0.5 / 3.0, 1e-6);
}

// Scores what was clicked last by 1, and records what it is asked.
class LastClick final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 4; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      std::fill(out.row(row).begin(), out.row(row).end(), 0.0F);
      const auto events = users.events().row(row);
      if (!events.empty()) {
        out.row(row)[static_cast<std::size_t>(events.back())] = std::log(3.0F);
      }
      length = static_cast<std::int64_t>(events.size());
    }
  }
  mutable std::int64_t length = 0;
};

TEST(DrawingPolicyTest, ARecommenderIsAskedWithTheClicksSoFar) {
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  const std::vector<std::int64_t> users = {5};
  const auto episodes = world.Start(users, 1);
  core::Feedback feedback;
  for (const std::int32_t item : {1, 2, 1}) {
    episodes->Step({&item, 1, 1}, feedback);
  }
  for (const bool repeats : {false, true}) {
    const auto model = std::make_shared<LastClick>();
    const auto policy = MakeDrawingPolicy(model, repeats, ServingConfig{}.rule());
    const std::int32_t shown = 1;
    double propensity = 0.0;
    policy->Propensities(*episodes, {&shown, 1, 1}, {&propensity, 1, 1});
    EXPECT_NEAR(propensity, 0.5, 1e-6);
    EXPECT_EQ(model->length, repeats ? 3 : 2);
    EXPECT_EQ(policy->memory(), kRecommenderClicks);
  }
}

const std::vector<float> kEight = {0.3F, 1.5F, -0.2F, 0.8F, 2.0F, -0.5F, 0.1F, -3.0F};
constexpr core::ServingRule kRule = {.greedy = 0.4, .candidates = 7, .temperature = 1.3};  // two of five are certain

std::vector<std::int32_t> SlateOf(const core::SlatePolicy& policy, std::uint64_t seed, std::int64_t size) {
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
  static double WeightOf(std::int32_t item) {
    return std::exp(static_cast<double>(kEight[static_cast<std::size_t>(item)]) / kRule.temperature);
  }

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
  const auto policy = MakeDrawingPolicy(kEight, kRule);
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<std::int32_t> slate = SlateOf(*policy, static_cast<std::uint64_t>(draw), 5);
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
  const auto policy = MakeDrawingPolicy(kEight, kRule);
  std::set<std::vector<std::int32_t>> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::int32_t> slate = SlateOf(*policy, seed, 5);
    EXPECT_EQ(slate, SlateOf(*policy, seed, 5)) << seed;
    different.insert(slate);
  }
  EXPECT_GT(different.size(), 5U);
}

TEST(DrawingPolicyTest, MorePlacesThanItemsAreRefused) {
  std::vector<std::int32_t> slates(5);
  const test::ToyEnvironment world(test::RandomToy(4, 1, kAlways));
  const std::vector<std::int64_t> users = {5};
  try {
    MakeDrawingPolicy(kLogits, ServingConfig{}.rule())->Choose(*world.Start(users, 1), 1, {slates.data(), 1, 5});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(std::string(error.what()), "slate has more items than there are to choose from: '5'; expected at most 4");
  }
}

}  // namespace
}  // namespace recforce::sim
