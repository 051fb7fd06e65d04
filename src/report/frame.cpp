// SPDX-License-Identifier: Apache-2.0
// Axes, legends and labels.
#include "report/frame.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace recforce::report {
namespace {

constexpr double kLegendLine = 18.0;
constexpr double kKeyWidth = 20.0;
constexpr double kWhiskerEnd = 3.5;

}  // namespace

void AddLine(Figure& figure, Point from, Point to, Paint paint, double width, Dash dash) {
  figure.shapes.emplace_back(Polyline{{from, to}, paint, width, dash});
}

void AddText(Figure& figure, Point at, std::string text, Anchor anchor, Paint paint, double size, bool bold) {
  figure.shapes.emplace_back(Label{at, std::move(text), size, anchor, paint, bold});
}

void AddVerticalWhisker(Figure& figure, double x, double y_low, double y_high, Paint paint) {
  AddLine(figure, {x, y_low}, {x, y_high}, paint, 1.5);
  AddLine(figure, {x - kWhiskerEnd, y_low}, {x + kWhiskerEnd, y_low}, paint, 1.5);
  AddLine(figure, {x - kWhiskerEnd, y_high}, {x + kWhiskerEnd, y_high}, paint, 1.5);
}

void AddHorizontalWhisker(Figure& figure, double y, double x_low, double x_high, Paint paint) {
  AddLine(figure, {x_low, y}, {x_high, y}, paint, 1.5);
  AddLine(figure, {x_low, y - kWhiskerEnd}, {x_low, y + kWhiskerEnd}, paint, 1.5);
  AddLine(figure, {x_high, y - kWhiskerEnd}, {x_high, y + kWhiskerEnd}, paint, 1.5);
}

void AddBar(Figure& figure, Point corner, double width, double height, std::size_t series, const std::string& hint) {
  figure.shapes.emplace_back(Box{corner, width, height, {Ink::kBackground}, ""});
  figure.shapes.emplace_back(Box{corner, width, height, AreaPaint(series), hint});
}

double AddLegend(Figure& figure, const std::vector<LegendEntry>& entries, LegendKey key, Point corner, double width) {
  constexpr double kGap = 18.0;
  double x = corner.x;
  double y = corner.y;
  for (const LegendEntry& entry : entries) {
    const std::string text = Shortened(entry.name, width - kKeyWidth - 6.0, kTextSize);
    const double needed = kKeyWidth + 6.0 + TextWidth(text, kTextSize);
    if (x > corner.x && x + needed > corner.x + width) {
      x = corner.x;
      y += kLegendLine;
    }
    if (key == LegendKey::kLine) {
      AddLine(figure, {x, y + 9.0}, {x + kKeyWidth, y + 9.0}, SeriesPaint(entry.series), 2.0, SeriesDash(entry.series));
    } else {
      figure.shapes.emplace_back(Box{{x + 6.0, y + 3.0}, 12.0, 12.0, AreaPaint(entry.series), ""});
    }
    AddText(figure, {x + kKeyWidth + 6.0, y + 13.0}, text);
    x += needed + kGap;
  }
  return entries.empty() ? 0.0 : y + kLegendLine - corner.y;
}

void PlaceScales(Panel& panel) {
  panel.x.from = panel.left;
  panel.x.to = panel.right;
  panel.y.from = panel.bottom;
  panel.y.to = panel.top;
}

void AddHorizontalGrid(Figure& figure, const Panel& panel, const Ticks& ticks) {
  for (std::size_t n = 0; n < ticks.at.size(); ++n) {
    const double y = panel.y(ticks.at[n]);
    AddLine(figure, {panel.left, y}, {panel.right, y}, {Ink::kGrid});
    AddText(figure, {panel.left - 6.0, y + 4.0}, ticks.texts[n], Anchor::kEnd, {Ink::kMuted}, kSmallTextSize);
  }
}

void AddVerticalGrid(Figure& figure, const Panel& panel, const Ticks& ticks) {
  for (const double at : ticks.at) {
    AddLine(figure, {panel.x(at), panel.top}, {panel.x(at), panel.bottom}, {Ink::kGrid});
  }
}

void AddXAxis(Figure& figure, const Panel& panel, const Ticks& ticks, const std::string& name) {
  AddLine(figure, {panel.left, panel.bottom}, {panel.right, panel.bottom}, {Ink::kMuted});
  double free_from = -1.0;
  for (std::size_t n = 0; n < ticks.at.size(); ++n) {
    const double x = panel.x(ticks.at[n]);
    AddLine(figure, {x, panel.bottom}, {x, panel.bottom + 4.0}, {Ink::kMuted});
    const double half = TextWidth(ticks.texts[n], kSmallTextSize) / 2.0;
    if (x - half > free_from) {
      AddText(figure, {x, panel.bottom + 16.0}, ticks.texts[n], Anchor::kMiddle, {Ink::kMuted}, kSmallTextSize);
      free_from = x + half + 6.0;
    }
  }
  if (!name.empty()) {
    AddText(figure, {(panel.left + panel.right) / 2.0, panel.bottom + 31.0}, name, Anchor::kMiddle, {Ink::kMuted},
            kSmallTextSize);
  }
}

double TickMargin(const Ticks& ticks) {
  double widest = 0.0;
  for (const std::string& text : ticks.texts) {
    widest = std::max(widest, TextWidth(text, kSmallTextSize));
  }
  return widest + 10.0;
}

std::vector<double> SpreadApart(const std::vector<double>& places, double gap, double low, double high) {
  std::vector<std::size_t> order(places.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return places[a] < places[b]; });
  // Blocks of neighbours that touch; each block stands around the mean of what its members want.
  struct Block {
    double wanted_start;  // mean over members of (place - offset in the block)
    std::size_t count;
    [[nodiscard]] double Start(double step, double from, double to) const {
      return std::max(from, std::min(wanted_start, to - step * static_cast<double>(count - 1)));
    }
  };
  std::vector<Block> blocks;
  for (const std::size_t index : order) {
    blocks.push_back({places[index], 1});
    while (blocks.size() > 1) {
      const Block& last = blocks.back();
      Block& before = blocks[blocks.size() - 2];
      const double offset = gap * static_cast<double>(before.count);
      if (before.Start(gap, low, high) + offset <= last.Start(gap, low, high)) {
        break;
      }
      const auto n = static_cast<double>(before.count);
      const auto m = static_cast<double>(last.count);
      before.wanted_start = (before.wanted_start * n + (last.wanted_start - offset) * m) / (n + m);
      before.count += last.count;
      blocks.pop_back();
    }
  }
  std::vector<double> spread(places.size());
  std::size_t next = 0;
  for (const Block& block : blocks) {
    for (std::size_t member = 0; member < block.count; ++member) {
      spread[order[next++]] = block.Start(gap, low, high) + gap * static_cast<double>(member);
    }
  }
  return spread;
}

}  // namespace recforce::report
