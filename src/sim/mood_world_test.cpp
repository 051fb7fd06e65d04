// SPDX-License-Identifier: Apache-2.0
// The equations of the world, what its items tell, and what looking no further than the next click loses.
#include "sim/mood_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/policies.h"
#include "sim/runner.h"

namespace recforce::sim {
namespace {

EnvironmentConfig Config(std::int64_t items, std::int64_t seed) {
  EnvironmentConfig config;
  config.items = items;
  config.seed = seed;
  config.slate = 1;
  return config;
}

// Counted from the valley.
constexpr std::array<double, 6> kHeight = {0.0, 0.25, 0.75, 1.0, 0.75, 0.25};
constexpr std::array<double, 6> kSquaredWay = {0.0, 1.0, 4.0, 9.0, 4.0, 1.0};

// Mood and quality as the features tell them.
std::int32_t MoodOf(std::span<const float> features) {
  const double turns = std::atan2(static_cast<double>(features[1]), static_cast<double>(features[0])) / (2.0 * M_PI);
  return (static_cast<std::int32_t>(std::lround(turns * 6.0)) + 6) % 6;
}

TEST(MoodWorldTest, RewardsAndUtilitiesFollowFromFeaturesAndTheLastClick) {
  for (const std::int64_t seed : {1, 2, 3, 4}) {
    const auto world = MoodWorld::Make(Config(0, seed));
    const base::MatrixView<const float> features = world->item_features();
    ASSERT_EQ(features.rows, 60);
    ASSERT_EQ(features.cols, 3);
    const std::int32_t valley = world->truth().start;
    std::vector<float> utilities(60);
    std::vector<float> rewards(60);
    for (std::int32_t clicked = -1; clicked < 60; ++clicked) {
      world->UtilitiesAfter({&clicked, 1, 1}, {utilities.data(), 1, 60});
      world->RewardsAfter({&clicked, 1, 1}, {rewards.data(), 1, 60});
      const std::int32_t mood = clicked < 0 ? valley : MoodOf(features.row(clicked));
      for (std::int64_t item = 0; item < 60; ++item) {
        const std::int32_t to = MoodOf(features.row(item));
        const auto quality = static_cast<double>(features.row(item)[2]);
        const double here = kHeight[(mood - valley + 6) % 6];
        const double there = kHeight[(to - valley + 6) % 6];
        EXPECT_NEAR(rewards[item], quality + (to == mood ? here : -std::max(0.0, there - here)), 1e-6);
        EXPECT_NEAR(utilities[item], 2.0 + quality - kSquaredWay[(to - mood + 6) % 6], 1e-6);
      }
    }
  }
}

TEST(MoodWorldTest, MoodsHaveEquallyManyItemsOfSpreadQuality) {
  const auto world = MoodWorld::Make(Config(602, 8));
  std::array<int, 6> items{};
  float least = 1.0F;
  float most = 0.0F;
  for (std::int64_t item = 0; item < 602; ++item) {
    const std::span<const float> features = world->item_features().row(item);
    ++items[MoodOf(features)];
    EXPECT_EQ(world->truth().next[item], MoodOf(features));
    least = std::min(least, features[2]);
    most = std::max(most, features[2]);
  }
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, (std::array<int, 6>{100, 100, 100, 100, 101, 101}));
  EXPECT_GE(least, 0.0F);
  EXPECT_LT(least, 0.01F);
  EXPECT_GT(most, 0.39F);
  EXPECT_LE(most, 0.4F);
}

TEST(MoodWorldTest, IsAFunctionOfTheSeed) {
  const auto world = MoodWorld::Make(Config(0, 1));
  EXPECT_EQ(world->identity(), "world:mood items=60 seed=1 no_click=0");
  EXPECT_EQ(world->truth().rewards, MoodWorld::Make(Config(0, 1))->truth().rewards);
  EXPECT_NE(world->truth().rewards, MoodWorld::Make(Config(0, 2))->truth().rewards);
  EXPECT_TRUE(world->observed());
  std::array<int, 6> valleys{};
  for (std::int64_t seed = 1; seed <= 60; ++seed) {
    ++valleys[MoodWorld::Make(Config(6, seed))->truth().start];
  }
  EXPECT_GT(*std::min_element(valleys.begin(), valleys.end()), 0);
}

// The mood that the best single item leads to, with many steps to come.
std::int32_t BestMood(const FewStates& truth, std::int32_t mood) {
  const std::vector<double> value = truth.OptimalReturn(1, 20, 0.9);
  double best = -1e9;
  std::int32_t to = -1;
  for (std::size_t item = 0; item < truth.next.size(); ++item) {
    const double p = 1.0 / (1.0 + std::exp(-static_cast<double>(truth.row(truth.utilities, mood)[item])));
    const double click = static_cast<double>(truth.row(truth.rewards, mood)[item]) + 0.9 * value[truth.next[item]];
    if (const double q = p * click + (1.0 - p) * 0.9 * value[mood]; q > best) {
      best = q;
      to = truth.next[item];
    }
  }
  return to;
}

TEST(MoodWorldTest, TheBestWayIsUpByThreeStepsAndThenToStay) {
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto world = MoodWorld::Make(Config(0, seed));
    const FewStates& truth = world->truth();
    const std::int32_t valley = truth.start;
    std::int32_t mood = valley;
    for (int step = 1; step <= 3; ++step) {
      mood = BestMood(truth, mood);
      EXPECT_EQ(std::min((mood - valley + 6) % 6, (valley - mood + 6) % 6), step);
    }
    EXPECT_EQ(BestMood(truth, mood), mood);
  }
}

TEST(MoodWorldTest, WhoLooksNoFurtherThanTheNextClickStaysInTheValley) {
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto world = MoodWorld::Make(Config(0, seed));
    for (const std::int64_t k : {1, 3}) {
      const SimulationPlan plan{.users = 3'000, .horizon = 20, .slate = k};
      const double optimum = world->Optimum(k, 20, 0.9).value();
      double least = optimum;
      for (const std::string& name : ImmediatePolicyNames()) {
        const Outcome outcome = Simulate(*world, *MakeImmediatePolicy(name, *world), plan);
        const double mean = MeanOf(outcome.discounted).mean;
        EXPECT_LT(mean, 0.5 * optimum) << name << ' ' << seed << ' ' << k;
        least = std::min(least, mean);
        std::int64_t clicks = 0;
        std::int64_t in_valley = 0;
        for (std::size_t item = 0; item < 60; ++item) {
          clicks += outcome.clicked[item];
          in_valley += world->truth().next[item] == world->truth().start ? outcome.clicked[item] : 0;
        }
        EXPECT_GT(static_cast<double>(in_valley), 0.99 * static_cast<double>(clicks)) << name;
      }
      EXPECT_LT(MeanOf(Simulate(*world, *MakeRandomPolicy(60), plan).discounted).mean, 0.7 * least);
    }
  }
}

}  // namespace
}  // namespace recforce::sim
