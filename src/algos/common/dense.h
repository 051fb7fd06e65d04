// SPDX-License-Identifier: Apache-2.0
// Dense layers over a few rows, on the calling thread: rows that stay in the cache, no tape. T: float or double.
#pragma once

#include <algorithm>
#include <cstdint>

#include "algos/common/elementwise.h"
#include "nn/blas.h"
#include "nn/vector_math.h"

namespace recforce::algos {

// Where a layer lies among the parameters of a network. weight: [out, in], bias: [out].
struct DenseLayer {
  std::int64_t weight, bias, in, out;
};

// out := in weight' + bias. in: [rows, layer.in], out: [rows, layer.out].
template <class T>
void Dense(const T* params, const DenseLayer& layer, const T* in, std::int64_t rows, T* out) {
  const T* weight = params + layer.weight;
  const T* bias = params + layer.bias;
  if (layer.out == 1) {
    for (std::int64_t r = 0; r < rows; ++r) {
      const T* row = in + r * layer.in;
      out[r] = *bias + nn::LaneSum<T>(layer.in, [&](std::int64_t at) { return row[at] * weight[at]; });
    }
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(bias, layer.out, out + r * layer.out);
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, layer.out, layer.in, {in, layer.in}, {weight, layer.in}, T{1},
           {out, layer.out});
}

// Gradients through Dense; d: [rows, layer.out] by out. Those of weight and bias are added to `gradient`, which begins
// with parameter number `first`; d_in := [rows, layer.in]. Null: not asked for.
template <class T>
void DenseBackward(const T* params, std::int64_t first, const DenseLayer& layer, const T* in, std::int64_t rows,
                   const T* d, T* gradient, T* d_in) {
  if (gradient != nullptr) {
    T* bias = gradient + layer.bias - first;
    nn::Gemm(nn::Op::kTransposed, nn::Op::kPlain, layer.out, layer.in, rows, {d, layer.out}, {in, layer.in}, T{1},
             {gradient + layer.weight - first, layer.in});
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t at = 0; at < layer.out; ++at) {
        bias[at] += d[r * layer.out + at];
      }
    }
  }
  if (d_in != nullptr) {
    nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows, layer.in, layer.out, {d, layer.out},
             {params + layer.weight, layer.in}, T{0}, {d_in, layer.in});
  }
}

}  // namespace recforce::algos
