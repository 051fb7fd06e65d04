// SPDX-License-Identifier: Apache-2.0
// Eight floats at a time, in the vector types that clang and g++ share: one register with AVX2, two with SSE.
#pragma once

#include <cstdint>
#include <cstring>

namespace recforce::algos {

using Float8 = float __attribute__((vector_size(32)));

inline Float8 Load8(const float* from) {
  Float8 value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
inline void Store8(float* to, Float8 value) { std::memcpy(to, &value, sizeof(value)); }

inline float Sum8(Float8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

// Sum of a[i] b[i]. The order of additions depends on `count` alone.
inline float Dot(const float* a, const float* b, std::int64_t count) {
  Float8 sum0 = {};
  Float8 sum1 = {};
  std::int64_t at = 0;
  for (; at + 16 <= count; at += 16) {
    sum0 += Load8(a + at) * Load8(b + at);
    sum1 += Load8(a + at + 8) * Load8(b + at + 8);
  }
  float sum = Sum8(sum0 + sum1);
  for (; at < count; ++at) {
    sum += a[at] * b[at];
  }
  return sum;
}

}  // namespace recforce::algos
