// SPDX-License-Identifier: Apache-2.0
// What every plot promises: nothing outside the figure, texts that do not overlap, the same bytes again.
#include "report/plots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "report/svg.h"

namespace recforce::report {
namespace {

CurvesPlot Curves(std::size_t runs) {
  CurvesPlot plot{"Learning curves", "", {}};
  for (const std::string title : {"validation ndcg@100", "nll", "kl"}) {
    CurvePanel panel{title, {}, {{0.0, "actor"}, {20.0, "critic"}, {21.0, "finetune"}}};
    for (std::size_t run = 0; run < runs; ++run) {
      Curve curve{"run with a rather long name " + std::to_string(run), run, {}, std::nullopt};
      for (int epoch = 1; epoch <= 30; ++epoch) {
        curve.points.push_back({static_cast<double>(epoch), 0.3 + 0.001 * epoch * static_cast<double>(run % 3)});
      }
      curve.best = curve.points[10];
      panel.curves.push_back(curve);
    }
    plot.panels.push_back(panel);
  }
  return plot;
}

IntervalsPlot Intervals() {
  return {"ndcg@10",
          "",
          {"popularity", "a run whose name is much longer than any plot has room for", "missing"},
          {{"popularity_lift@100, mean and 95 % interval",
            {Interval{0.2, 0.1, 0.3}, Interval{0.4, 0.35, 0.45}, std::nullopt},
            {"0.2000", "0.4000", "none"},
            false},
           {"minus a run whose name is much longer than any plot has room for, paired",
            {std::nullopt, Interval{-0.2, -0.25, -0.15}, std::nullopt},
            {"reference", "-0.2000", "none"},
            true}}};
}

BarsPlot Bars() {
  BarsPlot plot{"groups", "", "items", "ndcg@10", {}, {}};
  for (int run = 0; run < 12; ++run) {
    plot.names.push_back("run " + std::to_string(run));
  }
  for (int group = 0; group < 4; ++group) {
    BarGroup bars{"1,000 to 20,000", "123,456 users", {}, {}};
    for (int run = 0; run < 12; ++run) {
      bars.bars.push_back(run == 3 ? std::nullopt
                                   : std::optional(Interval{0.05 * run, 0.05 * run - 0.1, 0.05 * run + 0.1}));
      bars.hints.emplace_back("hint");
    }
    plot.groups.push_back(bars);
  }
  return plot;
}

DifferencesPlot Differences() {
  return {"differences",
          "",
          "difference of ndcg@10 for one user",
          0.5,
          {{"a minus b", "better for 3 users, worse for 2, equal for 1", 1, 0, {1, 0, 1, 2, 1, 0}, 0.04},
           {"c minus b", "better for 0 users, worse for 0, equal for 6", 2, 0, {}, 0.0},
           {"d minus b", "better for 0 users, worse for 6, equal for 0", 3, 0, {6, 0, 0, 0, 0, 0}, -0.5}}};
}

struct Extent {
  double left, right, top, bottom;
};

Extent ExtentOf(const Label& label) {
  const double width = TextWidth(label.text, label.size, label.bold);
  const double left = label.anchor == Anchor::kStart    ? label.at.x
                      : label.anchor == Anchor::kMiddle ? label.at.x - width / 2.0
                                                        : label.at.x - width;
  return {left, left + width, label.at.y - 0.75 * label.size, label.at.y};
}

void CheckFigure(const Figure& figure) {
  std::vector<std::pair<Extent, std::string>> texts;
  for (const Shape& shape : figure.shapes) {
    if (const auto* label = std::get_if<Label>(&shape)) {
      const Extent extent = ExtentOf(*label);
      EXPECT_GE(extent.left, 0.0) << label->text;
      EXPECT_LE(extent.right, figure.width + 1.0) << label->text;
      EXPECT_GE(extent.top, 0.0) << label->text;
      EXPECT_LE(extent.bottom, figure.height) << label->text;
      for (const auto& [other, text] : texts) {
        EXPECT_FALSE(extent.left < other.right && other.left < extent.right && extent.top < other.bottom &&
                     other.top < extent.bottom)
            << "'" << label->text << "' lies over '" << text << "' at " << label->at.x << ", " << label->at.y;
      }
      texts.emplace_back(extent, label->text);
    } else if (const auto* box = std::get_if<Box>(&shape)) {
      EXPECT_GE(box->height, 0.0);
      EXPECT_GE(box->corner.x, 0.0);
      EXPECT_LE(box->corner.x + box->width, figure.width);
    } else if (const auto* line = std::get_if<Polyline>(&shape)) {
      for (const Point& point : line->points) {
        EXPECT_TRUE(std::isfinite(point.x) && std::isfinite(point.y));
        EXPECT_GE(point.x, 0.0);
        EXPECT_LE(point.x, figure.width);
        EXPECT_LE(point.y, figure.height);
      }
    }
  }
  EXPECT_GT(texts.size(), 3U);
}

class Plots : public testing::TestWithParam<double> {};

TEST_P(Plots, CurvesOfFewRuns) { CheckFigure(DrawCurves(Curves(4), GetParam())); }
TEST_P(Plots, CurvesOfManyRuns) { CheckFigure(DrawCurves(Curves(15), GetParam())); }
TEST_P(Plots, IntervalsOfRuns) { CheckFigure(DrawIntervals(Intervals(), GetParam())); }
TEST_P(Plots, BarsOfGroups) { CheckFigure(DrawBars(Bars(), GetParam())); }
TEST_P(Plots, BarsBelowZero) {
  BarsPlot plot = Bars();
  for (BarGroup& group : plot.groups) {
    group.bars.assign(group.bars.size(), Interval{-0.4, -0.5, -0.3});
  }
  CheckFigure(DrawBars(plot, GetParam()));
  plot.groups[0].bars[0] = Interval{0.2, 0.1, 0.3};
  CheckFigure(DrawBars(plot, GetParam()));
}
TEST_P(Plots, DifferencesOfUsers) { CheckFigure(DrawDifferences(Differences(), GetParam())); }

TEST_P(Plots, TheSameAgain) {
  EXPECT_EQ(SvgFile(DrawCurves(Curves(4), GetParam())), SvgFile(DrawCurves(Curves(4), GetParam())));
  EXPECT_EQ(SvgFile(DrawBars(Bars(), GetParam())), SvgFile(DrawBars(Bars(), GetParam())));
}

INSTANTIATE_TEST_SUITE_P(WideAndNarrow, Plots, testing::Values(860.0, 352.0));

// The room for names is made for the widest of them, which must then fit.
TEST(Intervals, AShortNameStaysWhole) {
  for (const double width : {860.0, 352.0}) {
    for (const char* name : {"ease", "a", "popularity"}) {
      const IntervalsPlot plot{"t", "", {name}, {{"m", {Interval{0.2, 0.1, 0.3}}, {"0.2000"}, false}}};
      EXPECT_NE(SvgFile(DrawIntervals(plot, width)).find(">" + std::string(name) + "</text>"), std::string::npos)
          << name << " at " << width;
    }
  }
}

std::string SvgOf(const CurvePanel& panel) { return SvgFile(DrawCurves({"t", "", {panel}}, 860.0)); }

TEST(Curves, OneValueIsALevelAndNoneIsSaid) {
  EXPECT_NE(SvgOf({"x", {{"ease", 0, {{1.0, 0.4}}, std::nullopt}}, {}}).find("stroke-dasharray=\"1.5 2.5\""),
            std::string::npos);
  EXPECT_NE(SvgOf({"x", {{"ease", 0, {}, std::nullopt}}, {}}).find("nothing was measured"), std::string::npos);
}

TEST(Curves, LongRangesAreLogarithmic) {
  const std::string svg = SvgOf({"kl", {{"vae", 0, {{1.0, 0.01}, {2.0, 100.0}}, std::nullopt}}, {}});
  EXPECT_NE(svg.find(">kl (logarithmic)<"), std::string::npos);
  EXPECT_EQ(SvgOf({"kl", {{"vae", 0, {{1.0, 0.0}, {2.0, 100.0}}, std::nullopt}}, {}}).find("(logarithmic)"),
            std::string::npos);
}

}  // namespace
}  // namespace recforce::report
