// SPDX-License-Identifier: Apache-2.0
// Marks are whole multiples of their step, computed as such, so that 0.3 is 0.3 and not a sum of thirds of it.
#include "report/scale.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::report {
namespace {

// Half a millionth of a step: ends of a range that miss a mark by rounding still have it.
constexpr double kSlack = 5e-7;
constexpr double kLargestPlain = 1e7;

// mantissa * 10^exponent with the rounding of one operation.
double Decimal(double mantissa, int exponent) {
  return exponent >= 0 ? mantissa * std::pow(10.0, exponent) : mantissa / std::pow(10.0, -exponent);
}

struct Step {
  int mantissa = 1;  // 1, 2 or 5
  int exponent = 0;
  [[nodiscard]] double size() const { return Decimal(mantissa, exponent); }
};

// The least round step that cuts `width` into at most `target` pieces.
Step RoundStep(double width, int target) {
  const double wanted = width / target;
  Step step{1, static_cast<int>(std::floor(std::log10(wanted)))};
  for (const int mantissa : {1, 2, 5, 10}) {
    step.mantissa = mantissa;
    if (step.size() >= wanted * (1.0 - kSlack)) {
      break;
    }
  }
  if (step.mantissa == 10) {
    step = {1, step.exponent + 1};
  }
  return step;
}

std::string TickText(double value, int decimals) {
  if (std::abs(value) >= kLargestPlain || decimals > 6) {
    return base::FormatReal(value);
  }
  return decimals == 0 ? base::FormatCount(static_cast<std::int64_t>(std::llround(value)))
                       : base::FormatFixed(value, decimals);
}

Ticks TicksOfStep(double low, double high, const Step& step) {
  Ticks ticks;
  const auto first = static_cast<std::int64_t>(std::ceil(low / step.size() - kSlack));
  const auto last = static_cast<std::int64_t>(std::floor(high / step.size() + kSlack));
  for (std::int64_t index = first; index <= last; ++index) {
    const double value = Decimal(static_cast<double>(index * step.mantissa), step.exponent);
    ticks.at.push_back(value);
    ticks.texts.push_back(TickText(value, std::max(0, -step.exponent)));
  }
  return ticks;
}

Ticks OneTick(double value) { return {{value}, {base::FormatReal(value)}}; }

}  // namespace

Ticks LinearTicks(double low, double high, int target) {
  RECFORCE_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high && target >= 1, "ticks need a range");
  return high > low ? TicksOfStep(low, high, RoundStep(high - low, target)) : OneTick(low);
}

Ticks WholeTicks(double low, double high, int target) {
  RECFORCE_CHECK(std::isfinite(low) && std::isfinite(high) && low <= high && target >= 1, "ticks need a range");
  const double width = std::max(high - low, 1.0);
  const Step step = RoundStep(width, target);
  return TicksOfStep(low, high, step.exponent < 0 ? Step{} : step);
}

Ticks LogTicks(double low, double high) {
  RECFORCE_CHECK(low > 0.0 && std::isfinite(high) && low <= high, "logarithmic ticks need a positive range");
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  // Decades from which on the powers of ten are enough.
  constexpr double kLongRange = 2.5;
  const bool is_long = std::log10(high / low) > kLongRange;
  const int stride = std::max(1, (last - first) / 8);
  Ticks ticks;
  for (int exponent = first; exponent <= last; exponent += stride) {
    for (const int mantissa : {1, 2, 5}) {
      const double value = Decimal(mantissa, exponent);
      if (value >= low * (1.0 - kSlack) && value <= high * (1.0 + kSlack) && (mantissa == 1 || !is_long)) {
        ticks.at.push_back(value);
        ticks.texts.push_back(TickText(value, std::max(0, -exponent)));
      }
    }
  }
  return ticks.at.empty() ? OneTick(low) : ticks;
}

double Scale::operator()(double value) const {
  const double a = logarithmic ? std::log10(low) : low;
  const double b = logarithmic ? std::log10(high) : high;
  const double at = logarithmic ? std::log10(value) : value;
  return b > a ? from + (at - a) / (b - a) * (to - from) : (from + to) / 2.0;
}

Range Widened(double low, double high, double share) {
  const double width = high - low;
  if (width <= 0.0) {
    const double around = low == 0.0 ? 1.0 : std::abs(low) * 0.1;
    return {low >= 0.0 ? std::max(0.0, low - around) : low - around,
            high <= 0.0 && low != 0.0 ? std::min(0.0, high + around) : high + around};
  }
  const double more = width * share;
  return {low >= 0.0 ? std::max(0.0, low - more) : low - more, high <= 0.0 ? std::min(0.0, high + more) : high + more};
}

}  // namespace recforce::report
