// SPDX-License-Identifier: Apache-2.0
// Users of an environment as a world, against the environment's own episodes.
#include "sim/environment_items.h"

#include <gtest/gtest.h>

#include <numeric>

#include "sim/item_worlds_test.h"
#include "sim/worlds.h"

namespace recforce::sim::test {
namespace {

constexpr core::EpisodePlan kPlan = {.slate = 3, .horizon = 20};

// Users leave when they are bored.
const core::Environment& Latent() {
  static const auto world = MakeWorld("latent", {});
  return *world;
}

TEST(EnvironmentItemsTest, AreTheUsersOfTheEnvironment) {
  constexpr std::int64_t kRows = 50;
  const auto world = MakeEnvironmentItems(Latent(), kPlan, 25);
  EXPECT_EQ(world->slate(), 3);
  EXPECT_EQ(world->memory(), 25);
  EXPECT_FALSE(world->forbids_repeats());
  const Episodes walked = Walk(*world, kRows, 200);
  std::vector<std::int64_t> users(kRows);
  int left = 0;
  int truncated = 0;
  for (std::int64_t round = 0; round < 10; ++round) {
    std::iota(users.begin(), users.end(), round * kRows);
    const auto own = Latent().Start(users, 5);
    core::Feedback feedback;
    for (std::int64_t step = 0; step < kPlan.horizon; ++step) {
      const std::vector<std::uint8_t> gone(own->left().begin(), own->left().end());
      Items slates;
      for (std::int64_t row = 0; row < kRows; ++row) {
        const Items slate = gone[row] != 0 ? Items(3, -1) : walked.at(users[row]).at(step).slate;
        slates.insert(slates.end(), slate.begin(), slate.end());
      }
      own->Step({slates.data(), kRows, 3}, feedback);
      for (std::int64_t row = 0; row < kRows; ++row) {
        if (gone[row] != 0) {
          continue;
        }
        const Event& event = walked.at(users[row]).at(step);
        ASSERT_EQ(event.user, -1);
        ASSERT_EQ(event.step, step);
        ASSERT_FALSE(event.listed);
        ASSERT_TRUE(event.legal.empty());
        ASSERT_EQ(event.reward, feedback.reward[row]);
        ASSERT_EQ(event.liked, feedback.clicked[row] < 0 ? -1 : event.slate[feedback.clicked[row]]);
        const EpisodeEnd ended = own->left()[row] != 0       ? EpisodeEnd::kTerminal
                                 : step + 1 == kPlan.horizon ? EpisodeEnd::kTruncated
                                                             : EpisodeEnd::kNone;
        ASSERT_EQ(event.end, ended);
        left += ended == EpisodeEnd::kTerminal ? 1 : 0;
        truncated += ended == EpisodeEnd::kTruncated ? 1 : 0;
      }
    }
  }
  EXPECT_GT(left, 100);
  EXPECT_GT(truncated, 20);
}

TEST(EnvironmentItemsTest, BeginAnewWhenTheLastEpisodeIsOver) {
  const auto world = MakeEnvironmentItems(Latent(), {.slate = 3, .horizon = 1000}, 2);
  const auto episodes = world->Start(2, 6);
  ItemFeedback feedback;
  const Items slates = {1, 2, 3, 1, 2, 3};
  std::vector<int> ended_at(2, -1);
  for (int step = 0; episodes->numbers()[0] == 0; ++step) {
    ASSERT_LT(step, 1000);
    episodes->Step({slates.data(), 2, 3}, feedback);
    for (std::size_t row = 0; row < 2; ++row) {
      if (feedback.end[row] != EpisodeEnd::kNone) {
        EXPECT_EQ(feedback.end[row], EpisodeEnd::kTerminal);
        EXPECT_EQ(ended_at[row], -1);
        ended_at[row] = step;
      }
    }
    const bool through = ended_at[0] >= 0 && ended_at[1] >= 0;
    for (std::size_t row = 0; row < 2; ++row) {
      EXPECT_EQ(episodes->waiting()[row], !through && ended_at[row] >= 0 ? 1 : 0);
      EXPECT_EQ(episodes->numbers()[row],
                through ? static_cast<std::int64_t>(row) + 2 : static_cast<std::int64_t>(row));
    }
  }
  EXPECT_NE(ended_at[0], ended_at[1]);
  EXPECT_EQ(MemoryOf(*episodes, 0), Items(2, -1));
}

TEST(EnvironmentItemsTest, DoNotDependOnBatchOrThreads) {
  ExpectIndependentOfBatchAndThreads(*MakeEnvironmentItems(Latent(), kPlan, 5), 200);
  const auto linear = MakeWorld("linear", {});
  ExpectIndependentOfBatchAndThreads(*MakeEnvironmentItems(*linear, {.slate = 1, .horizon = 7}, 3), 200);
}

TEST(EnvironmentItemsTest, GoOnFromASavedState) {
  const auto world = MakeEnvironmentItems(Latent(), kPlan, 5);
  ExpectGoesOnFromState(*world, 33);
  const auto four = world->Start(4, 1);
  base::TensorSet state = four->SaveState();
  EXPECT_EQ(LoadError(*world->Start(5, 1), state), "tensors: items.steps: values of other episodes: '4'; expected 5");
  const auto linear = MakeWorld("linear", {});
  EXPECT_EQ(LoadError(*MakeEnvironmentItems(*linear, kPlan, 5)->Start(4, 1), state),
            "tensors: state of another world: 'world:latent items=200 seed=1 no_click=0 slate=3 horizon=20'; expected "
            "world:linear items=50 seed=1 no_click=0 slate=3 horizon=20");
  state.AddOwned("items.waiting", std::vector<std::uint8_t>(4, 1));
  EXPECT_EQ(LoadError(*four, state), "tensors: items.waiting: rows that go on: '0'; expected 1 or more");
  state.AddOwned("items.steps", Items{0, 21, 0, 0});
  EXPECT_EQ(LoadError(*four, state), "tensors: items.steps: steps of an episode: '21'; expected 0 to 20");
}

}  // namespace
}  // namespace recforce::sim::test
