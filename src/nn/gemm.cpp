// SPDX-License-Identifier: Apache-2.0
#include "nn/gemm.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"

extern "C" void openblas_set_num_threads(int count);

namespace recforce::nn {
namespace {

constexpr double kBlockFlops = 8e6;       // below this a block is not worth a thread's attention
constexpr std::int64_t kMaxBlocks = 32;   // of rows or columns
constexpr std::int64_t kMaxPartials = 8;  // of the inner dimension: each costs a copy of the output
constexpr std::int64_t kMultiple = 16;    // block edges fit the registers of BLAS kernels

void SetBlasThreads(int count) {
  openblas_set_num_threads(count);
  at::set_num_threads(count);
}

// The length of a block when `extent` is cut for a product of so many operations: into an even number of blocks, so
// that two threads have as much to do.
std::int64_t BlockLength(std::int64_t extent, double flops, std::int64_t max_blocks) {
  const auto blocks =
      std::clamp(static_cast<std::int64_t>(flops / (2.0 * kBlockFlops)) * 2, std::int64_t{2}, max_blocks);
  const std::int64_t length = (extent + blocks - 1) / blocks;
  return (length + kMultiple - 1) / kMultiple * kMultiple;
}

// out: sum of the partials in their order. partials: [P, M, N].
void SumPartials(const torch::Tensor& partials, torch::Tensor& out) {
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "SumPartials", [&] {
    const std::int64_t size = out.numel();
    const scalar_t* from = partials.data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    base::ParallelFor(0, size, 16384, [&](std::int64_t begin, std::int64_t end) {
      std::copy(from + begin, from + end, to + begin);
      for (std::int64_t part = 1; part < partials.size(0); ++part) {
        const scalar_t* row = from + part * size;
        for (std::int64_t at = begin; at < end; ++at) {
          to[at] += row[at];
        }
      }
    });
  });
}

}  // namespace

void MatMul(torch::Tensor& out, const torch::Tensor& a, const torch::Tensor& b) {
  const std::int64_t rows = a.size(0);
  const std::int64_t inner = a.size(1);
  const std::int64_t columns = b.size(1);
  RECFORCE_CHECK(b.size(0) == inner && out.size(0) == rows && out.size(1) == columns && out.is_contiguous(),
                 "matrices do not fit together");
  const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(inner) * static_cast<double>(columns);
  if (!out.is_cpu() || flops < 2.0 * kBlockFlops) {
    torch::mm_out(out, a, b);
    return;
  }
  // The views are made here: ATen's bookkeeping stays out of the worker threads as far as it can.
  const auto in_blocks = [&](std::int64_t extent, std::int64_t length, auto&& body) {
    base::ParallelFor(0, (extent + length - 1) / length, 1, [&](std::int64_t begin, std::int64_t end) {
      PrepareWorker();
      const torch::NoGradGuard no_grad;
      for (std::int64_t block = begin; block < end; ++block) {
        body(block, block * length, std::min(length, extent - block * length));
      }
    });
  };
  if (inner >= 4 * std::max(rows, columns)) {
    const std::int64_t length = BlockLength(inner, flops, kMaxPartials);
    torch::Tensor partials = torch::empty({(inner + length - 1) / length, rows, columns}, out.options());
    in_blocks(inner, length, [&](std::int64_t block, std::int64_t begin, std::int64_t size) {
      torch::Tensor part = partials.select(0, block);
      torch::mm_out(part, a.narrow(1, begin, size), b.narrow(0, begin, size));
    });
    SumPartials(partials, out);
  } else if (columns >= rows) {
    in_blocks(columns, BlockLength(columns, flops, kMaxBlocks),
              [&](std::int64_t, std::int64_t begin, std::int64_t size) {
                torch::Tensor part = out.narrow(1, begin, size);
                torch::mm_out(part, a, b.narrow(1, begin, size));
              });
  } else {
    in_blocks(rows, BlockLength(rows, flops, kMaxBlocks), [&](std::int64_t, std::int64_t begin, std::int64_t size) {
      torch::Tensor part = out.narrow(0, begin, size);
      torch::mm_out(part, a.narrow(0, begin, size), b);
    });
  }
}

torch::Tensor MatMul(const torch::Tensor& a, const torch::Tensor& b) {
  torch::Tensor out = torch::empty({a.size(0), b.size(1)}, a.options());
  MatMul(out, a, b);
  return out;
}

void UseOneBlasThread() { SetBlasThreads(1); }

ManyBlasThreads::ManyBlasThreads() { SetBlasThreads(base::Threads()); }
ManyBlasThreads::~ManyBlasThreads() { SetBlasThreads(1); }

}  // namespace recforce::nn
