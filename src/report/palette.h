// SPDX-License-Identifier: Apache-2.0
// Colours after Okabe and Ito ("Color Universal Design", 2008), which people with any kind of colour vision can
// tell apart; those too pale for lines on white are darker here. Every text colour has a contrast of at least 4.5
// to its background, every series colour of at least 3.
#pragma once

#include <array>
#include <string_view>

#include "report/figure.h"

namespace recforce::report {

struct Palette {
  std::string_view text;
  std::string_view muted;
  std::string_view grid;
  std::string_view background;
  std::array<std::string_view, kColours> series;  // "#rrggbb", like all
};

inline constexpr Palette kLight = {
    "#1a1d21", "#5b636e", "#dfe3e8", "#ffffff", {"#0072b2", "#d55e00", "#008a66", "#b0508c", "#8f6f00", "#4d4d4d"}};
inline constexpr Palette kDark = {
    "#e8eaed", "#a3abb5", "#3a4048", "#15181c", {"#56b4e9", "#ff8f4c", "#2ec49a", "#e39ac8", "#e6b422", "#c4c4c4"}};

constexpr std::string_view Colour(const Palette& palette, const Paint& paint) {
  switch (paint.ink) {
    case Ink::kText:
      return palette.text;
    case Ink::kMuted:
      return palette.muted;
    case Ink::kGrid:
      return palette.grid;
    case Ink::kBackground:
      return palette.background;
    case Ink::kSeries:
      break;
  }
  return palette.series[paint.series % kColours];
}

}  // namespace recforce::report
