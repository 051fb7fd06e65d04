// SPDX-License-Identifier: Apache-2.0
#include "nn/spd_inverse.h"

#include <algorithm>
#include <vector>

#include "nn/gemm.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kLargeOrder = 12288;    // from here on traffic asks for fewer, thicker updates
constexpr std::int64_t kLargeBlock = 512;      // rows of a block of a large matrix
constexpr std::int64_t kSmallBlock = 256;      // and of others, where work on the diagonal weighs more
constexpr std::int64_t kUpdateColumns = 2048;  // of one product

struct Range {
  std::int64_t begin, size;
  [[nodiscard]] std::int64_t end() const { return begin + size; }
};

// A product of the update: rows x columns of the matrix.
struct Task {
  Range rows, columns;
};

// Sweeps one block of rows and columns after the other.
class Sweep {
 public:
  explicit Sweep(torch::Tensor& a) : a_(a), order_(a.size(0)) {
    const std::int64_t block = order_ >= kLargeOrder ? kLargeBlock : kSmallBlock;
    for (std::int64_t begin = 0; begin < order_; begin += block) {
      blocks_.push_back({begin, std::min(block, order_ - begin)});
    }
    columns_memory_ = torch::empty({order_ * blocks_.front().size}, a.options());
    product_memory_ = torch::empty_like(columns_memory_);
  }

  [[nodiscard]] std::size_t blocks() const { return blocks_.size(); }

  bool SweepBlock(std::size_t number) {
    const Range pivot = blocks_[number];
    torch::Tensor diagonal = Part(pivot, pivot);
    const auto [factor, info] = torch::linalg_cholesky_ex(diagonal);
    if (info.item<int>() != 0) {
      return false;
    }
    const torch::Tensor inverse = torch::cholesky_inverse(factor);
    if (blocks_.size() > 1) {
      columns_ = columns_memory_.narrow(0, 0, order_ * pivot.size).view({order_, pivot.size});
      product_ = product_memory_.narrow(0, 0, order_ * pivot.size).view({order_, pivot.size});
      GatherColumns(number);
      MatMul(product_, columns_, inverse);
      Update(number);
      ScatterProduct(number);
    }
    diagonal.copy_(inverse.neg());
    return true;
  }

 private:
  [[nodiscard]] torch::Tensor Part(Range rows, Range columns) const {
    return a_.narrow(0, rows.begin, rows.size).narrow(1, columns.begin, columns.size);
  }

  // Calls body(other block, the stored part that it shares with the pivot) for all others; `transposed` when that
  // part lies in the rows of the pivot.
  template <class Body>
  void ForOthers(std::size_t number, const Body& body) {
    const Range pivot = blocks_[number];
    base::ParallelFor(0, static_cast<std::int64_t>(blocks_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      PrepareWorker();
      const torch::NoGradGuard no_grad;
      for (auto other = static_cast<std::size_t>(begin); other < static_cast<std::size_t>(end); ++other) {
        if (other < number) {
          body(blocks_[other], Part(pivot, blocks_[other]).t());
        } else if (other > number) {
          body(blocks_[other], Part(blocks_[other], pivot));
        }
      }
    });
  }

  void GatherColumns(std::size_t number) {
    columns_.narrow(0, blocks_[number].begin, blocks_[number].size).zero_();
    ForOthers(number, [&](Range other, const torch::Tensor& stored) {
      columns_.narrow(0, other.begin, other.size).copy_(stored);
    });
  }

  void ScatterProduct(std::size_t number) {
    ForOthers(number,
              [&](Range other, torch::Tensor stored) { stored.copy_(product_.narrow(0, other.begin, other.size)); });
  }

  // What is left of every other block: less (column times inverse pivot) times (column)'. The longest rows first.
  void Update(std::size_t number) {
    const Range pivot = blocks_[number];
    std::vector<Task> tasks;
    const auto add = [&tasks](Range rows, std::int64_t begin, std::int64_t end) {
      for (; begin < end; begin += kUpdateColumns) {
        tasks.push_back({rows, {begin, std::min(kUpdateColumns, end - begin)}});
      }
    };
    for (std::size_t row = blocks_.size(); row-- > 0;) {
      if (row != number) {
        const Range rows = blocks_[row];
        add(rows, 0, std::min(pivot.begin, rows.end()));
        add(rows, pivot.end(), rows.end());
      }
    }
    base::ParallelFor(0, static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      PrepareWorker();
      const torch::NoGradGuard no_grad;
      for (std::int64_t at = begin; at < end; ++at) {
        const Task& task = tasks[static_cast<std::size_t>(at)];
        Part(task.rows, task.columns)
            .addmm_(product_.narrow(0, task.rows.begin, task.rows.size),
                    columns_.narrow(0, task.columns.begin, task.columns.size).t(), 1, -1);
      }
    });
  }

  torch::Tensor& a_;
  std::int64_t order_;
  std::vector<Range> blocks_;
  torch::Tensor columns_memory_, product_memory_;
  torch::Tensor columns_;  // [N, block] the pivot's columns, zero in the pivot itself
  torch::Tensor product_;  // [N, block] the same times the inverse of the pivot
};

}  // namespace

bool NegativeInverseInPlace(torch::Tensor& a, const std::function<void()>& poll) {
  RECFORCE_CHECK(a.dim() == 2 && a.size(0) == a.size(1) && a.size(0) > 0 && a.is_contiguous() && a.is_cpu(),
                 "only square matrices on the CPU are inverted in place");
  const torch::NoGradGuard no_grad;
  Sweep sweep(a);
  for (std::size_t block = 0; block < sweep.blocks(); ++block) {
    if (poll) {
      poll();
    }
    if (!sweep.SweepBlock(block)) {
      return false;
    }
  }
  return true;
}

}  // namespace recforce::nn
