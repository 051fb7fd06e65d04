// SPDX-License-Identifier: Apache-2.0
#include "ope/quantile.h"

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

// Beyond this the expansion about the normal quantile is exact to rounding, and continued fractions get long.
constexpr double kManyDegrees = 1e5;

// Gamma(x + 1/2) / Gamma(x). Not by lgamma, which loses the digits of the difference for large x and writes a global.
double HalfStepOfGamma(double x) {
  double scale = 1.0;
  for (; x < 100.0; x += 1.0) {
    scale *= x / (x + 0.5);
  }
  const double y = 1.0 / x;
  const double series = 1.0 + y * (-1.0 / 8 + y * (1.0 / 128 + y * (5.0 / 1024 + y * (-21.0 / 32768))));
  return scale * std::sqrt(x) * series;
}

// The continued fraction of the incomplete beta function by Lentz's method (NIST DLMF 8.17.22).
double BetaFraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto guarded = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1.0;
  double d = 1.0 / guarded(1.0 - (a + b) * x / (a + 1.0));
  double value = d;
  for (int m = 1; m < 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    d = 1.0 / guarded(1.0 + even * d);
    c = guarded(1.0 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    d = 1.0 / guarded(1.0 + odd * d);
    c = guarded(1.0 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1.0) < 1e-15) {
      break;
    }
  }
  return value;
}

// P(T > t) for t >= 0: half the incomplete beta function at degrees / (degrees + t^2).
double StudentTail(double t, double degrees) {
  const double a = 0.5 * degrees;
  const double square = t * t / degrees;
  const double x = 1.0 / (1.0 + square);
  const double rest = square / (1.0 + square);
  // x^a sqrt(1 - x) / B(a, 1/2)
  const double front =
      std::exp(-a * std::log1p(square)) * std::sqrt(rest) * HalfStepOfGamma(a) / std::sqrt(std::numbers::pi);
  if (x < (a + 1.0) / (a + 2.5)) {
    return 0.5 * front * BetaFraction(a, 0.5, x) / a;
  }
  return 0.5 - front * BetaFraction(0.5, a, rest);
}

// Where a falling function that is above `level` at 0 reaches it.
double SolveFalling(const std::function<double(double)>& tail, double level) {
  double high = 1.0;
  while (tail(high) > level) {
    high *= 2.0;
  }
  double low = 0.0;
  for (int step = 0; step < 200 && high - low > std::numeric_limits<double>::epsilon() * high; ++step) {
    const double middle = 0.5 * (low + high);
    (tail(middle) > level ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

double NormalTailQuantile(double tail) {
  return SolveFalling([](double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }, tail);
}

double StudentTailQuantile(double tail, double degrees) {
  if (degrees <= kManyDegrees) {
    return SolveFalling([degrees](double t) { return StudentTail(t, degrees); }, tail);
  }
  const double z = NormalTailQuantile(tail);
  const double z3 = z * z * z;
  return z + (z3 + z) / (4.0 * degrees) + (5.0 * z3 * z * z + 16.0 * z3 + 3.0 * z) / (96.0 * degrees * degrees);
}

}  // namespace

double NormalQuantile(double p) {
  RECFORCE_CHECK(p > 0.0 && p < 1.0, "a quantile needs a level between 0 and 1");
  if (p == 0.5) {
    return 0.0;
  }
  return p < 0.5 ? -NormalTailQuantile(p) : NormalTailQuantile(1.0 - p);
}

double StudentQuantile(double p, double degrees) {
  RECFORCE_CHECK(p > 0.0 && p < 1.0 && degrees >= 1.0, "a quantile needs a level between 0 and 1, and degrees");
  if (p == 0.5) {
    return 0.0;
  }
  return p < 0.5 ? -StudentTailQuantile(p, degrees) : StudentTailQuantile(1.0 - p, degrees);
}

}  // namespace recforce::ope
