// SPDX-License-Identifier: Apache-2.0
#include "nn/blas.h"

extern "C" {
const char* openblas_get_corename();
void sgemm_(const char* op_a, const char* op_b, const int* m, const int* n, const int* k, const float* alpha,
            const float* a, const int* lda, const float* b, const int* ldb, const float* beta, float* c,
            const int* ldc);
void dgemm_(const char* op_a, const char* op_b, const int* m, const int* n, const int* k, const double* alpha,
            const double* a, const int* lda, const double* b, const int* ldb, const double* beta, double* c,
            const int* ldc);
}

namespace recforce::nn {
namespace {

// BLAS counts by columns: c' = op(b)' op(a)'.
template <class T, class Function>
void Call(Function gemm, Op op_a, Op op_b, std::int64_t rows, std::int64_t columns, std::int64_t inner,
          Strided<const T> a, Strided<const T> b, T beta, Strided<T> c) {
  if (rows == 0 || columns == 0) {
    return;
  }
  const char first = op_b == Op::kPlain ? 'N' : 'T';
  const char second = op_a == Op::kPlain ? 'N' : 'T';
  const int m = static_cast<int>(columns);
  const int n = static_cast<int>(rows);
  const int k = static_cast<int>(inner);
  const int lda = static_cast<int>(b.stride);
  const int ldb = static_cast<int>(a.stride);
  const int ldc = static_cast<int>(c.stride);
  const T alpha{1};
  gemm(&first, &second, &m, &n, &k, &alpha, b.data, &lda, a.data, &ldb, &beta, c.data, &ldc);
}

}  // namespace

void Gemm(Op op_a, Op op_b, std::int64_t rows, std::int64_t columns, std::int64_t inner, Strided<const float> a,
          Strided<const float> b, float beta, Strided<float> c) {
  Call(sgemm_, op_a, op_b, rows, columns, inner, a, b, beta, c);
}

void Gemm(Op op_a, Op op_b, std::int64_t rows, std::int64_t columns, std::int64_t inner, Strided<const double> a,
          Strided<const double> b, double beta, Strided<double> c) {
  Call(dgemm_, op_a, op_b, rows, columns, inner, a, b, beta, c);
}

std::string BetterBlasKernels(std::string_view chosen, bool avx2_and_fma) {
  return chosen == "Prescott" && avx2_and_fma ? "Haswell" : "";
}

std::string BetterBlasKernels() {
#if defined(__x86_64__)
  const bool modern = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  const bool modern = false;
#endif
  return BetterBlasKernels(openblas_get_corename(), modern);
}

}  // namespace recforce::nn
