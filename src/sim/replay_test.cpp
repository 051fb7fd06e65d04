// SPDX-License-Identifier: Apache-2.0
// Logged and simulated choices from the same displays, where the answer is known.
#include "sim/replay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "recforce/base/error.h"
#include "sim/displays.h"
#include "sim/worlds.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

// Two items of which `favourite` is always chosen, whatever was clicked.
test::ToyEnvironment Decided(std::size_t favourite) {
  test::Toy toy{.items = 2,
                .utilities = std::vector<float>(6, -50.0F),
                .rewards = std::vector<float>(6, 1.0F),
                .choice = {core::ChoiceLaw::kSoftmax, std::nullopt}};
  for (std::size_t state = 0; state < 3; ++state) {
    toy.utilities[2 * state + favourite] = 50.0F;
  }
  return test::ToyEnvironment(toy);
}

// Users with one, two and no displays of both items; the logged ones choose item 1 each time.
data::DisplaySet Displays() {
  data::DisplaySet set;
  set.users = {0, 1, 2};
  set.user_offsets = {0, 1, 3, 3};
  set.offsets = {0, 2, 4, 6};
  set.items = {0, 1, 1, 0, 0, 1};
  set.choice = {1, 0, 1};
  return set;
}

TEST(ReplayTest, EqualUsersDoNotDiverge) {
  const Replay replay = CompareWithLog(Decided(1), Displays(), 1);
  EXPECT_EQ(replay.users, 3);
  EXPECT_EQ(replay.displays, 3);
  EXPECT_EQ(replay.logged_click_rate, 1.0);
  EXPECT_EQ(replay.simulated_click_rate, 1.0);
  for (const Divergence& each : {replay.rank, replay.items, replay.clicks_per_user}) {
    EXPECT_EQ(each.value, 0.0);
    EXPECT_EQ(each.chance, 0.0);
  }
}

TEST(ReplayTest, DivergencesAreWorkedByHand) {
  const Replay replay = CompareWithLog(Decided(0), Displays(), 1);
  // Ranks (none, first, second): logged (0, 0, 3), simulated (0, 3, 0), each raised by a half, out of 4.5.
  const double exchange = (3.5 - 0.5) * std::log(3.5 / 0.5);
  EXPECT_NEAR(replay.rank.value, exchange / 4.5, 1e-12);
  EXPECT_NEAR(replay.items.value, exchange / 4.0, 1e-12);
  EXPECT_EQ(replay.clicks_per_user.value, 0.0);
  EXPECT_EQ(replay.items.chance, 0.0);
}

TEST(ReplayTest, ClicksThatAreMissingShow) {
  data::DisplaySet set = Displays();
  set.choice = {-1, 0, -1};
  const Replay replay = CompareWithLog(Decided(1), set, 1);
  EXPECT_DOUBLE_EQ(replay.logged_click_rate, 1.0 / 3.0);
  // Users by clicks (none, one, two): logged (2, 1, 0), simulated (1, 1, 1), out of 4.5 each.
  const double expected = (2.5 * std::log(2.5 / 1.5) + 0.5 * std::log(0.5 / 1.5)) / 4.5;
  EXPECT_NEAR(replay.clicks_per_user.value, expected, 1e-12);
}

TEST(ReplayTest, AWorldIsLikeItsOwnLogAndUnlikeAnother) {
  const EnvironmentConfig config{.source = "world:linear", .items = 30};
  EnvironmentConfig other = config;
  other.seed = 2;
  const auto world = MakeWorld("linear", config);
  const data::DisplaySet log = GenerateDisplays(*world, 400, 10, 5, 7);
  const Replay own = CompareWithLog(*world, log, 1);
  const Replay foreign = CompareWithLog(*MakeWorld("linear", other), log, 1);
  EXPECT_LT(own.rank.value, 3.0 * own.rank.chance + 0.01);
  EXPECT_LT(own.items.value, 3.0 * own.items.chance + 0.01);
  EXPECT_GT(foreign.rank.value, 10.0 * own.rank.value);
  EXPECT_GT(foreign.items.value, 10.0 * own.items.value);
}

TEST(ReplayTest, UnseenStatesAndEmptyLogsAreRefused) {
  const auto latent = MakeWorld("latent", {.source = "world:latent"});
  const auto message = [](const core::Environment& environment, const data::DisplaySet& displays) {
    try {
      (void)CompareWithLog(environment, displays, 1);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(message(*latent, Displays()),
            "replay: what these users feel depends on more than their clicks; expected an environment whose choices "
            "follow from them");
  EXPECT_EQ(message(Decided(1), {}), "replay: nothing is displayed: '0' displays; expected at least one");
}

}  // namespace
}  // namespace recforce::sim
