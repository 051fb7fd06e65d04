// SPDX-License-Identifier: Apache-2.0
// Layer normalisation (Ba, Kiros, Hinton 2016) of rows, forward and backward, on the calling thread.
#pragma once

#include <cmath>
#include <cstdint>

#include "nn/vector_math.h"

namespace recforce::nn {

template <class T>
struct NormStatistics {
  T mean, inverse_deviation;
};

// out := gain (x - mean) / sqrt(variance + epsilon) + bias for one row of `width`; out may be x.
template <class T>
inline NormStatistics<T> NormalizeRow(const T* x, std::int64_t width, const T* gain, const T* bias, T epsilon, T* out) {
  const T scale = T{1} / static_cast<T>(width);
  const T mean = scale * LaneSum<T>(width, [x](std::int64_t at) { return x[at]; });
  const T variance = scale * LaneSum<T>(width, [x, mean](std::int64_t at) { return (x[at] - mean) * (x[at] - mean); });
  const T inverse = T{1} / std::sqrt(variance + epsilon);
  for (std::int64_t at = 0; at < width; ++at) {
    out[at] = gain[at] * ((x[at] - mean) * inverse) + bias[at];
  }
  return {mean, inverse};
}

// Gradients through NormalizeRow. d: by out. Adds to the gradients of gain and bias, and calls to(at, gradient by
// x[at]) for the row.
template <class T, class To>
inline void NormalizeRowBackward(const T* d, const T* x, std::int64_t width, const T* gain, NormStatistics<T> row,
                                 T* gain_gradient, T* bias_gradient, const To& to) {
  const auto normed = [&](std::int64_t at) { return (x[at] - row.mean) * row.inverse_deviation; };
  for (std::int64_t at = 0; at < width; ++at) {
    gain_gradient[at] += d[at] * normed(at);
    bias_gradient[at] += d[at];
  }
  const T scale = T{1} / static_cast<T>(width);
  const T mean = scale * LaneSum<T>(width, [&](std::int64_t at) { return d[at] * gain[at]; });
  const T along = scale * LaneSum<T>(width, [&](std::int64_t at) { return d[at] * gain[at] * normed(at); });
  for (std::int64_t at = 0; at < width; ++at) {
    to(at, row.inverse_deviation * (d[at] * gain[at] - mean - normed(at) * along));
  }
}

}  // namespace recforce::nn
