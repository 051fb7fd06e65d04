// SPDX-License-Identifier: Apache-2.0
// Users who rate by the log or by factors, and users who only meet what they had, against references that look
// everything up anew.
#include "sim/rated_world.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/item_worlds_test.h"
#include "sim/logged_world.h"

namespace recforce::sim::test {
namespace {

constexpr std::int64_t kDim = 3;

const Log& FiftyUsers() {
  static const Log log(50, 40, 2, 25);
  return log;
}

// Eighths, so that sums are exact in whatever order a compiler makes them.
std::vector<float> Eighths(std::int64_t count, std::uint64_t part) {
  base::Rng rng(7, base::Stream::kTest, part);
  std::vector<float> values;
  for (std::int64_t at = 0; at < count; ++at) {
    values.push_back((static_cast<float>(rng.Below(25)) - 12.0F) / 8.0F);
  }
  return values;
}

struct Tables {
  std::vector<float> users = Eighths(50 * kDim, 0);
  std::vector<float> items = Eighths(40 * kDim, 1);
  std::vector<float> user_bias = Eighths(50, 2);
  std::vector<float> item_bias = Eighths(40, 3);
  Items categories;

  Tables() {
    base::Rng rng(7, base::Stream::kTest, 4);
    for (int item = 0; item < 40; ++item) {
      categories.push_back(rng.Below(6));
    }
  }
  [[nodiscard]] RatingFactors view() const { return {kDim, users, items, user_bias, item_bias, 3.25}; }
};

const Tables& Made() {
  static const Tables tables;
  return tables;
}

LeaveRule Rule(LeaveKind kind, std::int64_t window, double theta) {
  LeaveRule rule;
  rule.kind = kind;
  rule.window = window;
  rule.theta = theta;
  rule.dim = kDim;
  rule.vectors = Made().items;
  rule.categories = Made().categories;
  return rule;
}

float ReferenceReward(std::int32_t user, std::int32_t item) {
  double rating = FiftyUsers().Value(user, item);
  if (rating == 0.0) {
    rating = 3.25 + Made().user_bias[user] + Made().item_bias[item];
    for (std::int64_t i = 0; i < kDim; ++i) {
      rating += Made().users[user * kDim + i] * Made().items[item * kDim + i];
    }
  }
  return std::max(-1.0, std::min(1.0, (rating - 3.0) / 2.0));
}

bool ReferenceLeaves(const LeaveRule& rule, const Items& shown, std::int32_t item) {
  const auto t = static_cast<std::int64_t>(shown.size());
  std::int64_t alike = 0;
  for (std::int64_t at = std::max<std::int64_t>(0, t - rule.window); at < t; ++at) {
    double square = 0.0;
    for (std::int64_t i = 0; i < kDim; ++i) {
      square += std::pow(Made().items[shown[at] * kDim + i] - Made().items[item * kDim + i], 2);
    }
    if (rule.kind == LeaveKind::kDistance && std::sqrt(square) < rule.theta) {
      return true;
    }
    alike += Made().categories[shown[at]] == Made().categories[item] ? 1 : 0;
  }
  return rule.kind == LeaveKind::kCategory && static_cast<double>(alike) > rule.theta;
}

Items LikedOf(std::int32_t user) {
  Items liked;
  for (const std::int32_t item : FiftyUsers().rows.row(user)) {
    if (FiftyUsers().Value(user, item) > 3.0F) {
      liked.push_back(item);
    }
  }
  return liked;
}

Items ReferenceStart(const RatedOptions& options, std::int64_t number, std::int32_t user) {
  const Items liked = LikedOf(user);
  std::size_t moment = options.start == StartMemory::kEarliest ? std::min<std::size_t>(4, liked.size()) : 0;
  if (options.start == StartMemory::kRandom && !liked.empty()) {
    base::Rng rng(options.seed, base::Stream::kWorld, number, user);
    moment = 1 + rng.Below(liked.size());
  }
  Items memory;
  while (memory.size() < 4) {
    memory.push_back(memory.size() < moment ? liked[moment - 1 - memory.size()] : -1);
  }
  return memory;
}

void CheckEpisode(const RatedOptions& options, std::int64_t number, const Episode& episode) {
  Items memory = ReferenceStart(options, number, episode.front().user);
  Items shown;
  for (std::size_t step = 0; step < episode.size(); ++step) {
    const Event& event = episode[step];
    const std::int32_t item = event.slate.front();
    ASSERT_FALSE(event.listed);
    Items forbidden = options.repeats ? Items() : shown;
    std::sort(forbidden.begin(), forbidden.end());
    ASSERT_EQ(event.legal, forbidden);
    ASSERT_EQ(event.memory, memory);
    ASSERT_EQ(event.reward, ReferenceReward(event.user, item));
    ASSERT_EQ(event.liked, event.reward > 0.0F ? item : -1);
    const bool leaves = options.leave.kind != LeaveKind::kNever && ReferenceLeaves(options.leave, shown, item);
    shown.push_back(item);
    if (event.liked >= 0) {
      memory.insert(memory.begin(), item);
      memory.pop_back();
    }
    const bool nothing_left = !options.repeats && shown.size() == 40;
    const EpisodeEnd ended = leaves || nothing_left                                   ? EpisodeEnd::kTerminal
                             : static_cast<std::int64_t>(step) + 1 == options.horizon ? EpisodeEnd::kTruncated
                                                                                      : EpisodeEnd::kNone;
    ASSERT_EQ(event.end, ended);
    ASSERT_TRUE(ended == EpisodeEnd::kNone || step + 1 == episode.size());
  }
}

RatedOptions Options(StartMemory start, bool repeats, const LeaveRule& leave) {
  RatedOptions options;
  options.memory = 4;
  options.start = start;
  options.repeats = repeats;
  options.leave = leave;
  return options;
}

std::shared_ptr<const ItemWorld> World(const RatedOptions& options) {
  return MakeRatedWorld(FiftyUsers().view(), Made().view(), options);
}

std::map<EpisodeEnd, int> CheckWalk(const RatedOptions& options) {
  std::map<EpisodeEnd, int> ends;
  for (const auto& [number, episode] : Walk(*World(options), 10, 200)) {
    CheckEpisode(options, number, episode);
    ++ends[episode.back().end];
  }
  return ends;
}

TEST(RatedWorldTest, WalksAsTheReference) {
  CheckWalk(Options(StartMemory::kEarliest, false, {}));
  CheckWalk(Options(StartMemory::kEmpty, true, {}));
  for (const LeaveKind kind : {LeaveKind::kDistance, LeaveKind::kCategory}) {
    for (const bool repeats : {false, true}) {
      std::map<EpisodeEnd, int> ends = CheckWalk(Options(StartMemory::kRandom, repeats, Rule(kind, 3, 1.0)));
      EXPECT_GT(ends[EpisodeEnd::kTerminal], 20);
      EXPECT_GT(ends[EpisodeEnd::kTruncated], 5);
    }
  }
  RatedOptions longer = Options(StartMemory::kEarliest, false, {});
  longer.horizon = 60;  // of 40 items
  EXPECT_EQ(CheckWalk(longer)[EpisodeEnd::kTerminal], 50);
}

TEST(RatedWorldTest, DoesNotDependOnBatchOrThreads) {
  const auto world = World(Options(StartMemory::kRandom, false, Rule(LeaveKind::kCategory, 5, 1.0)));
  ExpectIndependentOfBatchAndThreads(*world, 200);
  ExpectGoesOnFromState(*world, 33);
}

TEST(RatedWorldTest, WalksAsItDidBefore) {
  EXPECT_EQ(WalkHash(*World(Options(StartMemory::kRandom, true, Rule(LeaveKind::kDistance, 3, 1.0)))),
            "6c336792a0480d8db662af46a31b5221");
}

TEST(RatedWorldTest, RefusesStatesOfOthersAndOfNoEpisode) {
  const auto world = World(Options(StartMemory::kEarliest, false, {}));
  const auto four = world->Start(4, 1);
  base::TensorSet state = four->SaveState();
  EXPECT_EQ(LoadError(*world->Start(5, 1), state), "tensors: numbers: values of other episodes: '4'; expected 5");
  state.AddOwned("numbers", std::vector<std::int64_t>{0, 1, 2, 4});
  EXPECT_EQ(LoadError(*four, state),
            "tensors: numbers: of an episode of this row: '4'; expected those of other episodes");
  state.AddOwned("numbers", std::vector<std::int64_t>{0, 1, 2, 7});
  state.AddOwned("steps", Items{0, 0, 2, 0});
  state.AddOwned("shown", Items{3, 3});
  EXPECT_EQ(LoadError(*four, state), "tensors: shown: item that may not be recommended: '3'; expected what is legal");
  state.AddOwned("shown", Items{3, 40});
  EXPECT_EQ(LoadError(*four, state), "tensors: shown: item that may not be recommended: '40'; expected what is legal");
  state.AddOwned("steps", Items{0, 0, 10, 0});
  state.AddOwned("shown", Items{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(LoadError(*four, state), "tensors: steps: of an episode that is over: '10'; expected fewer than 10");
  state.AddOwned("steps", Items{0, 0, 0, 0});
  state.AddOwned("shown", Items());
  state.AddOwned("memory", Items{1, 2, 3, -1, 5, -1, -1, -1, 40, -1, -1, -1, -1, -1, -1, -1});
  EXPECT_EQ(LoadError(*four, state), "tensors: memory: no item of this world: '40'; expected items below 40, or -1");
}

// Two users, three items, factors of two; one pair is logged.
TEST(RatedWorldTest, PaysWhatWasRatedOrElsePredicted) {
  data::Csr rows;
  rows.AddRow(Items{0});
  rows.AddRow(Items{2});
  const std::vector<float> values = {2.0F, 5.0F};
  const std::vector<float> p = {1.0F, 2.0F, 0.0F, 0.0F};
  const std::vector<float> q = {9.0F, 9.0F, 0.5F, 0.25F, 4.0F, 4.0F};
  const std::vector<float> user_bias = {0.5F, 0.0F};
  const std::vector<float> item_bias = {0.0F, -1.0F, 0.0F};
  const auto world = MakeRatedWorld({rows.view(), values, 3}, {2, p, q, user_bias, item_bias, 3.5}, {});
  const auto episodes = world->Start(2, 1);
  std::map<std::int32_t, std::vector<float>> rewards;
  ItemFeedback feedback;
  for (const std::int32_t item : {0, 1, 2}) {
    const Items slates = {item, item};
    const Items users(episodes->users().begin(), episodes->users().end());
    episodes->Step({slates.data(), 2, 1}, feedback);
    rewards[users[0]].push_back(feedback.reward[0]);
    rewards[users[1]].push_back(feedback.reward[1]);
  }
  // User 0: rated 2; 3.5 + 0.5 - 1 + 0.5 + 0.5 = 4; 3.5 + 0.5 + 12, which is clipped.
  EXPECT_EQ(rewards[0], (std::vector<float>{-0.5F, 0.5F, 1.0F}));
  // User 1: 3.5; 3.5 - 1; rated 5.
  EXPECT_EQ(rewards[1], (std::vector<float>{0.25F, -0.25F, 1.0F}));
  EXPECT_EQ(world->least_reward(), -1.0F);
  EXPECT_EQ(world->most_reward(), 1.0F);
}

// One user who is shown a list of items; the step at which it leaves, -1: never.
int LeavesAt(const LeaveRule& rule, bool repeats, const Items& list) {
  data::Csr rows;
  rows.AddRow(Items{0});
  const std::vector<float> values = {5.0F};
  const std::vector<float> none;
  RatedOptions options;
  options.horizon = 100;
  options.repeats = repeats;
  options.leave = rule;
  const auto world = MakeRatedWorld({rows.view(), values, 6}, {}, options);
  const auto episodes = world->Start(1, 1);
  ItemFeedback feedback;
  for (std::size_t step = 0; step < list.size(); ++step) {
    episodes->Step({&list[step], 1, 1}, feedback);
    if (feedback.end.front() == EpisodeEnd::kTerminal) {
      return static_cast<int>(step);
    }
  }
  return -1;
}

TEST(RatedWorldTest, UsersLeaveWhenTheyHaveHadEnoughOfTheSame) {
  const Items categories = {0, 0, 0, 1, 1, 2};
  LeaveRule rule;
  rule.kind = LeaveKind::kCategory;
  rule.categories = categories;
  rule.window = 2;
  rule.theta = 0.0;  // one of the same is one too many
  EXPECT_EQ(LeavesAt(rule, false, {0, 3, 5, 1}), -1) << "item 0 has left the window";
  EXPECT_EQ(LeavesAt(rule, false, {0, 3, 1}), 2);
  EXPECT_EQ(LeavesAt(rule, false, {0, 1}), 1) << "a window that reaches before the first step";
  rule.theta = 1.0;
  EXPECT_EQ(LeavesAt(rule, false, {0, 1, 2}), 2);
  EXPECT_EQ(LeavesAt(rule, false, {0, 3, 1}), -1);
  EXPECT_EQ(LeavesAt(rule, true, {0, 0, 0}), 2);

  const std::vector<float> vectors = {0, 0, 3, 4, 3, 3, 10, 0, 20, 0, 30, 0};
  rule.kind = LeaveKind::kDistance;
  rule.dim = 2;
  rule.vectors = vectors;
  rule.theta = 5.0;  // items 0 and 1 are exactly that far apart
  EXPECT_EQ(LeavesAt(rule, false, {0, 1}), -1);
  EXPECT_EQ(LeavesAt(rule, false, {0, 2}), 1);
  EXPECT_EQ(LeavesAt(rule, false, {0, 3, 4, 2}), -1) << "item 0 has left the window";
  EXPECT_EQ(LeavesAt(rule, true, {5, 5}), 1);
  rule.kind = LeaveKind::kNever;
  EXPECT_EQ(LeavesAt(rule, true, {5, 5, 5, 5}), -1);
}

TEST(RatedWorldTest, RefusesALogWithoutRatings) {
  RatedRows log = FiftyUsers().view();
  log.values = {};
  try {
    (void)MakeRatedWorld(log, Made().view(), {});
    ADD_FAILURE() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_STREQ(error.what(), "world:rated: the log has no ratings: 'no values'; expected one with a value a row");
  }
}

}  // namespace
}  // namespace recforce::sim::test
