// SPDX-License-Identifier: Apache-2.0
// Numbers checked by hand.
#include "report/measure.h"

#include <gtest/gtest.h>

#include <functional>

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
  EXPECT_EQ(WinsText(differences[1].comparison, true), "better for 20 users, worse for 20, equal for 0");
  EXPECT_EQ(WinsText(differences[1].comparison, false), "higher for 20 users, lower for 20, equal for 0");
}

std::string ErrorOf(base::ErrorKind kind, const std::function<void()>& call) {
  try {
    call();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "nothing was refused";
}

TEST(PrimaryMetric, WantedThenPreferredThenShared) {
  const eval::EvalResult a = Result({"hr@10", "mrr@10"}, {1.0, 0.5});
  const eval::EvalResult b = Result({"mrr@10"}, {0.5});
  const std::vector<const eval::EvalResult*> runs = {&a, &b, nullptr};
  const MetricTable table = MakeMetricTable(runs);
  EXPECT_EQ(PrimaryMetric(table, "hr@10", "mrr@10"), "hr@10");
  EXPECT_EQ(PrimaryMetric(table, std::nullopt, "mrr@10"), "mrr@10");
  EXPECT_EQ(PrimaryMetric(table, std::nullopt, "hr@10"), "mrr@10") << "not every run has the preferred one";
  EXPECT_EQ(ErrorOf(base::ErrorKind::kNotFound, [&] { PrimaryMetric(table, "mrr@1", ""); }),
            "report: metric was not measured: 'mrr@1'; measured: hr@10, mrr@10. measure it with `recforce evaluate RUN "
            "--set eval.metrics=[...]`");
}

TEST(PrimaryMetric, OneOfWhichMoreIsBetterComesFirst) {
  const eval::EvalResult a = Result({"novelty@10", "hr@10", "mrr@10"}, {7.0, 1.0, 0.5});
  const eval::EvalResult b = Result({"novelty@10", "mrr@10"}, {6.0, 0.5});
  const eval::EvalResult c = Result({"novelty@10"}, {5.0});
  const std::vector<const eval::EvalResult*> two = {&a, &b};
  EXPECT_EQ(PrimaryMetric(MakeMetricTable(two), std::nullopt, "ndcg@100"), "mrr@10");
  const std::vector<const eval::EvalResult*> three = {&a, &b, &c};
  EXPECT_EQ(PrimaryMetric(MakeMetricTable(three), std::nullopt, "ndcg@100"), "novelty@10") << "all that they share";
}

TEST(PrimaryMetric, NoneWhereOnlyAllListsTogetherWereMeasured) {
  eval::EvalResult lists;
  lists.set_metrics.push_back({eval::ParseMetric("coverage@10"), 0.25, 0.01});
  const std::vector<const eval::EvalResult*> runs = {&lists};
  const MetricTable table = MakeMetricTable(runs);
  EXPECT_EQ(PrimaryMetric(table, std::nullopt, "ndcg@100"), "");
  EXPECT_EQ(
      ErrorOf(base::ErrorKind::kNotFound, [&] { PrimaryMetric(table, "hr@1", ""); }),
      "report: metric was not measured: 'hr@1'; measured: none of single users. measure it with `recforce evaluate "
      "RUN --set eval.metrics=[...]`");
}

TEST(UserMetric, OneSpellingAndAValueForEachUser) {
  EXPECT_EQ(UserMetric("x", "novelty@010"), "novelty@10");
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [] { UserMetric("report: --metric", "gini@5"); }),
            "report: --metric: a metric of all lists together, without a value for a single user: 'gini@5'; expected "
            "one of single users, like ndcg@10");
  EXPECT_NE(ErrorOf(base::ErrorKind::kUsage, [] { UserMetric("x", "ndgc@5"); }).find("did you mean 'ndcg'"),
            std::string::npos);
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
  EXPECT_EQ(MeanText({0.5, 0.01}), "0.5000 +- 0.0100");
}

}  // namespace
}  // namespace recforce::report
