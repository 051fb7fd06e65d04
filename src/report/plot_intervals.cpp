// SPDX-License-Identifier: Apache-2.0
// Estimates with their intervals, one row a run: panels beside each other share the names, narrow figures stack them.
#include <algorithm>

#include "report/frame.h"
#include "report/plots.h"

namespace recforce::report {
namespace {

constexpr double kMargin = 8.0;
constexpr double kRowHeight = 26.0;
constexpr double kTitleHeight = 26.0;
constexpr double kAxisHeight = 26.0;
constexpr double kGap = 22.0;

double WidestText(const std::vector<std::string>& texts, double size, double most) {
  double widest = 0.0;
  for (const std::string& text : texts) {
    widest = std::max(widest, TextWidth(text, size));
  }
  return std::min(widest, most);
}

Range RangeOf(const IntervalPanel& panel) {
  double low = panel.around_zero ? 0.0 : 1e300;
  double high = panel.around_zero ? 0.0 : -1e300;
  for (const std::optional<Interval>& row : panel.rows) {
    if (row) {
      low = std::min({low, row->low, row->value});
      high = std::max({high, row->high, row->value});
    }
  }
  return low <= high ? Widened(low, high, 0.06) : Range{};
}

// `area` spans the dots; names end left of it and texts stand right of it.
void AddPanel(Figure& figure, Panel area, const IntervalsPlot& plot, const IntervalPanel& panel, double names_width) {
  const Range range = RangeOf(panel);
  area.x.low = range.low;
  area.x.high = range.high;
  PlaceScales(area);
  const double title_left = figure.width < kWideFigure ? kMargin : area.left;
  AddText(figure, {title_left, area.top - 10.0}, Shortened(panel.title, area.right - title_left, kTextSize, true),
          Anchor::kStart, {}, kTextSize, true);
  const Ticks ticks = LinearTicks(range.low, range.high, area.right - area.left < 260.0 ? 3 : 5);
  AddVerticalGrid(figure, area, ticks);
  if (panel.around_zero) {
    AddLine(figure, {area.x(0.0), area.top}, {area.x(0.0), area.bottom}, {Ink::kMuted}, 1.5);
  }
  AddXAxis(figure, area, ticks, "");
  for (std::size_t row = 0; row < plot.names.size(); ++row) {
    const double y = area.top + kRowHeight * (static_cast<double>(row) + 0.5);
    if (names_width > 0.0) {
      AddText(figure, {area.left - 10.0, y + 4.0}, Shortened(plot.names[row], names_width, kTextSize), Anchor::kEnd);
    }
    if (const std::optional<Interval>& interval = panel.rows[row]) {
      const Paint paint = SeriesPaint(row);
      AddHorizontalWhisker(figure, y, area.x(interval->low), area.x(interval->high), paint);
      figure.shapes.emplace_back(
          Disc{{area.x(interval->value), y}, 4.0, paint, false, plot.names[row] + ": " + panel.texts[row]});
    }
    AddText(figure, {area.right + 10.0, y + 4.0}, panel.texts[row], Anchor::kStart, {Ink::kMuted}, kSmallTextSize);
  }
}

}  // namespace

Figure DrawIntervals(const IntervalsPlot& plot, double width) {
  Figure figure{width, 0.0, plot.title, plot.description, {}};
  const bool wide = width >= kWideFigure;
  // Kept apart from its margin: taken off again, that leaves a hair less, and the widest name would be shortened.
  const double widest = WidestText(plot.names, kTextSize, wide ? 200.0 : 110.0);
  const double names = widest + 10.0;
  const double rows = kRowHeight * static_cast<double>(plot.names.size());
  const double panel_height = kTitleHeight + rows + kAxisHeight;
  const auto count = static_cast<double>(plot.panels.size());
  double texts_of_all = 0.0;
  for (const IntervalPanel& panel : plot.panels) {
    texts_of_all += WidestText(panel.texts, kSmallTextSize, 200.0) + 10.0;
  }
  const double each = (width - 2.0 * kMargin - names - texts_of_all - kGap * (count - 1.0)) / count;
  double left = kMargin + names;
  double top = kMargin + kTitleHeight;
  for (std::size_t n = 0; n < plot.panels.size(); ++n) {
    const IntervalPanel& panel = plot.panels[n];
    const double texts = WidestText(panel.texts, kSmallTextSize, 200.0) + 10.0;
    const double right = wide ? left + each : width - kMargin - texts;
    AddPanel(figure, {left, top, right, top + rows, {}, {}}, plot, panel, wide && n > 0 ? 0.0 : widest);
    if (wide) {
      left = right + texts + kGap;
    } else {
      top += panel_height + 8.0;
    }
  }
  figure.height = (wide ? top + rows + kAxisHeight : top - kTitleHeight) + kMargin;
  return figure;
}

}  // namespace recforce::report
