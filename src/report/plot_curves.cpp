// SPDX-License-Identifier: Apache-2.0
// Learning curves: the first panel over the whole width, the others in one or two columns under it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "report/frame.h"
#include "report/plots.h"

namespace recforce::report {
namespace {

constexpr double kMargin = 8.0;
constexpr double kTitleHeight = 24.0;
constexpr double kAxisHeight = 38.0;
constexpr double kFirstHeight = 230.0;
constexpr double kOtherHeight = 130.0;
constexpr double kPhaseRow = 13.0;
constexpr double kLabelGap = 15.0;
constexpr double kWidestLabel = 170.0;
constexpr std::size_t kMostDirectLabels = 8;
constexpr std::size_t kMostPhaseRows = 3;
// From here on the small values of a quantity would all lie on the axis.
constexpr double kLogarithmicFrom = 50.0;

struct Bounds {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
};

Bounds BoundsOf(const CurvePanel& panel) {
  Bounds bounds;
  for (const Curve& curve : panel.curves) {
    for (const Point& point : curve.points) {
      bounds.low = std::min(bounds.low, point.y);
      bounds.high = std::max(bounds.high, point.y);
    }
  }
  return bounds;
}

// The last epoch of all panels, which share their x axis.
double LastEpoch(const CurvesPlot& plot) {
  double last = 1.0;
  for (const CurvePanel& panel : plot.panels) {
    for (const Curve& curve : panel.curves) {
      last = curve.points.empty() ? last : std::max(last, curve.points.back().x);
    }
  }
  return last;
}

// Phases in order; one that several runs share is one.
std::vector<PhaseMark> DistinctMarks(std::vector<PhaseMark> marks) {
  std::stable_sort(marks.begin(), marks.end(),
                   [](const PhaseMark& a, const PhaseMark& b) { return a.epoch < b.epoch; });
  std::vector<PhaseMark> distinct;
  for (const PhaseMark& mark : marks) {
    if (std::none_of(distinct.begin(), distinct.end(),
                     [&](const PhaseMark& other) { return other.epoch == mark.epoch && other.name == mark.name; })) {
      distinct.push_back(mark);
    }
  }
  return distinct;
}

// The row above the panel for each name, so that names do not touch; kMostPhaseRows for one that finds no room.
std::vector<std::size_t> NameRows(const Panel& area, const std::vector<PhaseMark>& marks) {
  std::vector<double> ends(kMostPhaseRows, area.left - 1.0);
  std::vector<std::size_t> rows;
  for (const PhaseMark& mark : marks) {
    const double x = area.x(mark.epoch);
    const double end = x + TextWidth(mark.name, kSmallTextSize);
    const auto row =
        end > area.right ? ends.end() : std::find_if(ends.begin(), ends.end(), [&](double taken) { return taken < x; });
    rows.push_back(static_cast<std::size_t>(row - ends.begin()));
    if (row != ends.end()) {
      *row = end + 8.0;
    }
  }
  return rows;
}

// Lines where phases begin; with `rows`, the names above the panel.
void AddPhases(Figure& figure, const Panel& area, const std::vector<PhaseMark>& marks,
               const std::vector<std::size_t>& rows) {
  for (std::size_t n = 0; n < marks.size(); ++n) {
    const double x = area.x(marks[n].epoch);
    const bool named = n < rows.size() && rows[n] < kMostPhaseRows;
    const double top = named ? area.top - 3.0 - kPhaseRow * static_cast<double>(rows[n]) : area.top;
    if (marks[n].epoch > 0.0) {
      AddLine(figure, {x, top}, {x, area.bottom}, {Ink::kMuted, 0, 0.7}, 1.0, Dash::kDashed);
    }
    if (named) {
      AddText(figure, {x + (marks[n].epoch > 0.0 ? 3.0 : 0.0), top - 1.0}, marks[n].name, Anchor::kStart, {Ink::kMuted},
              kSmallTextSize);
    }
  }
}

void AddCurve(Figure& figure, const Panel& area, const Curve& curve) {
  if (curve.points.empty()) {
    return;
  }
  const Paint paint = SeriesPaint(curve.series);
  Polyline line{{}, paint, 2.0, SeriesDash(curve.series)};
  for (const Point& point : curve.points) {
    line.points.push_back({area.x(point.x), area.y(point.y)});
  }
  if (line.points.size() == 1) {
    AddLine(figure, {area.left, line.points[0].y}, {area.right, line.points[0].y}, paint, 1.5, Dash::kDotted);
    figure.shapes.emplace_back(Disc{line.points[0], 3.5, paint, false, curve.name});
    return;
  }
  figure.shapes.emplace_back(std::move(line));
  if (curve.best) {
    figure.shapes.emplace_back(Disc{{area.x(curve.best->x), area.y(curve.best->y)},
                                    4.0,
                                    paint,
                                    false,
                                    curve.name + ": best, epoch " + std::to_string(std::lround(curve.best->x))});
  }
}

void AddDirectLabels(Figure& figure, const Panel& area, const std::vector<Curve>& curves) {
  std::vector<double> places;
  std::vector<const Curve*> labelled;
  for (const Curve& curve : curves) {
    if (!curve.points.empty()) {
      places.push_back(area.y(curve.points.back().y));
      labelled.push_back(&curve);
    }
  }
  const std::vector<double> spread = SpreadApart(places, kLabelGap, area.top, area.bottom);
  for (std::size_t n = 0; n < labelled.size(); ++n) {
    const std::size_t series = labelled[n]->series;
    AddLine(figure, {area.right + 3.0, places[n]}, {area.right + 10.0, spread[n]}, SeriesPaint(series), 1.0);
    AddLine(figure, {area.right + 10.0, spread[n]}, {area.right + 24.0, spread[n]}, SeriesPaint(series), 2.0,
            SeriesDash(series));
    AddText(figure, {area.right + 28.0, spread[n] + 4.0}, Shortened(labelled[n]->name, kWidestLabel, kTextSize));
  }
}

double LabelMargin(const std::vector<Curve>& curves) {
  double widest = 0.0;
  for (const Curve& curve : curves) {
    widest = std::max(widest, TextWidth(Shortened(curve.name, kWidestLabel, kTextSize), kTextSize));
  }
  return widest + 36.0;
}

// Draws one panel into the rectangle that `area` names; the tick margin comes off its left.
void AddPanel(Figure& figure, Panel area, const CurvePanel& panel, double last_epoch, bool first, bool direct_labels) {
  const Bounds bounds = BoundsOf(panel);
  const bool logarithmic = bounds.low > 0.0 && bounds.high >= bounds.low * kLogarithmicFrom;
  AddText(figure, {area.left, area.top + 14.0}, panel.title + (logarithmic ? " (logarithmic)" : ""), Anchor::kStart, {},
          kTextSize, true);
  area.top += kTitleHeight;
  area.bottom -= kAxisHeight;
  if (!(bounds.low <= bounds.high)) {
    AddText(figure, {area.left, area.top + 20.0}, "nothing was measured", Anchor::kStart, {Ink::kMuted});
    return;
  }
  area.y.logarithmic = logarithmic;
  const Range range = logarithmic ? Range{bounds.low * 0.9, bounds.high * 1.1} : Widened(bounds.low, bounds.high, 0.06);
  area.y.low = range.low;
  area.y.high = range.high;
  area.x.low = 0.0;
  area.x.high = last_epoch;
  const Ticks y_ticks =
      logarithmic ? LogTicks(range.low, range.high) : LinearTicks(range.low, range.high, first ? 6 : 4);
  area.left += TickMargin(y_ticks);
  area.right -= direct_labels ? LabelMargin(panel.curves) : 8.0;
  PlaceScales(area);
  const std::vector<PhaseMark> marks = DistinctMarks(panel.marks);
  std::vector<std::size_t> rows;
  if (first && !marks.empty()) {
    rows = NameRows(area, marks);
    std::size_t used = 0;
    for (const std::size_t row : rows) {
      used = row < kMostPhaseRows ? std::max(used, row + 1) : used;
    }
    area.top += kPhaseRow * static_cast<double>(used);
    PlaceScales(area);
  }
  AddHorizontalGrid(figure, area, y_ticks);
  AddXAxis(figure, area, WholeTicks(0.0, last_epoch, first ? 8 : 5), "epoch");
  AddPhases(figure, area, marks, rows);
  for (const Curve& curve : panel.curves) {
    AddCurve(figure, area, curve);
  }
  if (direct_labels) {
    AddDirectLabels(figure, area, panel.curves);
  }
}

// Every run once, in their order.
std::vector<LegendEntry> LegendEntries(const CurvesPlot& plot) {
  std::vector<LegendEntry> entries;
  for (const CurvePanel& panel : plot.panels) {
    for (const Curve& curve : panel.curves) {
      if (std::none_of(entries.begin(), entries.end(),
                       [&](const LegendEntry& entry) { return entry.series == curve.series; })) {
        entries.push_back({curve.name, curve.series});
      }
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const LegendEntry& a, const LegendEntry& b) { return a.series < b.series; });
  return entries;
}

}  // namespace

Figure DrawCurves(const CurvesPlot& plot, double width) {
  Figure figure{width, 0.0, plot.title, plot.description, {}};
  const bool wide = width >= kWideFigure;
  double y = kMargin;
  if (plot.panels.empty()) {
    figure.height = y;
    return figure;
  }
  const std::vector<LegendEntry> entries = LegendEntries(plot);
  const double last_epoch = LastEpoch(plot);
  const std::size_t labelled = plot.panels[0].curves.size();
  const bool direct = wide && labelled <= kMostDirectLabels;
  if (!direct || labelled < entries.size()) {
    y += AddLegend(figure, entries, LegendKey::kLine, {kMargin, y}, width - 2.0 * kMargin) + 6.0;
  }
  const double first_end = y + kTitleHeight + kFirstHeight + kAxisHeight;
  AddPanel(figure, {kMargin, y, width - kMargin, first_end, {}, {}}, plot.panels[0], last_epoch, true, direct);
  y = first_end + 4.0;
  const std::size_t columns = wide ? 2 : 1;
  const double column_width = (width - 2.0 * kMargin) / static_cast<double>(columns);
  const double row_height = kTitleHeight + kOtherHeight + kAxisHeight + 4.0;
  for (std::size_t n = 1; n < plot.panels.size(); ++n) {
    const double left = kMargin + column_width * static_cast<double>((n - 1) % columns);
    const std::size_t row = (n - 1) / columns;
    const double top = y + row_height * static_cast<double>(row);
    AddPanel(figure, {left, top, left + column_width - 12.0, top + row_height - 4.0, {}, {}}, plot.panels[n],
             last_epoch, false, false);
  }
  const std::size_t rows = (plot.panels.size() - 1 + columns - 1) / columns;
  figure.height = y + row_height * static_cast<double>(rows) + kMargin;
  return figure;
}

}  // namespace recforce::report
