// SPDX-License-Identifier: Apache-2.0
// A plot as a list of shapes: what the SVG writer and the PNG writer both draw. Lengths are CSS pixels, y grows
// downwards, text is measured in DejaVu Sans, which is wider than most, so that what fits here fits elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace recforce::report {

// What a shape is for; a palette gives it a colour in light and in dark surroundings.
enum class Ink : std::uint8_t { kText, kMuted, kGrid, kBackground, kSeries };

// kSeries inks are numbered; other inks have number 0.
struct Paint {
  Ink ink = Ink::kText;
  std::size_t series = 0;
  double opacity = 1.0;
};
// The look of the n-th run everywhere in a report: colours first, then colours with other dashes.
inline constexpr std::size_t kColours = 6;
constexpr Paint SeriesPaint(std::size_t n, double opacity = 1.0) { return {Ink::kSeries, n % kColours, opacity}; }

// Areas have no dashes: later rounds of the colours are paler.
constexpr Paint AreaPaint(std::size_t n) { return SeriesPaint(n, n < kColours ? 0.75 : 0.4); }

enum class Dash : std::uint8_t { kSolid, kDashed, kDotted, kDashDotted };
constexpr Dash SeriesDash(std::size_t n) { return static_cast<Dash>((n / kColours) % 4); }
// Lengths of dashes and gaps; empty for a solid line.
const std::vector<double>& DashLengths(Dash dash);

struct Point {
  double x = 0.0;
  double y = 0.0;
};

struct Polyline {
  std::vector<Point> points;
  Paint paint;
  double width = 1.0;
  Dash dash = Dash::kSolid;
};

// `hint` of the shapes below is shown where a reader points at them.
struct Box {
  Point corner;  // upper left
  double width = 0.0;
  double height = 0.0;
  Paint paint;
  std::string hint;
};

struct Disc {
  Point centre;
  double radius = 3.0;
  Paint paint;
  bool hollow = false;
  std::string hint;
};

enum class Anchor : std::uint8_t { kStart, kMiddle, kEnd };

struct Label {
  Point at;  // on the baseline
  std::string text;
  double size = 12.0;
  Anchor anchor = Anchor::kStart;
  Paint paint;
  bool bold = false;
};

using Shape = std::variant<Polyline, Box, Disc, Label>;

struct Figure {
  double width = 0.0;
  double height = 0.0;
  std::string title;        // one line
  std::string description;  // what a reader who cannot see it should know
  std::vector<Shape> shapes;
};

// Width of `text` (clean UTF-8) in DejaVu Sans. Characters outside ASCII count as wide ones.
double TextWidth(std::string_view text, double size, bool bold = false);

// `text` shortened in its middle, with an ellipsis, to at most `width`.
std::string Shortened(const std::string& text, double width, double size, bool bold = false);

}  // namespace recforce::report
