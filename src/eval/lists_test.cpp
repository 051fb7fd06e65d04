// SPDX-License-Identifier: Apache-2.0
// Metrics of lists: numbers worked out on paper, and cosines against counting users one by one.
#include "eval/lists.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/eval/groups.h"

namespace recforce::eval {
namespace {

using Items = std::vector<std::int32_t>;

// Four training users. Item 0 is of all, 1 of two, 2 of one, 3 of nobody.
data::Csr FourUsers() {
  data::Csr train;
  for (const Items& row : {Items{0, 1}, Items{1, 0}, Items{0, 2}, Items{0}}) {
    train.AddRow(row);
  }
  return train;
}

double Of(const char* name, const Items& list, const Items& history = {0}) {
  const data::Csr train = FourUsers();
  const TrainingStatistics training(train.view(), 4);
  return ListValue(ParseMetric(name), list, history, training);
}

TEST(ListMetricsTest, NoveltyIsTheMeanSurprise) {
  EXPECT_DOUBLE_EQ(Of("novelty@3", {0, 1, 2}), (0.0 + 1.0 + 2.0) / 3.0);  // -log2 of 4/4, 2/4, 1/4
  EXPECT_DOUBLE_EQ(Of("novelty@2", {0, 1, 2}), 0.5);
  EXPECT_DOUBLE_EQ(Of("novelty@5", {3}), 2.0);  // an item of nobody counts as one of one user
}

TEST(ListMetricsTest, PopularityLiftComparesWithTheHistory) {
  EXPECT_DOUBLE_EQ(Of("popularity_lift@2", {0, 1}, {1, 2}), (3.0 - 1.5) / 1.5);
  EXPECT_DOUBLE_EQ(Of("popularity_lift@1", {2, 0}, {0}), -0.75);
  EXPECT_DOUBLE_EQ(Of("popularity_lift@1", {0}, {3}), 0.0);  // nothing to compare with
}

TEST(ListMetricsTest, DiversityIsOneLessTheMeanCosine) {
  // cos(0, 1) = 2 / sqrt(4 * 2), cos(0, 2) = 1 / sqrt(4 * 1), cos(1, 2) = 0.
  const double cos01 = 2.0 / std::sqrt(8.0);
  EXPECT_DOUBLE_EQ(Of("diversity@2", {0, 1, 2}), 1.0 - cos01);
  EXPECT_DOUBLE_EQ(Of("diversity@3", {0, 1, 2}), 1.0 - (cos01 + 0.5 + 0.0) / 3.0);
  EXPECT_DOUBLE_EQ(Of("diversity@3", {0, 3}), 1.0);
  EXPECT_DOUBLE_EQ(Of("diversity@3", {0}), 0.0);  // no pairs
}

TEST(ListMetricsTest, CosinesEqualCounting) {
  // 300 users: items below 5 words of users are merged, the others have bitsets; item i is of about 300 / (i + 1).
  base::Rng random(1, base::Stream::kTest);
  data::Csr train;
  for (int user = 0; user < 300; ++user) {
    Items row;
    for (std::int32_t item = 0; item < 150; ++item) {
      if (random.Uniform() * (item + 1) < 1.0) {
        row.push_back(item);
      }
    }
    train.AddRow(row);
  }
  const TrainingStatistics training(train.view(), 150);
  for (std::int32_t a = 0; a < 150; a += 7) {
    for (std::int32_t b = 0; b < 150; b += 3) {
      double common = 0;
      double of_a = 0;
      double of_b = 0;
      for (std::int64_t user = 0; user < 300; ++user) {
        const std::span<const std::int32_t> row = train.row(user);
        const bool has_a = std::find(row.begin(), row.end(), a) != row.end();
        const bool has_b = std::find(row.begin(), row.end(), b) != row.end();
        of_a += has_a ? 1 : 0;
        of_b += has_b ? 1 : 0;
        common += has_a && has_b ? 1 : 0;
      }
      EXPECT_EQ(training.Count(a), of_a);
      EXPECT_DOUBLE_EQ(training.Cosine(a, b), of_a * of_b == 0 ? 0.0 : common / std::sqrt(of_a * of_b))
          << a << " " << b;
    }
  }
}

TEST(SetMetricsTest, CoverageAndGini) {
  const Items lists = {0, 1, 0, 2, 0, -1};  // three users, two places; the last list is short
  EXPECT_DOUBLE_EQ(MeasureSet(ParseMetric("coverage@2"), lists, 2, 4, 1).value, 0.75);
  EXPECT_DOUBLE_EQ(MeasureSet(ParseMetric("coverage@1"), lists, 2, 4, 1).value, 0.25);
  // Counts 3 1 1 0, ascending 0 1 1 3: (-3 * 0 - 1 * 1 + 1 * 1 + 3 * 3) / (4 * 5).
  EXPECT_DOUBLE_EQ(MeasureSet(ParseMetric("gini@2"), lists, 2, 4, 1).value, 9.0 / 20.0);
  EXPECT_DOUBLE_EQ(MeasureSet(ParseMetric("gini@1"), lists, 2, 4, 1).value, 0.75);  // one item has all: 1 - 1/4
  EXPECT_DOUBLE_EQ(MeasureSet(ParseMetric("gini@1"), Items{0, 1, 2, 3}, 1, 4, 1).value, 0.0);
  // All lists alike: no user changes anything.
  EXPECT_EQ(MeasureSet(ParseMetric("coverage@1"), lists, 2, 4, 1).half_width95, 0.0);
}

TEST(SetMetricsTest, TheIntervalIsTheSpreadOverResampledUsers) {
  // 400 users with one of two items each: resampled coverage of item 0 and 1 is whole, Gini varies with the binomial
  // share p of item 0: gini = |2 p - 1| / 2 around p = 0.75, standard deviation sqrt(.75 * .25 / 400).
  Items lists(400, 0);
  std::fill(lists.begin(), lists.begin() + 100, 1);
  const SetMetric gini = MeasureSet(ParseMetric("gini@1"), lists, 1, 2, 1);
  EXPECT_DOUBLE_EQ(gini.value, 0.25);
  EXPECT_NEAR(gini.half_width95, 1.96 * std::sqrt(0.75 * 0.25 / 400), 0.006);
  const int threads = base::Threads();
  base::SetThreads(3);
  EXPECT_EQ(MeasureSet(ParseMetric("gini@1"), lists, 1, 2, 1).half_width95, gini.half_width95);
  base::SetThreads(threads);
}

data::EvalSet Histories(const std::vector<Items>& inputs) {
  data::EvalSet set;
  for (const Items& input : inputs) {
    set.users.push_back(static_cast<std::int32_t>(set.users.size()));
    set.input.AddRow(input);
    set.target.AddRow(Items{3});
  }
  return set;
}

TEST(GroupsTest, ThirdsByActivityAndByPopularity) {
  const data::EvalSet set = Histories({{0, 1, 2}, {0}, {1, 2}, {2, 1}, {1}, {0, 2, 1}});
  const data::Csr train = FourUsers();
  const UserGroups activity = GroupUsers("activity", set, train.view(), 4);
  EXPECT_EQ(activity.names, (std::vector<std::string>{"light", "medium", "heavy"}));
  EXPECT_EQ(activity.of_row, (Items{2, 0, 1, 1, 0, 2}));
  // Mean counts 7/3, 4, 1.5, 1.5, 2, 7/3: the thirds end at 1.5 and 7/3.
  EXPECT_EQ(GroupUsers("mainstream", set, train.view(), 4).of_row, (Items{1, 2, 0, 0, 1, 1}));
  EXPECT_TRUE(GroupUsers("none", set, train.view(), 4).names.empty());
  EXPECT_THROW((void)GroupUsers("age", set, train.view(), 4), base::Error);
}

TEST(GroupsTest, UsersOfOneMeasureStayTogether) {
  const data::EvalSet set = Histories({{0}, {1}, {2}, {0}, {1}, {0, 1}});
  EXPECT_EQ(GroupUsers("activity", set, FourUsers().view(), 4).of_row, (Items{0, 0, 0, 0, 0, 2}));
  const data::EvalSet many_heavy = Histories({{0, 1}, {1, 2}, {0, 2}, {0, 1}, {1, 2}, {0}});
  EXPECT_EQ(GroupUsers("activity", many_heavy, FourUsers().view(), 4).of_row, (Items{2, 2, 2, 2, 2, 0}));
  const data::EvalSet alike = Histories({{0}, {1}, {2}});
  EXPECT_EQ(GroupUsers("activity", alike, FourUsers().view(), 4).of_row, (Items{1, 1, 1}));
}

TEST(GroupsTest, SummariesAreOfTheGroup) {
  EvalResult result;
  result.metrics = {ParseMetric("hr@1"), ParseMetric("ndcg@10")};
  result.users = 3;
  result.per_user = {1, 0.5, 0, 0.25, 1, 0.75};
  const Summary summary = SummarizeGroup(result, {0, 1, 0}, 0, 1);
  EXPECT_EQ(summary.users, 2);
  EXPECT_DOUBLE_EQ(summary.mean, 0.625);
  // Deviations of 0.125: variance 2 * 0.015625 / 1, half-width 1.96 * sqrt(0.03125) / sqrt(2).
  EXPECT_DOUBLE_EQ(summary.half_width95, 1.96 * std::sqrt(0.03125) / std::sqrt(2.0));
}

}  // namespace
}  // namespace recforce::eval
