// SPDX-License-Identifier: Apache-2.0
// What each policy shows in environments worked by hand.
#include "sim/policies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "sim/mpc.h"
#include "sim/slate_search.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

using Slate = std::vector<std::int32_t>;

constexpr core::ChoiceRule kShannon{core::ChoiceLaw::kSoftmax, 0.0F};

std::vector<Slate> Chosen(const core::SlatePolicy& policy, const core::Episodes& episodes, std::int64_t k,
                          std::uint64_t seed = 1) {
  std::vector<std::int32_t> buffer(static_cast<std::size_t>(episodes.size() * k), -1);
  const base::MatrixView<std::int32_t> slates{buffer.data(), episodes.size(), k};
  policy.Choose(episodes, seed, slates);
  std::vector<Slate> rows;
  for (std::int64_t row = 0; row < slates.rows; ++row) {
    rows.emplace_back(slates.row(row).begin(), slates.row(row).end());
  }
  return rows;
}

std::vector<std::int64_t> FirstUsers(std::int64_t count) {
  std::vector<std::int64_t> users(static_cast<std::size_t>(count));
  std::iota(users.begin(), users.end(), 0);
  return users;
}

// Two items: item 0 attracts, item 1 pays.
test::ToyEnvironment TwoItems() {
  return test::ToyEnvironment({.items = 2,
                               .utilities = {2.0F, 0.0F, 2.0F, 0.0F, 2.0F, 0.0F},
                               .rewards = {0.1F, 1.0F, 0.1F, 1.0F, 0.1F, 1.0F},
                               .choice = kShannon});
}

TEST(PoliciesTest, TwoItemsAreWorkedByHand) {
  const test::ToyEnvironment world = TwoItems();
  const auto episodes = world.Start(FirstUsers(3), 1);
  // Item 0 brings .1 e^2 / (1 + e^2) = .088, item 1 brings 1 / 2.
  for (std::size_t user = 0; user < 3; ++user) {
    EXPECT_EQ(Chosen(*MakeTopUtilityPolicy(2), *episodes, 1)[user], Slate{0});
    EXPECT_EQ(Chosen(*MakeTopRewardPolicy(2), *episodes, 1)[user], Slate{1});
    EXPECT_EQ(Chosen(*MakeGreedyPolicy(world), *episodes, 1)[user], Slate{1});
    EXPECT_EQ(Chosen(*MakeExactPolicy(world), *episodes, 1)[user], Slate{1});
    EXPECT_EQ(Chosen(*MakeTopUtilityPolicy(2), *episodes, 2)[user], (Slate{0, 1}));
  }
}

TEST(PoliciesTest, RandomSlatesAreDistinctAndEquallyLikely) {
  const test::ToyEnvironment world(test::RandomToy(4, 1, kShannon));
  const auto episodes = world.Start(FirstUsers(12000), 1);
  std::map<Slate, int> counts;
  for (const Slate& slate : Chosen(*MakeRandomPolicy(4), *episodes, 2)) {
    EXPECT_NE(slate[0], slate[1]);
    ++counts[slate];
  }
  ASSERT_EQ(counts.size(), 12U);  // ordered pairs of four
  for (const auto& [slate, count] : counts) {
    EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0 * 11 / 12)) << slate[0] << " " << slate[1];
  }
}

TEST(PoliciesTest, RandomSlatesBelongToUserSeedAndStep) {
  const test::ToyEnvironment world(test::RandomToy(50, 1, kShannon));
  const auto policy = MakeRandomPolicy(50);
  const auto all = world.Start(FirstUsers(20), 1);
  const std::vector<std::int64_t> one = {13};
  const auto alone = world.Start(one, 99);
  EXPECT_EQ(Chosen(*policy, *all, 5)[13], Chosen(*policy, *alone, 5)[0]);
  EXPECT_NE(Chosen(*policy, *all, 5)[12], Chosen(*policy, *all, 5)[13]);
  EXPECT_NE(Chosen(*policy, *alone, 5, 1), Chosen(*policy, *alone, 5, 2));
  const std::vector<Slate> before = Chosen(*policy, *alone, 5);
  core::Feedback feedback;
  alone->Step({before[0].data(), 1, 5}, feedback);
  EXPECT_NE(Chosen(*policy, *alone, 5), before);
}

TEST(PoliciesTest, PopularityBreaksTiesByIndex) {
  const test::ToyEnvironment world(test::RandomToy(5, 1, kShannon));
  const auto episodes = world.Start(FirstUsers(2), 1);
  const std::vector<std::int64_t> counts = {3, 7, 3, 7, 1};
  EXPECT_EQ(Chosen(*MakePopularityPolicy(counts), *episodes, 4), (std::vector<Slate>{{1, 3, 0, 2}, {1, 3, 0, 2}}));
}

