// SPDX-License-Identifier: Apache-2.0
// exp, tanh, sums and maxima that compilers turn into vector code. float: relative error of exp below 3e-7, absolute
// error of tanh below 2e-7. double: the standard functions. NaN stays NaN.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace recforce::nn {

template <class T>
inline T FastExp(T x) {
  if constexpr (std::is_same_v<T, float>) {
    // Written so that NaN passes: both comparisons are false for it.
    x = x < -87.0F ? -87.0F : x;
    x = x > 88.0F ? 88.0F : x;
    // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits of the float.
    const float shifted = x * 1.44269504F + 12582912.0F;
    const float n = shifted - 12582912.0F;
    const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    float p = 1.9875691500e-4F;  // minimax polynomial of Cephes' expf (Moshier)
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    const auto exponent = (std::bit_cast<std::uint32_t>(shifted) - 0x4B400000U + 127U) << 23U;
    return p * std::bit_cast<float>(exponent);
  } else {
    return std::exp(x);
  }
}

template <class T>
inline T FastTanh(T x) {
  if constexpr (std::is_same_v<T, float>) {
    const float t = FastExp(-2.0F * std::abs(x));
    return std::copysign((1.0F - t) / (1.0F + t), x);
  } else {
    return std::tanh(x);
  }
}

constexpr std::int64_t kLanes = 16;  // partial results of a reduction: fixed, so that results are

// Sum over at < count of term(at).
template <class T, class Term>
inline T LaneSum(std::int64_t count, const Term& term) {
  std::array<T, static_cast<std::size_t>(kLanes)> sums{};
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] += term(at + lane);
    }
  }
  T total{0};
  for (const T sum : sums) {
    total += sum;
  }
  for (; at < count; ++at) {
    total += term(at);
  }
  return total;
}

// The largest value; NaN is passed over.
template <class T>
inline T LaneMax(const T* values, std::int64_t count) {
  std::array<T, static_cast<std::size_t>(kLanes)> best;
  best.fill(-std::numeric_limits<T>::infinity());
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const T value = values[at + lane];
      T& most = best[static_cast<std::size_t>(lane)];
      most = value > most ? value : most;
    }
  }
  for (; at < count; ++at) {
    best[0] = values[at] > best[0] ? values[at] : best[0];
  }
  return *std::max_element(best.begin(), best.end());
}

// values := exp(values - top); returns their sum.
template <class T>
inline double ExpAndSum(T* values, std::int64_t count, T top) {
  std::array<T, static_cast<std::size_t>(kLanes)> sums{};
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const T e = FastExp(values[at + lane] - top);
      values[at + lane] = e;
      sums[static_cast<std::size_t>(lane)] += e;
    }
  }
  double total = 0.0;
  for (const T sum : sums) {
    total += static_cast<double>(sum);
  }
  for (; at < count; ++at) {
    values[at] = FastExp(values[at] - top);
    total += static_cast<double>(values[at]);
  }
  return total;
}

}  // namespace recforce::nn
