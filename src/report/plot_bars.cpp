// SPDX-License-Identifier: Apache-2.0
// Groups of bars that stand on zero, or hang from it, with whiskers.
#include <algorithm>

#include "report/frame.h"
#include "report/plots.h"

namespace recforce::report {
namespace {

constexpr double kMargin = 8.0;
constexpr double kHeight = 230.0;
constexpr double kWidestBar = 34.0;

// Zero and all bars. A whisker that crosses zero from above is cut there: most metrics have no values below.
Range Ends(const BarsPlot& plot) {
  Range ends{0.0, 0.0};
  for (const BarGroup& group : plot.groups) {
    for (const std::optional<Interval>& bar : group.bars) {
      ends.high = bar ? std::max({ends.high, bar->high, bar->value}) : ends.high;
      ends.low = bar && bar->value < 0.0 ? std::min({ends.low, bar->low, bar->value}) : ends.low;
    }
  }
  return ends.low < ends.high ? Range{ends.low * 1.05, ends.high * 1.05} : Range{};
}

void AddGroup(Figure& figure, const Panel& area, const BarGroup& group, double left, double width) {
  const auto count = static_cast<double>(group.bars.size());
  const double bar_width = std::min(kWidestBar, width * 0.82 / count);
  const double first = left + (width - bar_width * count) / 2.0;
  for (std::size_t series = 0; series < group.bars.size(); ++series) {
    const std::optional<Interval>& bar = group.bars[series];
    if (!bar) {
      continue;
    }
    const double x = first + bar_width * static_cast<double>(series);
    const double top = area.y(std::max(bar->value, 0.0));
    const double gap = bar_width > 6.0 ? 1.0 : 0.0;
    AddBar(figure, {x + gap, top}, bar_width - 2.0 * gap, area.y(std::min(bar->value, 0.0)) - top, series,
           group.hints[series]);
    AddVerticalWhisker(figure, x + bar_width / 2.0, area.y(std::max(bar->low, area.y.low)), area.y(bar->high),
                       {Ink::kText});
  }
  const double middle = left + width / 2.0;
  AddText(figure, {middle, area.bottom + 16.0}, Shortened(group.name, width - 4.0, kSmallTextSize), Anchor::kMiddle, {},
          kSmallTextSize);
  AddText(figure, {middle, area.bottom + 30.0}, Shortened(group.note, width - 4.0, kSmallTextSize), Anchor::kMiddle,
          {Ink::kMuted}, kSmallTextSize);
}

}  // namespace

Figure DrawBars(const BarsPlot& plot, double width) {
  Figure figure{width, 0.0, plot.title, plot.description, {}};
  std::vector<LegendEntry> entries;
  for (std::size_t series = 0; series < plot.names.size(); ++series) {
    entries.push_back({plot.names[series], series});
  }
  const double legend = AddLegend(figure, entries, LegendKey::kBox, {kMargin, kMargin}, width - 2.0 * kMargin);
  AddText(figure, {kMargin, kMargin + legend + 18.0}, plot.y_name, Anchor::kStart, {}, kTextSize, true);
  Panel area{kMargin, kMargin + legend + 30.0, width - kMargin, 0.0, {}, {}};
  area.bottom = area.top + kHeight;
  const Range ends = Ends(plot);
  area.y = {ends.low, ends.high, 0.0, 0.0, false};
  const Ticks ticks = LinearTicks(ends.low, ends.high, 6);
  area.left += TickMargin(ticks);
  PlaceScales(area);
  AddHorizontalGrid(figure, area, ticks);
  const double each = (area.right - area.left) / static_cast<double>(std::max<std::size_t>(plot.groups.size(), 1));
  for (std::size_t group = 0; group < plot.groups.size(); ++group) {
    AddGroup(figure, area, plot.groups[group], area.left + each * static_cast<double>(group), each);
  }
  AddLine(figure, {area.left, area.y(0.0)}, {area.right, area.y(0.0)}, {Ink::kMuted});
  AddText(figure, {(area.left + area.right) / 2.0, area.bottom + 48.0}, plot.x_name, Anchor::kMiddle, {Ink::kMuted},
          kSmallTextSize);
  figure.height = area.bottom + 48.0 + kMargin;
  return figure;
}

}  // namespace recforce::report
