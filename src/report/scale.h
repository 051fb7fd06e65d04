// SPDX-License-Identifier: Apache-2.0
// From values to places on an axis, and the round values at which an axis is marked.
#pragma once

#include <string>
#include <vector>

namespace recforce::report {

// Round marks (1, 2 or 5 times a power of ten apart) and their texts.
struct Ticks {
  std::vector<double> at;  // ascending, inside the range
  std::vector<std::string> texts;
};
// About `target` marks in [low, high], at least one where the range holds a round value. Values that are whole get
// no decimals; all marks of an axis have the same number of decimals. REQUIRES: finite, low <= high, target >= 1.
Ticks LinearTicks(double low, double high, int target);
// The same for whole numbers only: the step is at least 1.
Ticks WholeTicks(double low, double high, int target);
// 1, 2 and 5 times powers of ten, thinned to powers of ten where the range is long. REQUIRES: 0 < low <= high.
Ticks LogTicks(double low, double high);

// A linear or logarithmic map of [low, high] onto [from, to], which may run backwards. A range without width maps to
// the middle. REQUIRES: for logarithms 0 < low.
struct Scale {
  double low = 0.0;
  double high = 1.0;
  double from = 0.0;
  double to = 1.0;
  bool logarithmic = false;

  [[nodiscard]] double operator()(double value) const;
};

// [low, high] a little wider than the data: `share` of its width at either end, but never across zero from data
// that lies on one side of it. A range without width becomes one around the value.
struct Range {
  double low = 0.0;
  double high = 1.0;
};
Range Widened(double low, double high, double share);

}  // namespace recforce::report
