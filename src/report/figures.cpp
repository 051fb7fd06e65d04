// SPDX-License-Identifier: Apache-2.0
// From the numbers of a report to descriptions of plots.
#include "report/figures.h"

#include <algorithm>
#include <cmath>

#include "recforce/base/text.h"
#include "report/markup.h"
#include "report/words.h"

namespace recforce::report {
namespace {

constexpr std::size_t kMostCurvePoints = 240;

std::vector<std::string> Labels(const ReportData& report) {
  std::vector<std::string> labels;
  for (const RunPart& run : report.runs) {
    labels.push_back(CleanText(run.label));
  }
  return labels;
}

// The panel with the title, made at the end where there is none yet.
CurvePanel& PanelOf(std::vector<CurvePanel>& panels, const std::string& title) {
  const auto found =
      std::find_if(panels.begin(), panels.end(), [&](const CurvePanel& panel) { return panel.title == title; });
  if (found != panels.end()) {
    return *found;
  }
  panels.push_back({title, {}, {}});
  return panels.back();
}

Curve& CurveOf(CurvePanel& panel, const std::string& name, std::size_t series) {
  if (panel.curves.empty() || panel.curves.back().series != series) {
    panel.curves.push_back({name, series, {}, std::nullopt});
  }
  return panel.curves.back();
}

// Where each phase of a run begins, when it has several.
std::vector<PhaseMark> Marks(const RunPart& run) {
  std::vector<PhaseMark> marks;
  for (std::size_t n = 0; n < run.epochs.size(); ++n) {
    if (n == 0 || run.epochs[n].phase != run.epochs[n - 1].phase) {
      marks.push_back({static_cast<double>(n), CleanText(run.epochs[n].phase)});
    }
  }
  return marks.size() > 1 ? marks : std::vector<PhaseMark>{};
}

void AddRun(const RunPart& run, std::size_t series, std::vector<CurvePanel>& panels) {
  const std::string name = CleanText(run.label);
  for (std::size_t n = 0; n < run.epochs.size(); ++n) {
    const train::EpochRecord& record = run.epochs[n];
    const auto epoch = static_cast<double>(n + 1);
    if (record.validation && std::isfinite(*record.validation)) {
      Curve& curve = CurveOf(PanelOf(panels, "validation " + CleanText(run.valid_metric)), name, series);
      curve.points.push_back({epoch, *record.validation});
      if (record.best) {
        curve.best = curve.points.back();
      }
    }
    for (const auto& [quantity, value] : record.metrics) {
      if (std::isfinite(value)) {
        CurveOf(PanelOf(panels, CleanText(quantity)), name, series).points.push_back({epoch, value});
      }
    }
  }
}

}  // namespace

std::vector<Point> Thinned(const std::vector<Point>& points, std::size_t most) {
  if (points.size() <= most) {
    return points;
  }
  std::vector<Point> kept = {points.front()};
  const std::size_t inner = points.size() - 2;
  const std::size_t stretches = (most - 2) / 2;
  for (std::size_t stretch = 0; stretch < stretches; ++stretch) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(1 + stretch * inner / stretches);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>(1 + (stretch + 1) * inner / stretches);
    const auto [low, high] = std::minmax_element(begin, end, [](const Point& a, const Point& b) { return a.y < b.y; });
    kept.push_back(*std::min(low, high));
    if (low != high) {
      kept.push_back(*std::max(low, high));
    }
  }
  kept.push_back(points.back());
  return kept;
}

CurvesPlot LearningCurves(const ReportData& report) {
  std::vector<CurvePanel> panels;
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    AddRun(report.runs[run], run, panels);
  }
  std::stable_partition(panels.begin(), panels.end(),
                        [](const CurvePanel& panel) { return panel.title.rfind("validation ", 0) == 0; });
  // One point says something where it stands beside curves or other runs; alone it is a number.
  const auto is_alone = [&](const CurvePanel& panel) {
    return panel.curves.size() == 1 && panel.curves[0].points.size() == 1;
  };
  panels.erase(std::remove_if(panels.begin(), panels.end(), is_alone), panels.end());
  for (CurvePanel& panel : panels) {
    for (Curve& curve : panel.curves) {
      curve.points = Thinned(curve.points, kMostCurvePoints);
      const std::vector<PhaseMark> marks = Marks(report.runs[curve.series]);
      panel.marks.insert(panel.marks.end(), marks.begin(), marks.end());
    }
  }
  return {"Learning curves",
          "Validation metric and training quantities of each run over its epochs. A dot marks the epoch whose weights "
          "were kept; a dotted line is a model that does not learn by epochs.",
          std::move(panels)};
}

