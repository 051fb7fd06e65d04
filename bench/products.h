// SPDX-License-Identifier: Apache-2.0
// The floor of what is bound by arithmetic: matrix products of as many operations.
#pragma once

#include <cblas.h>

#include <cstdint>
#include <vector>

#include "recforce/base/threads.h"

namespace recforce::bench {

// Matrix products of `flops` operations in all, on every thread.
inline void Multiply(double flops) {
  constexpr int kSize = 384;
  static const std::vector<float> a(kSize * kSize, 0.5F);
  const auto products = static_cast<std::int64_t>(flops / (2.0 * kSize * kSize * kSize) + 0.5);
  base::ParallelFor(0, products, 1, [&](std::int64_t, std::int64_t) {
    thread_local std::vector<float> c(kSize * kSize);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, kSize, kSize, kSize, 1.0F, a.data(), kSize, a.data(), kSize,
                0.0F, c.data(), kSize);
  });
}

}  // namespace recforce::bench
