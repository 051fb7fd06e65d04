// SPDX-License-Identifier: Apache-2.0
// Rows go in blocks: a block multiplies only the columns that its last row may see, which leaves out nearly half of the
// square.
#include "nn/attention.h"

#include <algorithm>
#include <cmath>

#include "nn/blas.h"
#include "nn/vector_math.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kRows = 48;  // of a block

// A block of rows [begin, begin + rows) that sees columns [0, columns).
struct RowBlock {
  std::int64_t begin, rows, columns;
};

template <class Body>
void ForRowBlocks(std::int64_t length, const Body& body) {
  for (std::int64_t begin = 0; begin < length; begin += kRows) {
    const std::int64_t rows = std::min(kRows, length - begin);
    body(RowBlock{begin, rows, begin + rows});
  }
}

// scores := softmax of factor scores over the columns up to the row; 0 beyond.
template <class T>
void CausalSoftmax(T* scores, std::int64_t stride, RowBlock block, T factor) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    T* row = scores + r * stride;
    const std::int64_t seen = block.begin + r + 1;
    for (std::int64_t at = 0; at < seen; ++at) {
      row[at] *= factor;
    }
    const auto inverse = static_cast<T>(1.0 / ExpAndSum(row, seen, LaneMax(row, seen)));
    for (std::int64_t at = 0; at < seen; ++at) {
      row[at] *= inverse;
    }
    std::fill(row + seen, row + block.columns, T{0});
  }
}

// to := dropout(from) over a block, rows packed to `block.columns`.
template <class T>
void DropBlock(const T* from, const std::uint8_t* keep, std::int64_t stride, RowBlock block, T factor, T* to) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    const T* row = from + r * stride;
    const std::uint8_t* bits = keep + r * stride;
    T* out = to + r * block.columns;
    const std::int64_t seen = block.begin + r + 1;
    for (std::int64_t at = 0; at < seen; ++at) {
      out[at] = row[at] * (static_cast<T>(bits[at]) * factor);
    }
    std::fill(out + seen, out + block.columns, T{0});
  }
}

// d := factor P (d - sum over the row of d P): the gradient through the softmax of factor times scores.
template <class T>
void SoftmaxBackward(T* d, const T* weights, std::int64_t stride, RowBlock block, T factor) {
  for (std::int64_t r = 0; r < block.rows; ++r) {
    T* row = d + r * block.columns;
    const T* p = weights + r * stride;
    const std::int64_t seen = block.begin + r + 1;
    const T sum = LaneSum<T>(seen, [&](std::int64_t at) { return row[at] * p[at]; });
    for (std::int64_t at = 0; at < seen; ++at) {
      row[at] = factor * p[at] * (row[at] - sum);
    }
    std::fill(row + seen, row + block.columns, T{0});
  }
}

}  // namespace

template <class T>
void CausalAttention(const T* qkv, std::int64_t length, std::int64_t hidden, std::int64_t heads,
                     AttentionDropout<T> dropout, T* weights, T* out, std::vector<T>& scratch) {
  if (length == 0) {
    return;
  }
  const std::int64_t width = hidden / heads;
  const std::int64_t stride = 3 * hidden;
  const T factor = T{1} / std::sqrt(static_cast<T>(width));
  scratch.resize(static_cast<std::size_t>(kRows * length));
  for (std::int64_t head = 0; head < heads; ++head) {
    const T* q = qkv + head * width;
    const T* k = q + hidden;
    const T* v = k + hidden;
    ForRowBlocks(length, [&](RowBlock block) {
      T* p = weights + (head * length + block.begin) * length;
      Gemm(Op::kPlain, Op::kTransposed, block.rows, block.columns, width, {q + block.begin * stride, stride},
           {k, stride}, T{0}, {p, length});
      CausalSoftmax(p, length, block, factor);
      Strided<const T> dropped = {p, length};
      if (dropout.keep != nullptr) {
        DropBlock(p, dropout.keep + (head * length + block.begin) * length, length, block, dropout.factor,
                  scratch.data());
        dropped = {scratch.data(), block.columns};
      }
      Gemm(Op::kPlain, Op::kPlain, block.rows, width, block.columns, dropped, {v, stride}, T{0},
           {out + block.begin * hidden + head * width, hidden});
    });
  }
}

template <class T>
void CausalAttentionBackward(const T* d_out, const T* qkv, const T* weights, std::int64_t length, std::int64_t hidden,
                             std::int64_t heads, AttentionDropout<T> dropout, T* qkv_gradient,
                             std::vector<T>& scratch) {
  if (length == 0) {
    return;
  }
  const std::int64_t width = hidden / heads;
  const std::int64_t stride = 3 * hidden;
  const T factor = T{1} / std::sqrt(static_cast<T>(width));
  scratch.resize(static_cast<std::size_t>(kRows * length));
  std::fill(qkv_gradient, qkv_gradient + length * stride, T{0});
  for (std::int64_t head = 0; head < heads; ++head) {
    const T* q = qkv + head * width;
    const T* k = q + hidden;
    const T* v = k + hidden;
    T* dq = qkv_gradient + head * width;
    T* dk = dq + hidden;
    T* dv = dk + hidden;
    ForRowBlocks(length, [&](RowBlock block) {
      const T* p = weights + (head * length + block.begin) * length;
      const std::uint8_t* keep =
          dropout.keep == nullptr ? nullptr : dropout.keep + (head * length + block.begin) * length;
      const Strided<const T> d = {d_out + block.begin * hidden + head * width, hidden};
      T* block_memory = scratch.data();
      Strided<const T> dropped = {p, length};
      if (keep != nullptr) {
        DropBlock(p, keep, length, block, dropout.factor, block_memory);
        dropped = {block_memory, block.columns};
      }
      Gemm(Op::kTransposed, Op::kPlain, block.columns, width, block.rows, dropped, d, T{1}, {dv, stride});
      // From here on the block's memory holds the gradient by P, then by the scores.
      Gemm(Op::kPlain, Op::kTransposed, block.rows, block.columns, width, d, {v, stride}, T{0},
           {block_memory, block.columns});
      if (keep != nullptr) {
        for (std::int64_t r = 0; r < block.rows; ++r) {
          for (std::int64_t at = 0; at <= block.begin + r; ++at) {
            block_memory[r * block.columns + at] *= static_cast<T>(keep[r * length + at]) * dropout.factor;
          }
        }
      }
      SoftmaxBackward(block_memory, p, length, block, factor);
      const Strided<const T> ds = {block_memory, block.columns};
      Gemm(Op::kPlain, Op::kPlain, block.rows, width, block.columns, ds, {k, stride}, T{0},
           {dq + block.begin * stride, stride});
      Gemm(Op::kTransposed, Op::kPlain, block.columns, width, block.rows, ds, {q + block.begin * stride, stride}, T{1},
           {dk, stride});
    });
  }
}

template void CausalAttention<float>(const float*, std::int64_t, std::int64_t, std::int64_t, AttentionDropout<float>,
                                     float*, float*, std::vector<float>&);
template void CausalAttention<double>(const double*, std::int64_t, std::int64_t, std::int64_t, AttentionDropout<double>,
                                      double*, double*, std::vector<double>&);
template void CausalAttentionBackward<float>(const float*, const float*, const float*, std::int64_t, std::int64_t,
                                             std::int64_t, AttentionDropout<float>, float*, std::vector<float>&);
template void CausalAttentionBackward<double>(const double*, const double*, const double*, std::int64_t, std::int64_t,
                                              std::int64_t, AttentionDropout<double>, double*, std::vector<double>&);

}  // namespace recforce::nn
