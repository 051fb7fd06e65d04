// SPDX-License-Identifier: Apache-2.0
// Users who are offered what they have among what they have not, against a reference that keeps sets and lists.
#include <gtest/gtest.h>

#include <cmath>

#include "sim/item_worlds_test.h"
#include "sim/pos_neg_world.h"

namespace recforce::sim::test {
namespace {

const Log& FiftyUsers() {
  static const Log log(50, 120, 5, 60);
  return log;
}

PosNegOptions Options(std::int64_t window, NegativeSource negatives) {
  PosNegOptions options;
  options.memory = 3;
  options.min_positives = 8;
  options.window = window;
  options.negatives = negatives;
  return options;
}

PosNegOptions SeedOptions() {
  PosNegOptions options = SeedPosNegOptions();
  options.memory = 3;
  options.min_positives = 8;
  return options;
}

Items PositivesOf(const Log& log, std::int32_t user, float above) {
  Items positives;
  for (const std::int32_t item : log.rows.row(user)) {
    if (log.Value(user, item) > above) {
      positives.push_back(item);
    }
  }
  return positives;
}

// What an episode should have been, written down anew: only the draw of the moment is as in the world.
void CheckEpisode(const Log& log, const PosNegOptions& options, std::int64_t number, const Episode& episode) {
  const std::int32_t user = episode.front().user;
  const Items positives = PositivesOf(log, user, 3.0F);
  ASSERT_GE(positives.size(), 8U);
  std::size_t moment = 0;
  std::size_t end = positives.size();
  if (options.window > 0) {
    base::Rng rng(options.seed, base::Stream::kWorld, number, user);
    moment = 1 + rng.Below(positives.size() - 1);
    end = std::min(moment + options.window, positives.size());
  }
  const std::set<std::int32_t> related(positives.begin() + moment, positives.begin() + end);
  Items memory = episode.front().memory;
  if (options.clear_memory) {
    Items start(options.memory, -1);
    for (std::size_t at = 0; at < std::min<std::size_t>(moment, options.memory); ++at) {
      start[at] = positives[moment - 1 - at];
    }
    ASSERT_EQ(memory, start);
  }
  std::set<std::int32_t> candidates(episode.front().legal.begin(), episode.front().legal.end());
  std::size_t negatives = 0;
  for (const std::int32_t item : candidates) {
    negatives += related.count(item) == 0 ? 1 : 0;
    if (options.negatives == NegativeSource::kUnseen && related.count(item) == 0) {
      ASSERT_EQ(log.Value(user, item), 0.0F);
    }
  }
  ASSERT_EQ(candidates.size() - negatives, related.size()) << "related items are all candidates";
  if (options.replacement) {
    ASSERT_LE(negatives, related.size());
  } else {
    ASSERT_EQ(negatives, related.size() * options.negatives_per_positive);
  }
  for (std::size_t step = 0; step < episode.size(); ++step) {
    const Event& event = episode[step];
    ASSERT_EQ(event.memory, memory);
    ASSERT_EQ(std::set<std::int32_t>(event.legal.begin(), event.legal.end()), candidates);
    const std::int32_t item = event.slate.front();
    const bool hit = related.count(item) != 0;
    ASSERT_EQ(event.reward, hit ? 1.0F : options.miss);
    ASSERT_EQ(event.liked, hit ? item : -1);
    candidates.erase(item);
    if (hit) {
      memory.insert(memory.begin(), item);
      memory.pop_back();
    }
    const EpisodeEnd ended = candidates.empty()           ? EpisodeEnd::kTerminal
                             : step + 1 == related.size() ? EpisodeEnd::kTruncated
                                                          : EpisodeEnd::kNone;
    ASSERT_EQ(event.end, ended);
    ASSERT_TRUE(ended == EpisodeEnd::kNone || step + 1 == episode.size());
  }
}

void CheckWalk(const PosNegOptions& options) {
  const auto world = MakePosNegWorld(FiftyUsers().view(), options);
  for (const auto& [number, episode] : Walk(*world, 10, 200)) {
    CheckEpisode(FiftyUsers(), options, number, episode);
  }
}

TEST(PosNegWorldTest, WalksAsTheReference) {
  CheckWalk(Options(4, NegativeSource::kUnseen));
  CheckWalk(Options(4, NegativeSource::kComplement));
  CheckWalk(Options(0, NegativeSource::kUnseen));
  CheckWalk(Options(0, NegativeSource::kComplement));
  CheckWalk(SeedOptions());
  PosNegOptions options = Options(6, NegativeSource::kUnseen);
  options.miss = -1.0F;
  options.negatives_per_positive = 3;
  options.popular = 0.5;
  CheckWalk(options);
  options.negatives_per_positive = 0;  // everything is shown before time is over
  CheckWalk(options);
}

TEST(PosNegWorldTest, DoesNotDependOnBatchOrThreads) {
  ExpectIndependentOfBatchAndThreads(*MakePosNegWorld(FiftyUsers().view(), Options(4, NegativeSource::kUnseen)), 200);
  ExpectIndependentOfBatchAndThreads(*MakePosNegWorld(FiftyUsers().view(), Options(0, NegativeSource::kComplement)),
                                     200);
}

TEST(PosNegWorldTest, WalksAsItDidBefore) {
  EXPECT_EQ(WalkHash(*MakePosNegWorld(FiftyUsers().view(), Options(4, NegativeSource::kUnseen))),
            "4180781e063c4a49ff46bffe796c6e51");
  EXPECT_EQ(WalkHash(*MakePosNegWorld(FiftyUsers().view(), SeedOptions())), "a663f7345c0f137d84243188f1c5586b");
}

TEST(PosNegWorldTest, EachUserComesOnceAPass) {
  const auto world = MakePosNegWorld(FiftyUsers().view(), Options(1, NegativeSource::kUnseen));
  std::set<std::int32_t> eligible;
  for (std::int32_t user = 0; user < 50; ++user) {
    if (PositivesOf(FiftyUsers(), user, 3.0F).size() >= 8) {
      eligible.insert(user);
    }
  }
  ASSERT_GT(eligible.size(), 20U);
  ASSERT_LT(eligible.size(), 50U);
  const auto episodes = world->Start(7, 3);
  std::map<std::int64_t, std::int32_t> users;
  ItemFeedback feedback;
  for (std::size_t step = 0; step < 3 * eligible.size(); ++step) {
    Items slates;
    for (std::int64_t row = 0; row < 7; ++row) {
      users[episodes->numbers()[row]] = episodes->users()[row];
      slates.push_back(episodes->Legal(row).items.front());
    }
    episodes->Step({slates.data(), 7, 1}, feedback);
  }
  std::vector<Items> passes;
  for (std::size_t pass = 0; pass < 21; ++pass) {
    Items order;
    for (std::size_t place = 0; place < eligible.size(); ++place) {
      order.push_back(users.at(pass * eligible.size() + place));
    }
    EXPECT_EQ(std::set<std::int32_t>(order.begin(), order.end()), eligible);
    passes.push_back(order);
  }
  EXPECT_NE(passes[0], passes[1]);
}

TEST(PosNegWorldTest, KeptMemoriesGoFromEpisodeToEpisode) {
  const auto world = MakePosNegWorld(FiftyUsers().view(), SeedOptions());
  const auto episodes = world->Start(7, 3);
  std::map<std::int32_t, Items> kept;
  ItemFeedback feedback;
  int remembered = 0;
  for (int step = 0; step < 600; ++step) {
    const Items users(episodes->users().begin(), episodes->users().end());
    ASSERT_EQ(std::set<std::int32_t>(users.begin(), users.end()).size(), 7U) << "a user in two rows";
    Items slates;
    for (std::int64_t row = 0; row < 7; ++row) {
      if (episodes->steps()[row] == 0) {
        const auto before = kept.try_emplace(users[row], Items(3, -1)).first->second;
        ASSERT_EQ(MemoryOf(*episodes, row), before);
        remembered += before.front() >= 0 ? 1 : 0;
      }
      slates.push_back(episodes->Legal(row).items[step % episodes->Legal(row).items.size()]);
    }
    episodes->Step({slates.data(), 7, 1}, feedback);
    for (std::int64_t row = 0; row < 7; ++row) {
      Remember(feedback.liked[row], kept[users[row]]);
    }
  }
  EXPECT_GT(remembered, 50);
  ExpectGoesOnFromState(*world, 150);
}

TEST(PosNegWorldTest, RefusesTooFewUsers) {
  PosNegOptions options = SeedOptions();
  const auto world = MakePosNegWorld(FiftyUsers().view(), options);
  const auto message = [](const auto& body) -> std::string {
    try {
      body();
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message([&] { (void)world->Start(51, 1); }),
            "world:pos_neg: episodes at once, of users who keep their memory: '51'; expected at most the 37 users");
  options.min_positives = 70;
  EXPECT_EQ(message([&] { (void)MakePosNegWorld(FiftyUsers().view(), options); }),
            "world:pos_neg: nobody has episodes: '50' users; expected one with at least 70 positives");
}

TEST(PosNegWorldTest, GoesOnFromASavedState) {
  const auto world = MakePosNegWorld(FiftyUsers().view(), Options(6, NegativeSource::kUnseen));
  ExpectGoesOnFromState(*world, 100);
  const base::TensorSet state = world->Start(4, 1)->SaveState();
  EXPECT_EQ(LoadError(*world->Start(5, 1), state), "tensors: numbers: values of other episodes: '4'; expected 5");
  const auto other = MakePosNegWorld(FiftyUsers().view(), Options(5, NegativeSource::kUnseen));
  EXPECT_EQ(LoadError(*other->Start(4, 1), state).substr(0, 39), "tensors: state of another world: 'world");
}

// One related item and one negative an episode, of users with many positives: draws can be counted.
std::map<std::int32_t, int> CountNegatives(const Log& log, PosNegOptions options, std::int32_t user, int draws) {
  options.window = 1;
  const auto world = MakePosNegWorld(log.view(), options);
  std::map<std::int32_t, int> counts;
  Items items;
  for (int number = 0; number < draws; ++number) {
    (void)world->Begin(number, user, items);
    for (const std::int32_t item : items) {
      counts[item] += log.Value(user, item) == 0.0F ? 1 : 0;
    }
  }
  return counts;
}

TEST(PosNegWorldTest, DrawsNegativesUniformlyOrByPopularity) {
  constexpr int kDraws = 40'000;
  const Log log(50, 40, 20, 30);
  std::vector<double> popularity(40, 0.0);
  for (const std::int32_t item : log.rows.items) {
    popularity[item] += 1.0;
  }
  PosNegOptions options;
  options.min_positives = 2;
  for (const double popular : {0.0, 0.7, 1.0}) {
    options.popular = popular;
    std::map<std::int32_t, int> counts = CountNegatives(log, options, 3, kDraws);
    // Given that the draw is not in the user's row.
    std::map<std::int32_t, double> chance;
    double total = 0.0;
    for (std::int32_t item = 0; item < 40; ++item) {
      if (log.Value(3, item) == 0.0F) {
        chance[item] = popular * popularity[item] / log.rows.items.size() + (1.0 - popular) / 40;
        total += chance[item];
      }
    }
    for (const auto& [item, weight] : chance) {
      const double expected = weight / total * kDraws;
      EXPECT_NEAR(counts[item], expected, 5.0 * std::sqrt(expected)) << "item " << item << " popular " << popular;
    }
  }
}

TEST(PosNegWorldTest, TakesWhatIsLeftOfAnAlmostCompleteRow) {
  const Log log(3, 40, 37, 37);
  PosNegOptions options;
  options.min_positives = 2;
  options.window = 0;
  for (const double popular : {0.0, 1.0}) {
    options.popular = popular;
    const auto world = MakePosNegWorld(log.view(), options);
    Items items;
    (void)world->Begin(0, 1, items);
    const Items positives = PositivesOf(log, 1, 3.0F);
    EXPECT_EQ(items.size(), positives.size() + 3);
    EXPECT_EQ(std::count_if(items.begin(), items.end(), [&](std::int32_t i) { return log.Value(1, i) == 0.0F; }), 3);
  }
}

TEST(PosNegWorldTest, RefusesWhatIsNoCandidate) {
  const auto world = MakePosNegWorld(FiftyUsers().view(), Options(4, NegativeSource::kUnseen));
  const auto episodes = world->Start(1, 1);
  ItemFeedback feedback;
  const std::int32_t item = episodes->Legal(0).items.front();
  episodes->Step({&item, 1, 1}, feedback);
  EXPECT_THROW(episodes->Step({&item, 1, 1}, feedback), base::Error);
  EXPECT_EQ(world->least_reward(), 0.0F);
  EXPECT_EQ(world->most_reward(), 1.0F);
  EXPECT_TRUE(world->forbids_repeats());
}

}  // namespace
}  // namespace recforce::sim::test
