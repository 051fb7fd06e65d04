// SPDX-License-Identifier: Apache-2.0
// Random slates are uniform, and generated displays are what an environment answered to them.
#include "sim/displays.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "sim/random_slate.h"
#include "sim/worlds.h"

namespace recforce::sim {
namespace {

using Items = std::vector<std::int32_t>;

TEST(RandomSlateTest, EveryOrderedSlateIsEquallyLikely) {
  constexpr int kDraws = 240'000;
  std::map<Items, int> count;
  base::Rng rng(1, base::Stream::kTest);
  Items slate(3);
  for (int draw = 0; draw < kDraws; ++draw) {
    DrawSlate(rng, 4, slate);
    ++count[slate];
  }
  ASSERT_EQ(count.size(), 24U);  // 4 * 3 * 2
  double chi_square = 0.0;
  for (const auto& [items, times] : count) {
    EXPECT_EQ(std::set<std::int32_t>(items.begin(), items.end()).size(), 3U);
    chi_square += (times - kDraws / 24.0) * (times - kDraws / 24.0) / (kDraws / 24.0);
  }
  EXPECT_LT(chi_square, 56.8);  // one in ten thousand of 23 degrees of freedom
}

TEST(RandomSlateTest, TheWholeCatalogueIsAPermutation) {
  base::Rng rng(2, base::Stream::kTest);
  Items slate(50);
  DrawSlate(rng, 50, slate);
  EXPECT_FALSE(std::is_sorted(slate.begin(), slate.end()));
  std::sort(slate.begin(), slate.end());
  for (std::int32_t item = 0; item < 50; ++item) {
    EXPECT_EQ(slate[item], item);
  }
  EXPECT_THROW(DrawSlate(rng, 49, slate), base::Error);
}

TEST(DisplaysTest, ShowsTheSameNumberOfPagesToUsersWhoStay) {
  const auto world = MakeWorld("linear", {});
  const data::DisplaySet log = GenerateDisplays(*world, 200, 20, 5, 1);
  EXPECT_EQ(log.num_users(), 200);
  EXPECT_EQ(log.size(), 200 * 20);
  EXPECT_EQ(log.items.size(), 200U * 20 * 5);
  std::int64_t clicks = 0;
  std::vector<int> of_place(5, 0);
  for (std::int64_t d = 0; d < log.size(); ++d) {
    const auto shown = log.shown(d);
    EXPECT_EQ(std::set<std::int32_t>(shown.begin(), shown.end()).size(), 5U);
    ASSERT_GE(log.choice[d], -1);
    ASSERT_LT(log.choice[d], 5);
    if (log.choice[d] >= 0) {
      ++clicks;
      ++of_place[log.choice[d]];
    }
  }
  EXPECT_GT(clicks, 3'000);
  EXPECT_LT(clicks, 4'000);  // some pages have no click, from which the utilities' offset is learnt
  for (const int times : of_place) {
    EXPECT_NEAR(times, static_cast<double>(clicks) / 5, 130);  // no place is favoured: five standard errors
  }
}

TEST(DisplaysTest, ChoicesAreThoseOfTheEnvironmentAndClicksMoveItOn) {
  const auto world = MakeWorld("tabular", {});
  const data::DisplaySet log = GenerateDisplays(*world, 40, 10, 3, 7);
  const std::vector<std::int64_t> users = {17};
  const auto episodes = world->Start(users, 7);
  core::Feedback feedback;
  for (std::int64_t d = log.user_offsets[17]; d < log.user_offsets[18]; ++d) {
    episodes->Step({log.shown(d).data(), 1, 3}, feedback);
    EXPECT_EQ(feedback.clicked[0], log.choice[d]);
  }
  EXPECT_EQ(episodes->steps()[0], 10);
}

TEST(DisplaysTest, UsersWhoLeaveAreShownNothingMore) {
  EnvironmentConfig config;
  config.no_click = 8.0;  // hardly a click: everybody is disappointed
  const auto world = MakeWorld("latent", config);
  const data::DisplaySet log = GenerateDisplays(*world, 100, 60, 3, 2);
  EXPECT_EQ(log.num_users(), 100);
  std::int64_t shortest = 60;
  std::int64_t longest = 0;
  for (std::size_t user = 0; user < 100; ++user) {
    const std::int64_t pages = log.user_offsets[user + 1] - log.user_offsets[user];
    shortest = std::min(shortest, pages);
    longest = std::max(longest, pages);
  }
  EXPECT_GE(shortest, 1);
  EXPECT_LT(shortest, longest);
  EXPECT_LT(longest, 60);
}

TEST(DisplaysTest, SeedsDecideAndImpossibleSlatesAreRefused) {
  const auto world = MakeWorld("tabular", {});
  EXPECT_EQ(GenerateDisplays(*world, 5, 5, 3, 1).items, GenerateDisplays(*world, 5, 5, 3, 1).items);
  EXPECT_NE(GenerateDisplays(*world, 5, 5, 3, 1).items, GenerateDisplays(*world, 5, 5, 3, 2).items);
  try {
    (void)GenerateDisplays(*world, 5, 5, 11, 1);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()),
              "displays of world:tabular items=10 seed=1 no_click=0: users, pages, items shown: '5, 5, 11'; expected "
              "counts, and 1 to 10 items");
  }
  EXPECT_THROW((void)GenerateDisplays(*world, -1, 5, 3, 1), base::Error);
  EXPECT_EQ(GenerateDisplays(*world, 0, 5, 3, 1).size(), 0);
}

}  // namespace
}  // namespace recforce::sim
