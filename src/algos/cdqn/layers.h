// SPDX-License-Identifier: Apache-2.0
// Layers of the Q networks over a few rows, on the calling thread: rows that stay in the cache, no tape.
#pragma once

#include <algorithm>
#include <cstdint>

#include "algos/cdqn/networks.h"
#include "algos/common/elementwise.h"
#include "nn/blas.h"
#include "nn/vector_math.h"

namespace recforce::algos {

// out := in weight' + bias. in: [rows, layer.in], out: [rows, layer.out].
template <class T>
void Dense(const T* params, const CdqnLayer& layer, const T* in, std::int64_t rows, T* out) {
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
// with the first layer of all; d_in := [rows, layer.in].
template <class T>
void DenseBackward(const T* params, std::int64_t first, const CdqnLayer& layer, const T* in, std::int64_t rows,
                   const T* d, T* gradient, T* d_in) {
  T* bias = gradient + layer.bias - first;
  nn::Gemm(nn::Op::kTransposed, nn::Op::kPlain, layer.out, layer.in, rows, {d, layer.out}, {in, layer.in}, T{1},
           {gradient + layer.weight - first, layer.in});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t at = 0; at < layer.out; ++at) {
      bias[at] += d[r * layer.out + at];
    }
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows, layer.in, layer.out, {d, layer.out}, {params + layer.weight, layer.in},
           T{0}, {d_in, layer.in});
}

}  // namespace recforce::algos