TEST(PoliciesTest, MoreSearchBringsMoreAtOnce) {
  const test::ToyEnvironment world(test::RandomToy(12, 3, kShannon));
  double exact = 0.0;
  double greedy = 0.0;
  double top = 0.0;
  double random = 0.0;
  for (std::uint64_t number = 0; number < 40; ++number) {
    const test::Toy toy = test::RandomToy(12, number, kShannon);
    const test::ToyEnvironment each(toy);
    const auto episodes = each.Start(FirstUsers(1), 1);
    const auto value = [&](const core::SlatePolicy& policy) {
      SlateSearch search(kShannon);
      const Slate slate = Chosen(policy, *episodes, 3, number)[0];
      return search.Value(std::span(toy.utilities).first(12), std::span(toy.rewards).first(12), slate);
    };
    EXPECT_GE(value(*MakeExactPolicy(each)), value(*MakeGreedyPolicy(each)) - 1e-12);
    exact += value(*MakeExactPolicy(each));
    greedy += value(*MakeGreedyPolicy(each));
    top += value(*MakeTopRewardPolicy(12));
    random += value(*MakeRandomPolicy(12));
  }
  EXPECT_GE(exact, greedy);
  EXPECT_GT(greedy, top);
  EXPECT_GT(top, random);
}

// Item 0 pays 1 at once and leads where nothing pays; item 1 pays a little and leads where item 2 pays 2.
test::Toy Trap() {
  const std::vector<float> utilities(12, 3.0F);
  return {.items = 3,
          .utilities = utilities,
          .rewards = {1.0F, 0.5F, 0.0F,   // at first
                      0.0F, 0.0F, 0.0F,   // after 0
                      0.0F, 0.0F, 2.0F,   // after 1
                      0.0F, 0.0F, 2.0F},  // after 2
          .choice = kShannon};
}

TEST(PoliciesTest, PlanningAvoidsATrap) {
  const test::ToyEnvironment world(Trap());
  const auto episodes = world.Start(FirstUsers(10), 1);
  const auto mpc = MakeMpcPolicy(world, {.horizon = 4, .rollouts = 8, .candidates = 12}, 0.9);
  for (std::size_t user = 0; user < 10; ++user) {
    EXPECT_EQ(Chosen(*MakeExactPolicy(world), *episodes, 1)[user], Slate{0});
    EXPECT_EQ(Chosen(*mpc, *episodes, 1)[user], Slate{1});
  }
  // Looking one step ahead sees what the greedy policy sees.
  const auto short_sighted = MakeMpcPolicy(world, {.horizon = 1, .rollouts = 8, .candidates = 12}, 0.9);
  EXPECT_EQ(Chosen(*short_sighted, *episodes, 1)[0], Slate{0});
}

TEST(PoliciesTest, PlansDependOnTheUserAlone) {
  const test::ToyEnvironment world(test::RandomToy(9, 5, kShannon));
  const auto mpc = MakeMpcPolicy(world, {.horizon = 3, .rollouts = 2, .candidates = 5}, 0.9);
  const auto all = world.Start(FirstUsers(30), 1);
  const std::vector<std::int64_t> some = {20, 4};
  const auto few = world.Start(some, 1);
  const std::vector<Slate> planned = Chosen(*mpc, *all, 3);
  EXPECT_EQ(Chosen(*mpc, *few, 3), (std::vector<Slate>{planned[20], planned[4]}));
  for (const Slate& slate : planned) {
    EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()).size(), 3U);
  }
}

TEST(PoliciesTest, PlansOfTheWholeCatalogueHaveNothingToExchange) {
  const test::ToyEnvironment world = TwoItems();
  const auto episodes = world.Start(FirstUsers(1), 1);
  const auto mpc = MakeMpcPolicy(world, {.horizon = 2, .rollouts = 1, .candidates = 4}, 1.0);
  const Slate slate = Chosen(*mpc, *episodes, 2)[0];
  EXPECT_EQ(std::set<std::int32_t>(slate.begin(), slate.end()), (std::set<std::int32_t>{0, 1}));
}

// Scores an item by where it stands in what the user did, and keeps what it was asked.
class Listening final : public core::Recommender {
 public:
  [[nodiscard]] std::int64_t NumItems() const override { return 5; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    std::fill_n(out.data, out.rows * out.cols, 0.0F);
    for (std::int64_t row = 0; row < users.size(); ++row) {
      const auto events = users.events().row(row);
      heard_.emplace_back(events.begin(), events.end());
      for (std::size_t place = 0; place < events.size(); ++place) {
        out.row(row)[static_cast<std::size_t>(events[place])] = static_cast<float>(place + 1);
      }
    }
  }
  mutable std::vector<Slate> heard_;
};

TEST(PoliciesTest, RecommendersHearClicksOldestFirst) {
  test::Toy toy = test::RandomToy(5, 1, {core::ChoiceLaw::kSoftmax, std::nullopt});
  const test::ToyEnvironment world(toy);
  const auto episodes = world.Start(FirstUsers(1), 1);
  core::Feedback feedback;
  const auto recommender = std::make_shared<Listening>();
  const auto distinct = MakeRecommenderPolicy(recommender, false);
  const auto repeating = MakeRecommenderPolicy(recommender, true);
  EXPECT_EQ(Chosen(*distinct, *episodes, 3)[0], (Slate{0, 1, 2}));  // nothing clicked, all equal
  EXPECT_EQ(recommender->heard_.back(), Slate{});
  for (const std::int32_t item : {4, 2, 4}) {
    episodes->Step({&item, 1, 1}, feedback);
  }
  EXPECT_EQ(Chosen(*distinct, *episodes, 3)[0], (Slate{4, 2, 0}));
  EXPECT_EQ(recommender->heard_.back(), (Slate{2, 4}));
  EXPECT_EQ(Chosen(*repeating, *episodes, 3)[0], (Slate{4, 2, 0}));
  EXPECT_EQ(recommender->heard_.back(), (Slate{4, 2, 4}));
}

}  // namespace
}  // namespace recforce::sim
