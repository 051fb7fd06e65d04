// SPDX-License-Identifier: Apache-2.0
// Numbers checked by hand.
#include "report/measure.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/error.h"
#include "report/words.h"

namespace recforce::report {
namespace {

eval::EvalResult Result(const std::vector<std::string>& metrics, std::vector<double> per_user) {
  eval::EvalResult result;
  result.metrics = eval::ParseMetrics(metrics);
  result.users = static_cast<std::int64_t>(per_user.size() / metrics.size());
  result.per_user = std::move(per_user);
  return result;
}

TEST(EstimateOf, MeanAndNormalInterval) {
  const std::vector<double> values = {0.0, 1.0, 1.0, 0.0};
  const Estimate estimate = EstimateOf(values);
  EXPECT_DOUBLE_EQ(estimate.mean, 0.5);
  EXPECT_DOUBLE_EQ(estimate.half_width, 1.96 * std::sqrt(1.0 / 3.0) / 2.0);
  EXPECT_DOUBLE_EQ(EstimateOf(std::vector<double>{0.7}).half_width, 0.0);
}

TEST(MetricTable, UnionOfMetricsAndBestOfEach) {
  const eval::EvalResult a = Result({"hr@10", "mrr@10"}, {1.0, 0.5, 0.0, 0.0});
  const eval::EvalResult b = Result({"mrr@10", "ndcg@10"}, {0.25, 0.5, 0.25, 0.5});
  const std::vector<const eval::EvalResult*> runs = {&a, nullptr, &b};
  const MetricTable table = MakeMetricTable(runs);
  EXPECT_EQ(table.metrics, (std::vector<std::string>{"hr@10", "mrr@10", "ndcg@10"}));
  EXPECT_DOUBLE_EQ(table.cells[0][0]->mean, 0.5);
  EXPECT_FALSE(table.cells[0][2].has_value());
  EXPECT_FALSE(table.cells[1][0].has_value());
  EXPECT_FALSE(table.IsBest(0, 0)) << "alone in its column";
  EXPECT_TRUE(table.IsBest(0, 1) && table.IsBest(2, 1)) << "equal ones are both best";
}

TEST(MetricTable, MetricsOfAllListsStandApart) {
  eval::EvalResult a = Result({"hr@10"}, {1.0});
  a.set_metrics.push_back({eval::ParseMetric("hr@5"), 0.25, 0.01});
  const std::vector<const eval::EvalResult*> runs = {&a};
  const MetricTable table = MakeMetricTable(runs);
  EXPECT_EQ(table.set_metrics, std::vector<std::string>{"hr@5"});
  EXPECT_DOUBLE_EQ(table.set_cells[0][0]->mean, 0.25);
}

TEST(CompareWith, EveryOtherRunAndHolm) {
  std::vector<double> low;
  std::vector<double> high;
  std::vector<double> mixed;
  for (int user = 0; user < 40; ++user) {
    low.push_back(0.1 + 0.001 * user);
    high.push_back(low.back() + 0.05 + 0.002 * (user % 7));
    mixed.push_back(low.back() + (user % 2 == 0 ? 0.02 : -0.02));
  }
  const eval::EvalResult a = Result({"hr@10"}, low);
  const eval::EvalResult b = Result({"hr@10"}, high);
  const eval::EvalResult c = Result({"hr@10"}, mixed);
  const std::vector<const eval::EvalResult*> runs = {&b, &a, &c, nullptr};
  const std::vector<std::string> metrics = {"hr@10", "mrr@10"};
  const std::vector<Difference> differences = CompareWith(1, runs, metrics);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].run, 0U);
  EXPECT_EQ(differences[1].run, 2U);
  EXPECT_GT(differences[0].comparison.ci_low, 0.0);
  EXPECT_DOUBLE_EQ(differences[0].p_holm, 2.0 * differences[0].comparison.p);
  EXPECT_DOUBLE_EQ(differences[1].p_holm, differences[1].comparison.p);
  EXPECT_EQ(WinsText(differences[1].comparison), "better for 20 users, worse for 20, equal for 0");
}

TEST(PrimaryMetric, WantedThenPreferredThenShared) {
  const eval::EvalResult a = Result({"hr@10", "mrr@10"}, {1.0, 0.5});
  const eval::EvalResult b = Result({"mrr@10"}, {0.5});
  const std::vector<const eval::EvalResult*> runs = {&a, &b, nullptr};
  const MetricTable table = MakeMetricTable(runs);
  EXPECT_EQ(PrimaryMetric(table, "hr@10", "mrr@10"), "hr@10");
  EXPECT_EQ(PrimaryMetric(table, std::nullopt, "mrr@10"), "mrr@10");
  EXPECT_EQ(PrimaryMetric(table, std::nullopt, "hr@10"), "mrr@10") << "not every run has the preferred one";
  try {
    PrimaryMetric(table, "mrr@1", "");
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kNotFound);
    EXPECT_STREQ(error.what(),
                 "report: metric was not measured: 'mrr@1'; measured: hr@10, mrr@10; did you mean 'mrr@10'?");
  }
}

TEST(GroupByActivity, EvenGroupsOfWholeLengths) {
  const std::vector<std::int64_t> lengths = {9, 1, 2, 3, 4, 5, 6, 7};
  const std::vector<ActivityGroup> groups = GroupByActivity(lengths, 4);
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(groups[0].rows, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(groups[3].rows, (std::vector<std::size_t>{7, 0}));
  EXPECT_EQ(RangeText(groups[3].least, groups[3].most), "7 to 9");
}

TEST(GroupByActivity, OneLengthIsNeverCut) {
  const std::vector<std::int64_t> mostly_one = {1, 1, 1, 1, 1, 1, 1, 8};
  const std::vector<ActivityGroup> groups = GroupByActivity(mostly_one, 4);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].rows.size(), 7U);
  EXPECT_EQ(groups[1].least, 8);
  EXPECT_EQ(GroupByActivity(std::vector<std::int64_t>(5, 3), 4).size(), 1U);
  EXPECT_TRUE(GroupByActivity({}, 4).empty());
}

TEST(BinDifferences, ZeroIsAnEdgeAndTiesAreInNoBin) {
  const std::vector<double> a = {1.0, 0.0, 0.5, 0.3, 0.0};
  const std::vector<double> b = {0.0, 1.0, 0.5, 0.0, 0.3};
  EXPECT_DOUBLE_EQ(LargestDifference(a, b), 1.0);
  // Bins of width 0.25 over [-1, 1]; +-0.3 lie in the second from zero, +-1 in the outermost.
  EXPECT_EQ(BinDifferences(a, b, 1.0, 8), (std::vector<std::int64_t>{1, 0, 1, 0, 0, 1, 0, 1}));
}

TEST(Words, Numbers) {
  EXPECT_EQ(Signed(0.01234), "+0.0123");
  EXPECT_EQ(Signed(-0.5), "-0.5000");
  EXPECT_EQ(Signed(-0.00001), "0.0000");
  EXPECT_EQ(RangeText(5, 5), "5");
  EXPECT_EQ(MeanText({0.5, 0.01}), "0.5000 +- 0.0100");
}

}  // namespace
}  // namespace recforce::report
