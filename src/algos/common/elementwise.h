// SPDX-License-Identifier: Apache-2.0
// Loops over rows that networks without a tape are made of. T: float or double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "nn/vector_math.h"

namespace recforce::algos {

template <class T>
T* Sized(std::vector<T>& values, std::int64_t count) {
  values.resize(static_cast<std::size_t>(count));
  return values.data();
}

// to += factor from
template <class T>
void AddScaled(const T* from, std::int64_t count, T factor, T* to) {
  for (std::int64_t at = 0; at < count; ++at) {
    to[at] += factor * from[at];
  }
}

// x where x > 0, else exp(x) - 1 (Clevert et al. 2016). NaN stays NaN.
template <class T>
inline T Elu(T x) {
  return std::max(x, T{0}) + (nn::FastExp(std::min(x, T{0})) - T{1});
}

template <class T>
void EluInPlace(T* values, std::int64_t count) {
  for (std::int64_t at = 0; at < count; ++at) {
    values[at] = Elu(values[at]);
  }
}

// d := d times the slope where elu gave `out`.
template <class T>
void EluBackward(const T* out, std::int64_t count, T* d) {
  for (std::int64_t at = 0; at < count; ++at) {
    d[at] *= std::min(out[at], T{0}) + T{1};
  }
}

}  // namespace recforce::algos
