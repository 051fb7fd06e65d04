// SPDX-License-Identifier: Apache-2.0
// Partial selection against a full sort, with many ties, masks and NaN.
#include "recforce/core/topk.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::core {
namespace {

using Items = std::vector<std::int32_t>;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool Contains(const Items& items, std::int32_t item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

Items ToItems(std::span<const std::int32_t> items) { return {items.begin(), items.end()}; }

// The slow twin: sort everything that is not masked.
Items SortAll(const std::vector<float>& scores, std::int64_t k, const Items& masked, const Items& relevant) {
  Items items;
  for (std::int32_t item = 0; item < static_cast<std::int32_t>(scores.size()); ++item) {
    if (!Contains(masked, item)) {
      items.push_back(item);
    }
  }
  std::stable_sort(items.begin(), items.end(), [&](std::int32_t a, std::int32_t b) {
    const float score_a = scores[a];
    const float score_b = scores[b];
    if (std::isnan(score_a) != std::isnan(score_b)) {
      return std::isnan(score_b);
    }
    if (!std::isnan(score_a) && score_a != score_b) {
      return score_a > score_b;
    }
    return !Contains(relevant, a) && Contains(relevant, b);
  });
  items.resize(std::min<std::size_t>(items.size(), static_cast<std::size_t>(k)));
  return items;
}

TEST(TopK, BestFirstAndLowerIndexAmongEquals) {
  TopK top(6);
  const std::vector<float> scores = {1, 3, 2, 3, 0, 3};
  EXPECT_EQ(ToItems(top.Select(scores, 4, {})), (Items{1, 3, 5, 2}));
}

TEST(TopK, LeavesOutWhatIsMasked) {
  TopK top(6);
  const std::vector<float> scores = {1, 3, 2, 3, 0, 3};
  EXPECT_EQ(ToItems(top.Select(scores, 3, Items{3, 1, 1})), (Items{5, 2, 0}));
}

TEST(TopK, RelevantItemsStandLastAmongEquals) {
  TopK top(6);
  const std::vector<float> scores = {1, 3, 2, 3, 0, 3};
  EXPECT_EQ(ToItems(top.Select(scores, 3, {}, Ties::kRelevantLast, Items{1, 2})), (Items{3, 5, 1}));
  EXPECT_EQ(ToItems(top.Select(scores, 2, {}, Ties::kRelevantLast, Items{1, 2})), (Items{3, 5}));
}

TEST(TopK, RelevantIsIgnoredWithoutItsTieRule) {
  TopK top(3);
  const std::vector<float> scores = {1, 1, 1};
  EXPECT_EQ(ToItems(top.Select(scores, 2, {}, Ties::kLowerIndexFirst, Items{0})), (Items{0, 1}));
  EXPECT_FALSE(top.IsRelevant(0));
}

TEST(TopK, MarksLastUntilTheNextSelect) {
  TopK top(4);
  const std::vector<float> scores = {4, 3, 2, 1};
  (void)top.Select(scores, 4, Items{0}, Ties::kRelevantLast, Items{2, 3});
  EXPECT_FALSE(top.IsRelevant(0));
  EXPECT_TRUE(top.IsRelevant(2));
  EXPECT_TRUE(top.IsRelevant(3));
  EXPECT_EQ(ToItems(top.Select(scores, 4, {}, Ties::kRelevantLast, Items{1})), (Items{0, 1, 2, 3}));
  EXPECT_TRUE(top.IsRelevant(1));
  EXPECT_FALSE(top.IsRelevant(2));
}

TEST(TopK, MoreAskedThanThereIs) {
  TopK top(3);
  const std::vector<float> scores = {1, 2, 3};
  EXPECT_EQ(ToItems(top.Select(scores, 1'000'000, Items{1})), (Items{2, 0}));
  EXPECT_TRUE(top.Select(scores, 5, Items{0, 1, 2}).empty());
  EXPECT_TRUE(top.Select(scores, 0, {}).empty());
  TopK none(0);
  EXPECT_TRUE(none.Select({}, 5, {}).empty());
}

TEST(TopK, NanRanksBelowEverything) {
  TopK top(5);
  const std::vector<float> scores = {kNan, -kInfinity, kNan, kInfinity, 0};
  EXPECT_EQ(ToItems(top.Select(scores, 5, {})), (Items{3, 4, 1, 0, 2}));
}

TEST(TopK, NumbersReplaceNanThatCameFirst) {
  std::vector<float> scores(64, kNan);
  scores[40] = -kInfinity;
  scores[63] = 1;
  TopK top(64);
  EXPECT_EQ(ToItems(top.Select(scores, 3, {})), (Items{63, 40, 0}));
}

TEST(TopK, ANonRelevantItemReplacesAnEqualRelevantOneLaterInTheRow) {
  // The first places go to relevant items; later blocks hold equal scores of others.
  for (const float score : {0.0F, -1.0F, -kInfinity, kNan}) {
    const std::vector<float> scores(100, score);
    TopK top(100);
    EXPECT_EQ(ToItems(top.Select(scores, 3, {}, Ties::kRelevantLast, Items{0, 1, 2, 3})), (Items{4, 5, 6})) << score;
  }
}

TEST(TopK, BothZerosAreEqual) {
  TopK top(3);
  const std::vector<float> scores = {-0.0F, 0.0F, -0.0F};
  EXPECT_EQ(ToItems(top.Select(scores, 3, {})), (Items{0, 1, 2}));
}

TEST(TopK, RefusesARowOfAnotherWidthAndForeignItems) {
  TopK top(3);
  const std::vector<float> scores = {1, 2, 3};
  EXPECT_THROW(top.Select(std::span(scores).first(2), 1, {}), base::Error);
  EXPECT_THROW(top.Select(scores, 1, Items{3}), base::Error);
  EXPECT_THROW(top.Select(scores, 1, Items{-1}), base::Error);
  EXPECT_EQ(ToItems(top.Select(scores, 1, {})), (Items{2}));
}

TEST(TopK, EqualsAFullSort) {
  const bool equal = rc::check("TopK equals a full sort", [] {
    const auto num_items = *rc::gen::inRange<std::int32_t>(1, 120);
    const auto levels = *rc::gen::inRange<int>(1, 9);  // few levels: many ties
    const auto scores = *rc::gen::container<std::vector<float>>(
        static_cast<std::size_t>(num_items), rc::gen::map(rc::gen::inRange<int>(0, levels), [](int level) {
          return level == 7 ? kNan : level == 6 ? -kInfinity : static_cast<float>(level) - 2.0F;
        }));
    const auto item = rc::gen::inRange<std::int32_t>(0, num_items);
    const auto masked = *rc::gen::container<Items>(item);
    const auto relevant = *rc::gen::container<Items>(item);
    const auto k = *rc::gen::inRange<std::int64_t>(0, 140);
    TopK top(num_items);
    // A first call leaves marks behind that the second must not see.
    (void)top.Select(scores, 3, relevant, Ties::kRelevantLast, masked);
    RC_ASSERT(ToItems(top.Select(scores, k, masked, Ties::kRelevantLast, relevant)) ==
              SortAll(scores, k, masked, relevant));
    RC_ASSERT(ToItems(top.Select(scores, k, masked)) == SortAll(scores, k, masked, {}));
  });
  EXPECT_TRUE(equal);
}

TEST(TopK, EqualsAFullSortOnALongRow) {
  std::mt19937 random(7);
  std::vector<float> scores(20'011);
  for (float& score : scores) {
    score = static_cast<float>(random() % 1000);
  }
  Items masked;
  Items relevant;
  for (int draw = 0; draw < 100; ++draw) {
    masked.push_back(static_cast<std::int32_t>(random() % scores.size()));
    relevant.push_back(static_cast<std::int32_t>(random() % scores.size()));
  }
  TopK top(static_cast<std::int64_t>(scores.size()));
  EXPECT_EQ(ToItems(top.Select(scores, 100, masked, Ties::kRelevantLast, relevant)),
            SortAll(scores, 100, masked, relevant));
}

// Relevant items first among equals is the pessimistic order of everything else.
TEST(TopK, OptimisticTiesMirrorPessimisticOnes) {
  const bool holds = rc::check("relevant first is the rest last", [] {
    const auto raw = *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4)));
    const std::vector<float> scores(raw.begin(), raw.end());
    Items relevant;
    Items rest;
    for (std::int32_t item = 0; item < static_cast<std::int32_t>(raw.size()); ++item) {
      (*rc::gen::arbitrary<bool>() ? relevant : rest).push_back(item);
    }
    const auto k = *rc::gen::inRange<std::int64_t>(1, 12);
    TopK first(static_cast<std::int64_t>(raw.size()));
    TopK last(static_cast<std::int64_t>(raw.size()));
    RC_ASSERT(ToItems(first.Select(scores, k, {}, Ties::kRelevantFirst, relevant)) ==
              ToItems(last.Select(scores, k, {}, Ties::kRelevantLast, rest)));
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace recforce::core
