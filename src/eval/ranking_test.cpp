// SPDX-License-Identifier: Apache-2.0
// Rankings of candidates and of the catalogue under either order of ties, and AUC, against counting one by one.
#include "eval/ranking.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace recforce::eval {
namespace {

using Items = std::vector<std::int32_t>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

bool Has(const Items& items, std::int32_t item) { return std::find(items.begin(), items.end(), item) != items.end(); }

// Pairs of a target and another ranked item, one by one.
double SlowAuc(const std::vector<float>& scores, const Items& ranked, const Items& targets) {
  double won = 0.0;
  double pairs = 0.0;
  for (const std::int32_t target : targets) {
    for (const std::int32_t item : ranked) {
      if (!Has(targets, item)) {
        pairs += 1.0;
        won += scores[target] > scores[item] ? 1.0 : scores[target] == scores[item] ? 0.5 : 0.0;
      }
    }
  }
  return pairs == 0.0 ? 1.0 : won / pairs;
}

// Ranks of the targets, counted: what stands before a target.
Items SlowHits(const std::vector<float>& scores, const Items& ranked, const Items& targets, bool optimistic) {
  Items hits;
  for (const std::int32_t target : targets) {
    std::int32_t before = 0;
    for (const std::int32_t item : ranked) {
      const bool is_target = Has(targets, item);
      const bool first_of_equals = is_target ? item < target : !optimistic;
      before += scores[item] > scores[target] || (scores[item] == scores[target] && item != target && first_of_equals);
    }
    hits.push_back(before);
  }
  std::sort(hits.begin(), hits.end());
  return hits;
}

TEST(RankerTest, OneTargetAmongEqualsStandsLastOrFirst) {
  const std::vector<float> scores = {2, 1, 1, 1, 0};
  const Items target = {2};
  Ranker pessimistic(5, core::Ties::kRelevantLast);
  Ranker optimistic(5, core::Ties::kRelevantFirst);
  for (const Items& candidates : {Items{}, Items{4, 3, 2, 1, 0}}) {
    const Question question{.scores = scores, .masked = {}, .targets = target, .candidates = candidates};
    (void)pessimistic.Rank(question, 5);
    EXPECT_EQ(pessimistic.hits()[0], 3);
    (void)optimistic.Rank(question, 5);
    EXPECT_EQ(optimistic.hits()[0], 1);
    // Four others: one better, two equal, one worse.
    EXPECT_DOUBLE_EQ(optimistic.Auc(question), 0.5);
  }
}

TEST(RankerTest, OnlyCandidatesCount) {
  const std::vector<float> scores = {9, 8, 7, 6, 5, 4};
  const Items target = {4};
  const Items candidates = {4, 5, 2};
  Ranker ranker(6, core::Ties::kRelevantLast);
  const Question question{.scores = scores, .masked = {}, .targets = target, .candidates = candidates};
  const std::span<const std::int32_t> ranking = ranker.Rank(question, 10);
  EXPECT_EQ(Items(ranking.begin(), ranking.end()), (Items{2, 4, 5}));
  EXPECT_EQ(ranker.hits()[0], 1);
  EXPECT_DOUBLE_EQ(ranker.Auc(question), 0.5);
}

TEST(RankerTest, NanIsBelowEveryNumber) {
  const std::vector<float> scores = {kNan, -1, kNan, 0};
  const Items target = {0};
  Ranker ranker(4, core::Ties::kRelevantLast);
  for (const Items& candidates : {Items{}, Items{0, 1, 2, 3}}) {
    const Question question{.scores = scores, .masked = {}, .targets = target, .candidates = candidates};
    (void)ranker.Rank(question, 4);
    EXPECT_EQ(ranker.hits()[0], 3);
    EXPECT_DOUBLE_EQ(ranker.Auc(question), 0.5 / 3);
  }
}

// More targets than are compared row by row, NaN among the others.
TEST(RankerTest, AucOfManyTargets) {
  std::vector<float> scores(100);
  Items targets;
  Items ranked;
  for (std::int32_t item = 0; item < 100; ++item) {
    scores[item] = item % 9 == 4 ? kNan : static_cast<float>((item * 37) % 20);
    if (item % 2 == 0 && item % 9 != 4) {
      targets.push_back(item);
    }
    ranked.push_back(item);
  }
  std::vector<float> comparable = scores;
  for (float& score : comparable) {
    score = std::isnan(score) ? -1.0F : score;
  }
  Ranker ranker(100, core::Ties::kRelevantLast);
  EXPECT_NEAR(ranker.Auc({.scores = scores, .masked = {}, .targets = targets, .candidates = {}}),
              SlowAuc(comparable, ranked, targets), 1e-12);
  targets.resize(5);
  EXPECT_NEAR(ranker.Auc({.scores = scores, .masked = {}, .targets = targets, .candidates = {}}),
              SlowAuc(comparable, ranked, targets), 1e-12);
}

TEST(RankerTest, NothingToLoseAgainstIsWon) {
  const std::vector<float> scores = {1, 2};
  const Items target = {0};
  const Items masked = {1};
  Ranker ranker(2, core::Ties::kRelevantLast);
  EXPECT_EQ(ranker.Auc({.scores = scores, .masked = masked, .targets = target, .candidates = {}}), 1.0);
}

TEST(RankerTest, EqualsCountingOneByOne) {
  const auto holds = rc::check("rankings and AUC equal counting", [] {
    const auto n = *rc::gen::inRange<std::int32_t>(2, 300);
    const auto raw = *rc::gen::container<std::vector<int>>(static_cast<std::size_t>(n), rc::gen::inRange(0, 6));
    const auto roles = *rc::gen::container<std::vector<int>>(static_cast<std::size_t>(n), rc::gen::inRange(0, 6));
    const bool by_candidates = *rc::gen::arbitrary<bool>();
    const bool optimistic = *rc::gen::arbitrary<bool>();
    std::vector<float> scores(raw.begin(), raw.end());
    Items masked;
    Items targets;
    Items candidates;
    Items ranked;
    for (std::int32_t item = 0; item < n; ++item) {
      const bool is_target = roles[item] == 0;
      const bool is_masked = roles[item] == 1;
      const bool is_candidate = !by_candidates || is_target || roles[item] < 4;
      if (is_target) {
        targets.push_back(item);
      }
      if (is_masked) {
        masked.push_back(item);
      }
      if (by_candidates && is_candidate) {
        candidates.push_back(item);
      }
      if (!is_masked && is_candidate) {
        ranked.push_back(item);
      }
    }
    RC_PRE(!targets.empty());
    Ranker ranker(n, optimistic ? core::Ties::kRelevantFirst : core::Ties::kRelevantLast);
    const Question question{.scores = scores, .masked = masked, .targets = targets, .candidates = candidates};
    const std::span<const std::int32_t> ranking = ranker.Rank(question, n);
    RC_ASSERT(ranking.size() == ranked.size());
    const Items hits(ranker.hits().begin(), ranker.hits().end());
    RC_ASSERT(hits == SlowHits(scores, ranked, targets, optimistic));
    const auto depth = *rc::gen::inRange<std::int64_t>(1, 10);
    const Items whole(ranking.begin(), ranking.end());
    const std::span<const std::int32_t> cut = ranker.Rank(question, depth);
    RC_ASSERT(std::equal(cut.begin(), cut.end(), whole.begin()));
    RC_ASSERT(std::abs(ranker.Auc(question) - SlowAuc(scores, ranked, targets)) < 1e-12);
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace recforce::eval
