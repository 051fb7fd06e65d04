// SPDX-License-Identifier: Apache-2.0
// From recorded epochs to curves.
#include "report/figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace recforce::report {
namespace {

RunPart MakeRun(const std::string& label) {
  RunPart run;
  run.label = label;
  run.valid_metric = "ndcg@10";
  return run;
}

train::EpochRecord Epoch(const std::string& phase, std::int64_t epoch, core::Metrics metrics,
                         std::optional<double> validation = std::nullopt, bool best = false) {
  return {phase, epoch, 0.1, std::move(metrics), validation, best};
}

TEST(Thinned, KeepsShortCurvesAndTheEndsOfLongOnes) {
  std::vector<Point> points;
  for (int n = 0; n < 10; ++n) {
    points.push_back({static_cast<double>(n), 0.0});
  }
  EXPECT_EQ(Thinned(points, 10).size(), 10U);
  for (int n = 10; n < 5000; ++n) {
    points.push_back({static_cast<double>(n), std::sin(n * 0.01)});
  }
  const std::vector<Point> thinned = Thinned(points, 200);
  EXPECT_LE(thinned.size(), 200U);
  EXPECT_EQ(thinned.front().x, 0.0);
  EXPECT_EQ(thinned.back().x, 4999.0);
  for (std::size_t n = 1; n < thinned.size(); ++n) {
    EXPECT_LT(thinned[n - 1].x, thinned[n].x);
  }
}

TEST(Thinned, NoSpikeIsLost) {
  std::vector<Point> points;
  for (int n = 0; n < 3000; ++n) {
    points.push_back({static_cast<double>(n), n == 1234 ? 9.0 : n == 2345 ? -7.0 : 1.0});
  }
  double low = 0.0;
  double high = 0.0;
  for (const Point& point : Thinned(points, 60)) {
    low = std::min(low, point.y);
    high = std::max(high, point.y);
  }
  EXPECT_EQ(low, -7.0);
  EXPECT_EQ(high, 9.0);
}

TEST(LearningCurves, EpochsCountThroughPhasesAndValidationComesFirst) {
  ReportData report;
  report.runs = {MakeRun("ract"), MakeRun("ease")};
  report.runs[0].epochs = {Epoch("actor", 1, {{"nll", 5.0}}), Epoch("actor", 2, {{"nll", 4.0}}, 0.3, true),
                           Epoch("critic", 1, {{"critic_mse", 0.1}}, 0.2, false)};
  report.runs[1].epochs = {Epoch("solve", 1, {}, 0.5, true)};
  const CurvesPlot plot = LearningCurves(report);
  ASSERT_EQ(plot.panels.size(), 2U) << "critic_mse has one value of one run, which is no curve";
  EXPECT_EQ(plot.panels[0].title, "validation ndcg@10");
  ASSERT_EQ(plot.panels[0].curves.size(), 2U);
  const Curve& ract = plot.panels[0].curves[0];
  EXPECT_EQ(ract.points.size(), 2U);
  EXPECT_EQ(ract.points[1].x, 3.0);
  ASSERT_TRUE(ract.best.has_value());
  EXPECT_EQ(ract.best->x, 2.0);
  ASSERT_EQ(plot.panels[0].marks.size(), 2U);
  EXPECT_EQ(plot.panels[0].marks[1].name, "critic");
  EXPECT_EQ(plot.panels[0].marks[1].epoch, 2.0);
  EXPECT_EQ(plot.panels[1].title, "nll");
}

TEST(LearningCurves, ValuesThatAreNoNumbersAreLeftOut) {
  ReportData report;
  report.runs = {MakeRun("a")};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  report.runs[0].epochs = {Epoch("train", 1, {{"loss", 1.0}}), Epoch("train", 2, {{"loss", nan}}),
                           Epoch("train", 3, {{"loss", 3.0}})};
  const CurvesPlot plot = LearningCurves(report);
  ASSERT_EQ(plot.panels.size(), 1U);
  EXPECT_EQ(plot.panels[0].curves[0].points.size(), 2U);
  EXPECT_EQ(plot.panels[0].curves[0].points[1].x, 3.0);
}

TEST(AllFigures, NothingMeasuredNothingDrawn) {
  ReportData report;
  report.runs = {MakeRun("a")};
  EXPECT_TRUE(AllFigures(report).empty());
  report.reference = 0;
  EXPECT_TRUE(AllFigures(report).empty()) << "evaluated, but without a metric of single users";
}

}  // namespace
}  // namespace recforce::report
