// SPDX-License-Identifier: Apache-2.0
// The walk that all worlds share: batches, threads, forks and saved states, on each world.
#include "sim/click_episodes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/random_slate.h"
#include "sim/worlds.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kSlate = 3;
using Items = std::vector<std::int32_t>;

std::shared_ptr<const core::Environment> World(const std::string& name) { return MakeWorld(name, {}); }

std::vector<std::int64_t> Numbers(std::int64_t count) {
  std::vector<std::int64_t> users(static_cast<std::size_t>(count));
  std::iota(users.begin(), users.end(), 0);
  return users;
}

// What became of users: rewards and places by step and row, then where they stand.
struct Outcome {
  std::vector<float> rewards;
  Items places;
  Items recent;
  Items steps;
  std::vector<std::uint8_t> left;
  bool operator==(const Outcome&) const = default;
};

void AddPosition(const core::Episodes& episodes, Outcome& outcome) {
  const auto recent = episodes.recent();
  outcome.recent.insert(outcome.recent.end(), recent.data, recent.data + recent.rows * recent.cols);
  outcome.steps.insert(outcome.steps.end(), episodes.steps().begin(), episodes.steps().end());
  outcome.left.insert(outcome.left.end(), episodes.left().begin(), episodes.left().end());
}

// Shows slates that are a function of user and step.
Outcome Walk(core::Episodes& episodes, std::int64_t num_items, std::uint32_t from, std::uint32_t to) {
  Outcome outcome;
  core::Feedback feedback;
  Items slates(static_cast<std::size_t>(episodes.size() * kSlate));
  const base::MatrixView<std::int32_t> view{slates.data(), episodes.size(), kSlate};
  for (std::uint32_t step = from; step < to; ++step) {
    for (std::int64_t row = 0; row < view.rows; ++row) {
      base::Rng rng(5, base::Stream::kTest, static_cast<std::uint64_t>(episodes.users()[row]), step);
      DrawSlate(rng, num_items, view.row(row));
    }
    episodes.Step({slates.data(), episodes.size(), kSlate}, feedback);
    outcome.rewards.insert(outcome.rewards.end(), feedback.reward.begin(), feedback.reward.end());
    outcome.places.insert(outcome.places.end(), feedback.clicked.begin(), feedback.clicked.end());
  }
  AddPosition(episodes, outcome);
  return outcome;
}

class EveryWorld : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Worlds, EveryWorld, testing::ValuesIn(WorldNames()));

TEST_P(EveryWorld, AUserAloneAndAmongThousandsIsTheSameToTheBit) {
  constexpr std::int64_t kUsers = 4'096;
  constexpr std::uint32_t kSteps = 8;
  const auto world = World(GetParam());
  const std::vector<std::int64_t> users = Numbers(kUsers);
  const auto all = world->Start(users, 9);
  const Outcome together = Walk(*all, world->NumItems(), 0, kSteps);
  std::int64_t clicks = 0;
  for (std::int64_t user = 0; user < kUsers; ++user) {
    const auto one = world->Start(std::span(users).subspan(user, 1), 9);
    const Outcome alone = Walk(*one, world->NumItems(), 0, kSteps);
    for (std::uint32_t step = 0; step < kSteps; ++step) {
      ASSERT_EQ(alone.rewards[step], together.rewards[step * kUsers + user]) << user;
      ASSERT_EQ(alone.places[step], together.places[step * kUsers + user]) << user;
      clicks += alone.places[step] >= 0 ? 1 : 0;
    }
    ASSERT_EQ(Items(one->recent().row(0).begin(), one->recent().row(0).end()),
              Items(all->recent().row(user).begin(), all->recent().row(user).end()));
    ASSERT_EQ(one->left()[0], all->left()[user]);
  }
  EXPECT_GT(clicks, kUsers);
  EXPECT_LT(clicks, kUsers * kSteps);
}

