// SPDX-License-Identifier: Apache-2.0
// What the world is made of, who leaves, and what looking no further than the next click loses.
#include "sim/burnout_world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
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

std::int64_t Tempting(const FewStates& truth) {
  return std::count_if(truth.leaves.begin(), truth.leaves.end(), [](float hazard) { return hazard > 0.0F; });
}

// From nearly `low` to nearly `high`.
void ExpectSpread(const std::vector<float>& values, float low, float high) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  EXPECT_GE(*least, low);
  EXPECT_LT(*least, low + 0.05F * (high - low));
  EXPECT_LE(*most, high);
  EXPECT_GT(*most, high - 0.05F * (high - low));
}

TEST(BurnoutWorldTest, HalfOfTheItemsTemptAndAllSpreadAsIsSaid) {
  const auto world = MakeBurnoutWorld(Config(1'001, 5));
  const FewStates& truth = world->truth();
  EXPECT_EQ(Tempting(truth), 500);
  std::vector<float> rewards[2];
  std::vector<float> utilities[2];
  std::vector<float> leaves[2];
  for (std::size_t item = 0; item < 1'001; ++item) {
    const int kind = truth.leaves[item] > 0.0F ? 1 : 0;
    rewards[kind].push_back(truth.rewards[item]);
    utilities[kind].push_back(truth.utilities[item]);
    leaves[kind].push_back(truth.leaves[item]);
  }
  ExpectSpread(rewards[0], 0.2F, 0.4F);
  ExpectSpread(rewards[1], 0.9F, 1.1F);
  ExpectSpread(utilities[0], 1.75F, 2.75F);
  ExpectSpread(utilities[1], 3.0F, 4.0F);
  ExpectSpread(leaves[1], 0.9F, 1.0F);
  // Kinds are not told by the number of the item.
  EXPECT_NEAR(std::count_if(truth.leaves.begin(), truth.leaves.begin() + 500, [](float p) { return p > 0.0F; }), 250,
              60);
  EXPECT_EQ(Tempting(MakeBurnoutWorld(Config(1, 1))->truth()), 0);
}

TEST(BurnoutWorldTest, IsAFunctionOfTheSeed) {
  const auto world = MakeBurnoutWorld(Config(0, 1));
  EXPECT_EQ(world->identity(), "world:burnout items=20 seed=1 no_click=0");
  EXPECT_EQ(world->truth().rewards, MakeBurnoutWorld(Config(0, 1))->truth().rewards);
  EXPECT_NE(world->truth().rewards, MakeBurnoutWorld(Config(0, 2))->truth().rewards);
  EXPECT_TRUE(world->observed());
  EXPECT_FALSE(world->learnt());
}

TEST(BurnoutWorldTest, AClickOnATemptingItemIsMostlyTheLast) {
  const auto world = MakeBurnoutWorld(Config(0, 3));
  const FewStates& truth = world->truth();
  std::vector<std::int64_t> users(20'000);
  std::iota(users.begin(), users.end(), 0);
  for (std::int32_t item = 0; item < 20; ++item) {
    const auto episodes = world->Start(users, 7);
    const std::vector<std::int32_t> slates(users.size(), item);
    core::Feedback feedback;
    episodes->Step({slates.data(), 20'000, 1}, feedback);
    double clicks = 0.0;
    double left = 0.0;
    for (std::size_t row = 0; row < users.size(); ++row) {
      const bool clicked = feedback.clicked[row] == 0;
      clicks += clicked ? 1.0 : 0.0;
      left += episodes->left()[row];
      ASSERT_EQ(feedback.reward[row], clicked ? truth.rewards[item] : 0.0F);
      ASSERT_FALSE(episodes->left()[row] != 0 && !clicked);
    }
    const double p = 1.0 / (1.0 + std::exp(-static_cast<double>(truth.utilities[item])));
    EXPECT_NEAR(clicks / 20'000.0, p, 4.0 * std::sqrt(p * (1.0 - p) / 20'000.0));
    const auto hazard = static_cast<double>(truth.leaves[item]);
    EXPECT_NEAR(left / clicks, hazard, 4.0 * std::sqrt(hazard * (1.0 - hazard) / clicks));
  }
}

TEST(BurnoutWorldTest, WhoLooksNoFurtherThanTheNextClickLosesHalf) {
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto world = MakeBurnoutWorld(Config(0, seed));
    for (const std::int64_t horizon : {10, 15, 20}) {
      for (const std::int64_t k : {1, 3}) {
        const double optimum = world->Optimum(k, horizon, 0.9).value();
        for (const std::string name : {"myopic", "greedy", "top_k"}) {
          const Outcome outcome =
              Simulate(*world, *MakeImmediatePolicy(name, *world), {.users = 5'000, .horizon = horizon, .slate = k});
          EXPECT_LT(MeanOf(outcome.discounted).mean, 0.5 * optimum) << name << ' ' << seed << ' ' << horizon;
        }
      }
    }
  }
}

}  // namespace
}  // namespace recforce::sim
