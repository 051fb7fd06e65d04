// SPDX-License-Identifier: Apache-2.0
// The plots of a report. A plot is left out where there is nothing to show.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "report/figure.h"
#include "report/plots.h"
#include "report/report_data.h"

namespace recforce::report {

inline constexpr double kFileWidth = 860.0;    // of plot files, and of plots on wide screens and paper
inline constexpr double kNarrowWidth = 352.0;  // of plots on phones

// At most about `most` points that look like the curve: of every stretch its lowest and its highest point are kept,
// and the curve's first and last. REQUIRES: most >= 4.
std::vector<Point> Thinned(const std::vector<Point>& points, std::size_t most);

// Every quantity that the runs recorded over their epochs, validation first. Epochs count through all phases.
CurvesPlot LearningCurves(const ReportData& report);
IntervalsPlot MetricIntervals(const ReportData& report);  // REQUIRES: report.metric is one of the table
BarsPlot GroupBars(const ReportData& report);
DifferencesPlot UserDifferences(const ReportData& report);

struct NamedFigure {
  std::string name;  // of its files, without extension: "metrics", "curves", "groups", "differences"
  std::function<Figure(double width)> draw;
};
std::vector<NamedFigure> AllFigures(const ReportData& report);

}  // namespace recforce::report
