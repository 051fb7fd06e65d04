// SPDX-License-Identifier: Apache-2.0
// One product of small matrices on the calling thread, for loops that bring their own threads. Without libtorch.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace recforce::nn {

enum class Op { kPlain, kTransposed };

// A row-major matrix that somebody else owns; `stride` numbers from one row to the next.
template <class T>
struct Strided {
  T* data;
  std::int64_t stride;
};

// c := op(a) op(b) + beta c, by BLAS on this thread. op(a): [rows, inner], op(b): [inner, columns], c: [rows, columns].
// REQUIRES: nn::UseOneBlasThread() was called; sizes below 2^31.
void Gemm(Op op_a, Op op_b, std::int64_t rows, std::int64_t columns, std::int64_t inner, Strided<const float> a,
          Strided<const float> b, float beta, Strided<float> c);
void Gemm(Op op_a, Op op_b, std::int64_t rows, std::int64_t columns, std::int64_t inner, Strided<const double> a,
          Strided<const double> b, double beta, Strided<double> c);

// What the environment variable OPENBLAS_CORETYPE should say when the program starts; "" where OpenBLAS chose well. For
// processors that it does not know (0.3.21: AMD's from 2024 on) it takes kernels of 2004, which are two to three times
// slower than these can be.
std::string BetterBlasKernels();
// The same, of a processor with or without AVX2 and FMA for which OpenBLAS has `chosen`.
std::string BetterBlasKernels(std::string_view chosen, bool avx2_and_fma);

}  // namespace recforce::nn