IntervalsPlot MetricIntervals(const ReportData& report) {
  IntervalsPlot plot;
  plot.title = report.metric + " of every run";
  plot.names = Labels(report);
  const std::size_t column = report.table.Column(report.metric).value();
  IntervalPanel means{report.metric + ", mean and 95 % interval", {}, {}, false};
  IntervalPanel differences{"minus " + plot.names[*report.reference] + ", paired", {}, {}, true};
  plot.description = "Mean over test users with its 95 % interval, and the paired difference to the reference.";
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    const std::optional<Estimate>& cell = report.table.cells[run][column];
    means.rows.push_back(
        cell ? std::optional(Interval{cell->mean, cell->mean - cell->half_width, cell->mean + cell->half_width})
             : std::nullopt);
    means.texts.push_back(cell ? base::FormatFixed(cell->mean, 4) : "none");
    const auto pair =
        std::find_if(report.pairs.begin(), report.pairs.end(), [&](const PairPart& part) { return part.run == run; });
    differences.rows.push_back(
        pair == report.pairs.end()
            ? std::nullopt
            : std::optional(Interval{pair->comparison.difference, pair->comparison.ci_low, pair->comparison.ci_high}));
    differences.texts.push_back(pair != report.pairs.end() ? Signed(pair->comparison.difference)
                                : run == *report.reference ? "reference"
                                                           : "none");
    plot.description += " " + plot.names[run] + ": " + means.texts.back() + ".";
  }
  plot.panels.push_back(std::move(means));
  if (!report.pairs.empty()) {
    plot.panels.push_back(std::move(differences));
  }
  return plot;
}

BarsPlot GroupBars(const ReportData& report) {
  BarsPlot plot{
      report.metric + " by groups of users",
      "Mean of " + report.metric + " with its 95 % interval in groups of test users, by " + report.grouping + ".",
      report.grouping,
      report.metric,
      Labels(report),
      {}};
  for (const GroupPart& group : report.groups) {
    BarGroup bars{CleanText(group.name), base::FormatCount(group.users) + " users", {}, {}};
    for (std::size_t run = 0; run < report.runs.size(); ++run) {
      const std::optional<Estimate>& estimate = group.estimates[run];
      bars.bars.push_back(estimate ? std::optional(Interval{estimate->mean, estimate->mean - estimate->half_width,
                                                            estimate->mean + estimate->half_width})
                                   : std::nullopt);
      bars.hints.push_back(estimate ? plot.names[run] + ", " + bars.name + ": " + MeanText(*estimate) : "");
    }
    plot.groups.push_back(std::move(bars));
  }
  return plot;
}

DifferencesPlot UserDifferences(const ReportData& report) {
  const std::vector<std::string> labels = Labels(report);
  DifferencesPlot plot{"Differences user by user",
                       "Histogram of " + report.metric + " of each run minus that of the reference, over test users.",
                       "difference of " + report.metric + " for one user",
                       report.reach > 0.0 ? report.reach : 1.0,
                       {}};
  for (const PairPart& pair : report.pairs) {
    DifferencePanel panel;
    panel.name = labels[pair.run] + " minus " + labels[*report.reference];
    panel.note = WinsText(pair.comparison, report.table.MoreIsBetter(report.metric));
    panel.series = pair.run;
    panel.reference_series = *report.reference;
    panel.counts = pair.bins;
    panel.mean = pair.comparison.difference;
    plot.description += " " + panel.name + ": " + panel.note + ".";
    plot.panels.push_back(std::move(panel));
  }
  return plot;
}

std::vector<NamedFigure> AllFigures(const ReportData& report) {
  std::vector<NamedFigure> figures;
  if (!report.metric.empty()) {
    figures.push_back(
        {"metrics", [plot = MetricIntervals(report)](double width) { return DrawIntervals(plot, width); }});
  }
  if (CurvesPlot plot = LearningCurves(report); !plot.panels.empty()) {
    figures.push_back({"curves", [plot = std::move(plot)](double width) { return DrawCurves(plot, width); }});
  }
  if (!report.groups.empty()) {
    figures.push_back({"groups", [plot = GroupBars(report)](double width) { return DrawBars(plot, width); }});
  }
  if (!report.pairs.empty()) {
    figures.push_back(
        {"differences", [plot = UserDifferences(report)](double width) { return DrawDifferences(plot, width); }});
  }
  return figures;
}

}  // namespace recforce::report
