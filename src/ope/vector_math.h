// SPDX-License-Identifier: Apache-2.0
// Sums and exponentials of doubles that compilers turn into vector code. Internal.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace recforce::ope {

// exp(x) with a relative error below 1e-15 from -708 to 709; what lies outside counts as the nearer end. NaN stays NaN.
inline double FastExp(double x) {
  // Written so that NaN passes: both comparisons are false for it.
  x = x < -708.0 ? -708.0 : x;
  x = x > 709.0 ? 709.0 : x;
  // Adding 1.5 * 2^52 leaves round(x / ln 2) in the low bits; ln 2 in two parts, the first with zeros at its end, so
  // that n times it is exact.
  const double shifted = x * 1.4426950408889634 + 6755399441055744.0;
  const double n = shifted - 6755399441055744.0;
  const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  double p = 1.0 / 479001600.0;  // the series to r^12 / 12!: what is left out is below 2e-16 for |r| <= ln 2 / 2
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::uint64_t exponent = (std::bit_cast<std::uint64_t>(shifted) - 0x4338000000000000U + 1023U) << 52U;
  return p * std::bit_cast<double>(exponent);
}

inline constexpr std::size_t kLanes = 8;  // partial results of a reduction: fixed, so that results are

// Sum over at < count of term(at).
template <class Term>
double LaneSum(std::size_t count, const Term& term) {
  std::array<double, kLanes> sums{};
  std::size_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      sums[lane] += term(at + lane);
    }
  }
  for (; at < count; ++at) {
    sums[at % kLanes] += term(at);
  }
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      sums[lane] += sums[lane + half];
    }
  }
  return sums[0];
}

inline double Dot(std::span<const double> a, std::span<const double> b) {
  return LaneSum(a.size(), [&](std::size_t at) { return a[at] * b[at]; });
}

// out += scale * v.
inline void AddScaled(std::span<const double> v, double scale, double* out) {
  for (std::size_t i = 0; i < v.size(); ++i) {
    out[i] += scale * v[i];
  }
}

// Lower triangle of m += scale * v v^T, rows of m `stride` apart.
inline void AddOuter(std::span<const double> v, double scale, std::span<double> m, std::size_t stride) {
  for (std::size_t row = 0; row < v.size(); ++row) {
    if (v[row] != 0.0) {  // as in most columns of categories
      AddScaled(v.first(row + 1), scale * v[row], m.data() + row * stride);
    }
  }
}

// values := their softmax. REQUIRES: at least one, all finite.
inline void SoftmaxInPlace(std::span<double> values) {
  std::array<double, kLanes> best;
  best.fill(-std::numeric_limits<double>::infinity());
  std::size_t at = 0;
  for (; at + kLanes <= values.size(); at += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      best[lane] = values[at + lane] > best[lane] ? values[at + lane] : best[lane];
    }
  }
  for (; at < values.size(); ++at) {
    best[0] = std::max(best[0], values[at]);
  }
  const double top = *std::max_element(best.begin(), best.end());
  for (double& value : values) {  // apart from the sum: together they do not become vector code
    value = FastExp(value - top);
  }
  const double scale = 1.0 / LaneSum(values.size(), [&](std::size_t i) { return values[i]; });
  for (double& value : values) {
    value *= scale;
  }
}

}  // namespace recforce::ope
