// SPDX-License-Identifier: Apache-2.0
// What all plots are made of: lines and texts on a figure, a legend, a frame with marked axes.
#pragma once

#include <string>
#include <vector>

#include "report/figure.h"
#include "report/scale.h"

namespace recforce::report {

inline constexpr double kTextSize = 12.0;
inline constexpr double kSmallTextSize = 11.0;
// Figures at least this wide have room for labels beside their lines and for panels beside each other.
inline constexpr double kWideFigure = 600.0;

void AddLine(Figure& figure, Point from, Point to, Paint paint, double width = 1.0, Dash dash = Dash::kSolid);
void AddText(Figure& figure, Point at, std::string text, Anchor anchor = Anchor::kStart, Paint paint = {},
             double size = kTextSize, bool bold = false);
// A whisker with short ends.
void AddVerticalWhisker(Figure& figure, double x, double y_low, double y_high, Paint paint);
void AddHorizontalWhisker(Figure& figure, double y, double x_low, double x_high, Paint paint);

// A bar of a series, through which no grid shows.
void AddBar(Figure& figure, Point corner, double width, double height, std::size_t series, const std::string& hint);

struct LegendEntry {
  std::string name;
  std::size_t series = 0;
};
enum class LegendKey { kLine, kBox };
// Entries in as many lines as they need from `top` down, each shortened to `width`. Returns the height they take.
double AddLegend(Figure& figure, const std::vector<LegendEntry>& entries, LegendKey key, Point corner, double width);

// The area of a plot and its scales.
struct Panel {
  double left = 0.0;
  double top = 0.0;
  double right = 0.0;
  double bottom = 0.0;
  Scale x;
  Scale y;
};
// Sets the scales' places to the panel's area, y upwards.
void PlaceScales(Panel& panel);
// Lines across the panel at the marks, their texts left of it.
void AddHorizontalGrid(Figure& figure, const Panel& panel, const Ticks& ticks);
// Lines up the panel at the marks.
void AddVerticalGrid(Figure& figure, const Panel& panel, const Ticks& ticks);
// The line below the panel, marks with their texts under it, and what they count in the middle under those; a text
// that would touch the one before it is left out. Takes 34 below the panel, 18 where `name` is empty.
void AddXAxis(Figure& figure, const Panel& panel, const Ticks& ticks, const std::string& name);
// Room for the texts of the marks left of a panel.
double TickMargin(const Ticks& ticks);

// Moves places apart until neighbours are at least `gap` apart, inside [low, high] as far as that is possible, each
// as near as possible to where it was. Result in the order of the input.
std::vector<double> SpreadApart(const std::vector<double>& places, double gap, double low, double high);

}  // namespace recforce::report