TEST_P(EveryWorld, TheNumberOfThreadsChangesNothing) {
  const auto world = World(GetParam());
  const std::vector<std::int64_t> users = Numbers(1'000);
  std::vector<Outcome> outcomes;
  std::vector<std::vector<float>> utilities;
  const int before = base::Threads();
  for (const int threads : {1, 3}) {
    base::SetThreads(threads);
    const auto episodes = world->Start(users, 2);
    outcomes.push_back(Walk(*episodes, world->NumItems(), 0, 10));
    utilities.emplace_back(users.size() * world->NumItems());
    episodes->Utilities({utilities.back().data(), episodes->size(), world->NumItems()});
  }
  base::SetThreads(before);
  EXPECT_EQ(outcomes[0], outcomes[1]);
  EXPECT_EQ(utilities[0], utilities[1]);
}

TEST_P(EveryWorld, SeedsAndUsersHaveFuturesOfTheirOwn) {
  const auto world = World(GetParam());
  const std::vector<std::int64_t> users = Numbers(50);
  const auto first = world->Start(users, 1);
  const auto second = world->Start(users, 2);
  EXPECT_NE(Walk(*first, world->NumItems(), 0, 5).places, Walk(*second, world->NumItems(), 0, 5).places);
}

TEST_P(EveryWorld, AClickIsPaidWhatRewardsSaidAndStandsFirst) {
  const auto world = World(GetParam());
  const auto episodes = world->Start(Numbers(20), 3);
  core::Feedback feedback;
  std::vector<float> rewards(20 * world->NumItems());
  for (std::uint32_t step = 0; step < 30; ++step) {
    Items slates;
    for (int row = 0; row < 20; ++row) {
      slates.insert(slates.end(), {static_cast<std::int32_t>((step + row) % world->NumItems()),
                                   static_cast<std::int32_t>((step + row + 3) % world->NumItems())});
    }
    episodes->Rewards({rewards.data(), 20, world->NumItems()});
    Outcome before;
    AddPosition(*episodes, before);
    episodes->Step({slates.data(), 20, 2}, feedback);
    for (std::int64_t row = 0; row < 20; ++row) {
      const auto recent = episodes->recent().row(row);
      Items expected(before.recent.begin() + row * world->memory(),
                     before.recent.begin() + (row + 1) * world->memory());
      if (feedback.clicked[row] >= 0) {
        const std::int32_t item = slates[row * 2 + feedback.clicked[row]];
        EXPECT_EQ(feedback.reward[row], rewards[row * world->NumItems() + item]);
        expected.insert(expected.begin(), item);
        expected.pop_back();
      } else {
        EXPECT_EQ(feedback.reward[row], 0.0F);
      }
      EXPECT_EQ(Items(recent.begin(), recent.end()), expected);
      EXPECT_EQ(episodes->steps()[row], before.steps[row] + (before.left[row] == 0 ? 1 : 0));
    }
  }
}

TEST_P(EveryWorld, ASavedStateGoesOnAsItWouldHave) {
  const auto world = World(GetParam());
  const auto episodes = world->Start(Numbers(100), 4);
  (void)Walk(*episodes, world->NumItems(), 0, 7);
  const base::TensorSet state = episodes->SaveState();
  Outcome saved;
  AddPosition(*episodes, saved);
  const auto resumed = world->Start(std::vector<std::int64_t>(100, 77), 8);
  resumed->LoadState(state);
  EXPECT_EQ(Walk(*episodes, world->NumItems(), 7, 20), Walk(*resumed, world->NumItems(), 7, 20));
  // The walk has not changed the state that it began with.
  resumed->LoadState(state);
  Outcome again;
  AddPosition(*resumed, again);
  EXPECT_EQ(again, saved);
}

TEST_P(EveryWorld, CopiesStandWhereTheirRowsStoodAndGoTheirOwnWays) {
  const auto world = World(GetParam());
  const auto episodes = world->Start(Numbers(10), 6);
  (void)Walk(*episodes, world->NumItems(), 0, 1);
  const auto stays = std::find(episodes->left().begin(), episodes->left().end(), 0) - episodes->left().begin();
  ASSERT_LT(stays, 10);
  Items rows(500, static_cast<std::int32_t>(stays));
  rows[0] = 7;
  const auto fork = episodes->Fork(rows, 11);
  const auto twin = episodes->Fork(rows, 11);
  ASSERT_EQ(fork->size(), 500);
  EXPECT_EQ(std::set<std::int64_t>(fork->users().begin(), fork->users().end()).size(), 500U);
  EXPECT_EQ(Items(fork->recent().row(0).begin(), fork->recent().row(0).end()),
            Items(episodes->recent().row(7).begin(), episodes->recent().row(7).end()));
  EXPECT_EQ(fork->steps()[499], episodes->steps()[stays]);
  Outcome before;
  AddPosition(*episodes, before);
  Items slates;
  for (int copy = 0; copy < 500; ++copy) {
    slates.insert(slates.end(), {0, 1, 2});
  }
  core::Feedback of_fork;
  core::Feedback of_twin;
  fork->Step({slates.data(), 500, 3}, of_fork);
  twin->Step({slates.data(), 500, 3}, of_twin);
  EXPECT_EQ(of_fork.clicked, of_twin.clicked);
  EXPECT_GT(std::set<std::int32_t>(of_fork.clicked.begin() + 1, of_fork.clicked.end()).size(), 1U);
  Outcome after;
  AddPosition(*episodes, after);
  EXPECT_EQ(before, after);
}

TEST_P(EveryWorld, ACopyDoesNotDependOnWhoElseIsCopied) {
  const auto world = World(GetParam());
  const auto episodes = world->Start(Numbers(10), 6);
  const auto many = episodes->Fork(Items{4, 2, 4, 9}, 1);
  const auto few = episodes->Fork(Items{4, 4}, 1);
  EXPECT_EQ(many->users()[0], few->users()[0]);
  EXPECT_EQ(many->users()[2], few->users()[1]);
}

TEST_P(EveryWorld, NoUsersAreNoTrouble) {
  const auto world = World(GetParam());
  const auto episodes = world->Start({}, 1);
  core::Feedback feedback;
  episodes->Step({nullptr, 0, 3}, feedback);
  EXPECT_EQ(episodes->size(), 0);
  EXPECT_TRUE(feedback.reward.empty());
}

TEST(ClickEpisodesTest, SlatesHoldDistinctItemsOfTheCatalogue) {
  const auto world = World("tabular");
  const auto episodes = world->Start(Numbers(1), 1);
  core::Feedback feedback;
  for (const Items& slate : {Items{1, 2, 1}, Items{0, 1, 10}, Items{-1, 0, 1}}) {
    EXPECT_THROW(episodes->Step({slate.data(), 1, 3}, feedback), base::Error);
  }
  const Items two_rows = {0, 1, 2, 3};
  EXPECT_THROW(episodes->Step({two_rows.data(), 2, 2}, feedback), base::Error);
  EXPECT_EQ(episodes->steps()[0], 0);
}

TEST(ClickEpisodesTest, ForksNeedARow) {
  const auto episodes = World("linear")->Start(Numbers(2), 1);
  EXPECT_THROW((void)episodes->Fork(Items{2}, 1), base::Error);
  EXPECT_THROW((void)episodes->Fork(Items{-1}, 1), base::Error);
  EXPECT_EQ(episodes->Fork({}, 1)->size(), 0);
}

std::string LoadError(core::Episodes& episodes, const base::TensorSet& state) {
  try {
    episodes.LoadState(state);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "no error";
}

TEST(ClickEpisodesTest, AStateOfOthersIsRefusedAndChangesNothing) {
  const auto world = World("tabular");
  const auto episodes = world->Start(Numbers(3), 1);
  (void)Walk(*episodes, 10, 0, 5);
  Outcome before;
  AddPosition(*episodes, before);
  base::TensorSet state = world->Start(Numbers(4), 1)->SaveState();
  EXPECT_EQ(LoadError(*episodes, state), "tensors: users: state of other users: '4' values; expected 3");
  state = episodes->SaveState();
  state.AddOwned("recent", Items{1, 10, -1});
  EXPECT_EQ(LoadError(*episodes, state),
            "tensors: recent: no click of this environment: '10'; expected items below 10, then -1");
  state = episodes->SaveState();
  state.AddOwned("steps", Items{1, -4, 0});
  EXPECT_EQ(LoadError(*episodes, state), "tensors: steps: steps of a user: '-4'; expected 0 or more");
  state = episodes->SaveState();
  state.AddOwned("left", std::vector<std::uint8_t>{0, 2, 0});
  EXPECT_EQ(LoadError(*episodes, state), "tensors: left: mark of a user: '2'; expected 0 or 1");
  Outcome after;
  AddPosition(*episodes, after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace recforce::sim
