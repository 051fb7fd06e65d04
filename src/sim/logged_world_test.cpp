// SPDX-License-Identifier: Apache-2.0
// Episodes over what users had, against a reference that reads the log anew.
#include "sim/logged_world.h"

#include <gtest/gtest.h>

#include "sim/item_worlds_test.h"

namespace recforce::sim::test {
namespace {

const Log& FiftyUsers() {
  static const Log log(50, 40, 2, 25);
  return log;
}

LoggedOptions Options(std::optional<std::int64_t> first) {
  LoggedOptions options;
  options.memory = 4;
  options.first = first;
  options.horizon = 7;
  return options;
}

void CheckEpisode(bool valued, std::size_t first, const Episode& episode) {
  const std::int32_t user = episode.front().user;
  const auto reward = [&](std::int32_t item) { return valued ? (FiftyUsers().Value(user, item) - 3.0F) / 2.0F : 1.0F; };
  Items memory(4, -1);
  std::set<std::int32_t> candidates;
  const auto row = FiftyUsers().rows.row(user);
  for (std::size_t at = 0; at < row.size(); ++at) {
    if (at >= first) {
      candidates.insert(row[at]);
    } else if (reward(row[at]) > 0.0F) {
      memory.insert(memory.begin(), row[at]);
      memory.pop_back();
    }
  }
  ASSERT_GE(candidates.size(), 2U);
  for (std::size_t step = 0; step < episode.size(); ++step) {
    const Event& event = episode[step];
    const std::int32_t item = event.slate.front();
    ASSERT_TRUE(event.listed);
    ASSERT_EQ(event.legal, Items(candidates.begin(), candidates.end()));
    ASSERT_EQ(event.memory, memory);
    ASSERT_EQ(event.reward, reward(item));
    ASSERT_EQ(event.liked, event.reward > 0.0F ? item : -1);
    candidates.erase(item);
    if (event.liked >= 0) {
      memory.insert(memory.begin(), item);
      memory.pop_back();
    }
    const EpisodeEnd ended = candidates.empty() ? EpisodeEnd::kTerminal
                             : step == 6        ? EpisodeEnd::kTruncated
                                                : EpisodeEnd::kNone;
    ASSERT_EQ(event.end, ended);
    ASSERT_TRUE(ended == EpisodeEnd::kNone || step + 1 == episode.size());
  }
}

TEST(LoggedWorldTest, WalksAsTheReference) {
  for (const auto& [number, episode] : Walk(*MakeLoggedWorld(FiftyUsers().view(), Options({})), 10, 200)) {
    CheckEpisode(true, 4, episode);
  }
  for (const auto& [number, episode] : Walk(*MakeLoggedWorld(FiftyUsers().view(), Options(10)), 10, 200)) {
    CheckEpisode(true, 10, episode);
  }
  RatedRows unvalued = FiftyUsers().view();
  unvalued.values = {};
  for (const auto& [number, episode] : Walk(*MakeLoggedWorld(unvalued, Options(0)), 10, 200)) {
    CheckEpisode(false, 0, episode);
  }
}

TEST(LoggedWorldTest, DoesNotDependOnBatchOrThreads) {
  const auto world = MakeLoggedWorld(FiftyUsers().view(), Options({}));
  ExpectIndependentOfBatchAndThreads(*world, 200);
  ExpectGoesOnFromState(*world, 33);
  EXPECT_EQ(LoadError(*world->Start(2, 1), world->Start(3, 1)->SaveState()),
            "tensors: numbers: values of other episodes: '3'; expected 2");
}

TEST(LoggedWorldTest, WalksAsItDidBefore) {
  EXPECT_EQ(WalkHash(*MakeLoggedWorld(FiftyUsers().view(), Options({}))), "0935c82632fb31dc7dcf3dd96cc59a4f");
}

TEST(LoggedWorldTest, NeedsUsersWithTwoCandidates) {
  try {
    (void)MakeLoggedWorld(FiftyUsers().view(), Options(24));
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_STREQ(error.what(), "world:logged: nobody has episodes: '50' users; expected one with at least 26 items");
  }
}

}  // namespace
}  // namespace recforce::sim::test
