// SPDX-License-Identifier: Apache-2.0
// Matrix products cut into blocks that depend on the shape alone and run on the threads of base::ParallelFor, each
// block by BLAS on one thread. So products give the same bytes on any number of threads, and no pool of BLAS spins
// beside ours.
#pragma once

#include "nn/torch.h"

namespace recforce::nn {

// out := a b. a: [M, K], b: [K, N] (transposed views are fine), out: [M, N]. Other devices: one call.
void MatMul(torch::Tensor& out, const torch::Tensor& a, const torch::Tensor& b);
torch::Tensor MatMul(const torch::Tensor& a, const torch::Tensor& b);

// From here on BLAS and libtorch use one thread of their own.
void UseOneBlasThread();
// To be called on a thread of ours before it asks ATen for anything: OpenMP and MKL keep a number of threads for each
// thread that calls them, and a new one would begin with all cores.
inline void PrepareWorker() {
  thread_local const bool prepared = (at::init_num_threads(), true);
  static_cast<void>(prepared);
}

// While it lives BLAS and libtorch use as many threads as base::ParallelFor: for benchmarks against them. Not to be
// used inside a ParallelFor.
class ManyBlasThreads {
 public:
  ManyBlasThreads();
  ~ManyBlasThreads();
  ManyBlasThreads(const ManyBlasThreads&) = delete;
  ManyBlasThreads& operator=(const ManyBlasThreads&) = delete;
};

}  // namespace recforce::nn
