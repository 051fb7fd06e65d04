// SPDX-License-Identifier: Apache-2.0
// The four kinds of plot of a report. Each is a plain description and a function that draws it at any width from
// about 320: what does not fit side by side is stacked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/figure.h"

namespace recforce::report {

// Values over epochs, one panel for each quantity.
struct Curve {
  std::string name;
  std::size_t series = 0;
  std::vector<Point> points;  // x ascending, finite; a single point is drawn as a level
  std::optional<Point> best;
};
// Where a phase begins: after `epoch` epochs of the run.
struct PhaseMark {
  double epoch = 0.0;
  std::string name;
};
struct CurvePanel {
  std::string title;
  std::vector<Curve> curves;
  std::vector<PhaseMark> marks;
};
struct CurvesPlot {
  std::string title;
  std::string description;
  std::vector<CurvePanel> panels;  // the first is drawn large
};
Figure DrawCurves(const CurvesPlot& plot, double width);

struct Interval {
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
};
// Rows of estimates with their intervals; row r of every panel is the same run.
struct IntervalPanel {
  std::string title;
  std::vector<std::optional<Interval>> rows;
  std::vector<std::string> texts;  // one a row, right of it
  bool around_zero = false;        // the zero is drawn, and is inside the range
};
struct IntervalsPlot {
  std::string title;
  std::string description;
  std::vector<std::string> names;  // of the rows; row r has the look of series r
  std::vector<IntervalPanel> panels;
};
Figure DrawIntervals(const IntervalsPlot& plot, double width);

// Bars side by side in groups, with whiskers.
struct BarGroup {
  std::string name;
  std::string note;                           // second line
  std::vector<std::optional<Interval>> bars;  // one a series
  std::vector<std::string> hints;             // one a series
};
struct BarsPlot {
  std::string title;
  std::string description;
  std::string x_name;
  std::string y_name;
  std::vector<std::string> names;  // of the series
  std::vector<BarGroup> groups;
};
Figure DrawBars(const BarsPlot& plot, double width);

// How many users have which difference. Zero is an edge between two bins; exact zeros are counted apart.
struct DifferencePanel {
  std::string name;  // of the run that wins on the right
  std::string note;  // wins, losses and ties in words
  std::size_t series = 0;
  std::size_t reference_series = 0;
  std::vector<std::int64_t> counts;  // an even number of bins, half of them on either side of zero; may be empty
  double mean = 0.0;
};
struct DifferencesPlot {
  std::string title;
  std::string description;
  std::string x_name;
  double reach = 1.0;  // bins cover [-reach, reach]
  std::vector<DifferencePanel> panels;
};
Figure DrawDifferences(const DifferencesPlot& plot, double width);

}  // namespace recforce::report
