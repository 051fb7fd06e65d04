// SPDX-License-Identifier: Apache-2.0
// Histograms of per-user differences to the reference, one panel for each other run, all over the same range.
#include <algorithm>

#include "recforce/base/text.h"
#include "report/frame.h"
#include "report/plots.h"
#include "report/words.h"

namespace recforce::report {
namespace {

constexpr double kMargin = 8.0;
constexpr double kHeight = 110.0;
constexpr double kHeadHeight = 42.0;

void AddBins(Figure& figure, const Panel& area, const DifferencePanel& panel, double reach) {
  const double bin_width = 2.0 * reach / static_cast<double>(panel.counts.size());
  for (std::size_t bin = 0; bin < panel.counts.size(); ++bin) {
    if (panel.counts[bin] == 0) {
      continue;
    }
    const double low = bin_width * static_cast<double>(bin) - reach;
    const double left = area.x(low);
    const double right = area.x(low + bin_width);
    const double y = area.y(static_cast<double>(panel.counts[bin]));
    const bool wins = bin >= panel.counts.size() / 2;
    AddBar(figure, {left + 0.5, y}, std::max(right - left - 1.0, 1.0), area.bottom - y,
           wins ? panel.series : panel.reference_series,
           base::FormatCount(panel.counts[bin]) + " users from " + base::FormatFixed(low, 3) + " to " +
               base::FormatFixed(low + bin_width, 3));
  }
}

void AddPanel(Figure& figure, Panel area, const DifferencePanel& panel, double reach, const std::string& x_name) {
  const double width = area.right - area.left;
  AddText(figure, {area.left, area.top + 14.0}, Shortened(panel.name, width, kTextSize, true), Anchor::kStart, {},
          kTextSize, true);
  AddText(figure, {area.left, area.top + 29.0}, Shortened(panel.note, width, kSmallTextSize), Anchor::kStart,
          {Ink::kMuted}, kSmallTextSize);
  area.top += kHeadHeight;
  const std::int64_t most = panel.counts.empty() ? 1 : *std::max_element(panel.counts.begin(), panel.counts.end());
  area.x = {-reach, reach, 0.0, 0.0, false};
  area.y = {0.0, std::max(1.0, static_cast<double>(most)), 0.0, 0.0, false};
  const Ticks y_ticks = WholeTicks(0.0, area.y.high, 3);
  area.left += TickMargin(y_ticks);
  PlaceScales(area);
  AddHorizontalGrid(figure, area, y_ticks);
  AddBins(figure, area, panel, reach);
  AddLine(figure, {area.x(0.0), area.top}, {area.x(0.0), area.bottom}, {Ink::kText}, 1.0);
  const double mean = area.x(std::clamp(panel.mean, -reach, reach));
  AddLine(figure, {mean, area.top - 2.0}, {mean, area.bottom}, {Ink::kText}, 1.5, Dash::kDashed);
  const std::string text = "mean " + Signed(panel.mean);
  const bool fits_right = mean + 5.0 + TextWidth(text, kSmallTextSize) <= area.right;
  AddText(figure, {mean + (fits_right ? 5.0 : -5.0), area.top + 7.0}, text, fits_right ? Anchor::kStart : Anchor::kEnd,
          {}, kSmallTextSize);
  AddXAxis(figure, area, LinearTicks(-reach, reach, area.right - area.left < 400.0 ? 4 : 8), x_name);
}

}  // namespace

Figure DrawDifferences(const DifferencesPlot& plot, double width) {
  Figure figure{width, 0.0, plot.title, plot.description, {}};
  double y = kMargin;
  for (std::size_t n = 0; n < plot.panels.size(); ++n) {
    const double bottom = y + kHeadHeight + kHeight;
    const bool last = n + 1 == plot.panels.size();
    AddPanel(figure, {kMargin, y, width - kMargin - 12.0, bottom, {}, {}}, plot.panels[n], plot.reach,
             last ? Shortened(plot.x_name, width - 60.0, kSmallTextSize) : "");
    y = bottom + (last ? 34.0 : 30.0);
  }
  figure.height = y + kMargin;
  return figure;
}

}  // namespace recforce::report
