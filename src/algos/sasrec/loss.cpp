// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/blas.h"
#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

using nn::Gemm;
using nn::Op;

constexpr std::int64_t kBlockScores = 1 << 20;  // numbers that stay in the outer caches
constexpr std::int64_t kFewestRows = 32;        // of a block: BLAS packs the item table once for each
constexpr std::int64_t kMostRows = 256;

template <class T>
void AddScaled(const T* from, std::int64_t count, T factor, T* to) {
  for (std::int64_t at = 0; at < count; ++at) {
    to[at] += factor * from[at];
  }
}

template <class T>
T Dot(const T* a, const T* b, std::int64_t count) {
  return nn::LaneSum<T>(count, [a, b](std::int64_t at) { return a[at] * b[at]; });
}

// log(1 + exp(x)) without overflow.
double Softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

}  // namespace

template <class T>
double NextItemLoss<T>::Backward(const Sequences& sequences, const T* hidden, const T* items, std::int64_t num_items,
                                 std::int64_t width, T weight, T* d_hidden, T* d_items) {
  const Problem problem{sequences, hidden, items, num_items, width, weight, d_hidden, d_items};
  switch (kind_) {
    case SasrecLoss::kFullCrossEntropy:
      return Full(problem);
    case SasrecLoss::kSampledCrossEntropy:
      return Sampled(problem);
    case SasrecLoss::kBinaryCrossEntropy:
      break;
  }
  return Binary(problem);
}

// The exponentials are never normalised: 1 / sum goes to the rows of hidden, which are narrow, instead.
template <class T>
double NextItemLoss<T>::Full(const Problem& p) {
  const std::int64_t n = p.sequences.positions();
  const std::int64_t block = std::clamp(kBlockScores / p.num_items / 16 * 16, kFewestRows, kMostRows);
  scores_.resize(static_cast<std::size_t>(std::min(block, n) * p.num_items));
  scaled_.resize(static_cast<std::size_t>(std::min(block, n) * p.width));
  double loss = 0.0;
  for (std::int64_t begin = 0; begin < n; begin += block) {
    const std::int64_t rows = std::min(block, n - begin);
    const T* hidden = p.hidden + begin * p.width;
    T* d_hidden = p.d_hidden + begin * p.width;
    const std::int32_t* targets = p.sequences.targets.data() + begin;
    Gemm(Op::kPlain, Op::kTransposed, rows, p.num_items, p.width, {hidden, p.width}, {p.items, p.width}, T{0},
         {scores_.data(), p.num_items});
    std::vector<T> factor(static_cast<std::size_t>(rows));
    for (std::int64_t r = 0; r < rows; ++r) {
      T* row = scores_.data() + r * p.num_items;
      const T top = nn::LaneMax(row, p.num_items);
      const T target = row[targets[r]];
      const double sum = nn::ExpAndSum(row, p.num_items, top);
      loss += std::log(sum) + static_cast<double>(top) - static_cast<double>(target);
      const T inverse = static_cast<T>(static_cast<double>(p.weight) / sum);
      factor[static_cast<std::size_t>(r)] = inverse;
      for (std::int64_t k = 0; k < p.width; ++k) {
        scaled_[static_cast<std::size_t>(r * p.width + k)] = inverse * hidden[r * p.width + k];
      }
    }
    const nn::Strided<const T> scores = {scores_.data(), p.num_items};
    Gemm(Op::kPlain, Op::kPlain, rows, p.width, p.num_items, scores, {p.items, p.width}, T{0}, {d_hidden, p.width});
    Gemm(Op::kTransposed, Op::kPlain, p.num_items, p.width, rows, scores, {scaled_.data(), p.width}, T{1},
         {p.d_items, p.width});
    for (std::int64_t r = 0; r < rows; ++r) {
      T* d = d_hidden + r * p.width;
      const T* item = p.items + targets[r] * p.width;
      for (std::int64_t k = 0; k < p.width; ++k) {
        d[k] = d[k] * factor[static_cast<std::size_t>(r)] - p.weight * item[k];
      }
      AddScaled(hidden + r * p.width, p.width, -p.weight, p.d_items + targets[r] * p.width);
    }
  }
  return loss;
}

template <class T>
double NextItemLoss<T>::Sampled(const Problem& p) {
  const std::int64_t each = p.sequences.negatives_each;
  rows_.resize(static_cast<std::size_t>(each * p.width));
  row_gradient_.resize(rows_.size());
  double loss = 0.0;
  for (std::int64_t u = 0; u < p.sequences.rows(); ++u) {
    const std::int64_t begin = p.sequences.begin(u);
    const std::int64_t length = p.sequences.length(u);
    const std::int32_t* negatives = p.sequences.negatives.data() + u * each;
    for (std::int64_t number = 0; number < each; ++number) {
      std::copy_n(p.items + negatives[number] * p.width, p.width, rows_.data() + number * p.width);
    }
    const nn::Strided<const T> hidden = {p.hidden + begin * p.width, p.width};
    scores_.resize(static_cast<std::size_t>(length * each));
    Gemm(Op::kPlain, Op::kTransposed, length, each, p.width, hidden, {rows_.data(), p.width}, T{0},
         {scores_.data(), each});
    std::vector<T> target_gradient(static_cast<std::size_t>(length));
    for (std::int64_t r = 0; r < length; ++r) {
      T* row = scores_.data() + r * each;
      const std::int32_t target = p.sequences.targets[static_cast<std::size_t>(begin + r)];
      const T positive = Dot(hidden.data + r * p.width, p.items + target * p.width, p.width);
      for (std::int64_t number = 0; number < each; ++number) {
        row[number] = negatives[number] == target ? -std::numeric_limits<T>::max() : row[number];
      }
      const T top = std::max(positive, nn::LaneMax(row, each));
      const double own = std::exp(static_cast<double>(positive - top));
      const double sum = own + nn::ExpAndSum(row, each, top);
      loss += std::log(sum) + static_cast<double>(top - positive);
      const T factor = static_cast<T>(static_cast<double>(p.weight) / sum);
      for (std::int64_t number = 0; number < each; ++number) {
        row[number] = negatives[number] == target ? T{0} : row[number] * factor;
      }
      target_gradient[static_cast<std::size_t>(r)] = p.weight * static_cast<T>(own / sum - 1.0);
    }
    const nn::Strided<const T> scores = {scores_.data(), each};
    Gemm(Op::kPlain, Op::kPlain, length, p.width, each, scores, {rows_.data(), p.width}, T{0},
         {p.d_hidden + begin * p.width, p.width});
    Gemm(Op::kTransposed, Op::kPlain, each, p.width, length, scores, hidden, T{0}, {row_gradient_.data(), p.width});
    for (std::int64_t number = 0; number < each; ++number) {
      AddScaled(row_gradient_.data() + number * p.width, p.width, T{1}, p.d_items + negatives[number] * p.width);
    }
    for (std::int64_t r = 0; r < length; ++r) {
      const std::int32_t target = p.sequences.targets[static_cast<std::size_t>(begin + r)];
      const T slope = target_gradient[static_cast<std::size_t>(r)];
      AddScaled(p.items + target * p.width, p.width, slope, p.d_hidden + (begin + r) * p.width);
      AddScaled(hidden.data + r * p.width, p.width, slope, p.d_items + target * p.width);
    }
  }
  return loss;
}

template <class T>
double NextItemLoss<T>::Binary(const Problem& p) {
  const std::int64_t each = p.sequences.negatives_each;
  double loss = 0.0;
  for (std::int64_t at = 0; at < p.sequences.positions(); ++at) {
    const T* hidden = p.hidden + at * p.width;
    T* d_hidden = p.d_hidden + at * p.width;
    std::fill(d_hidden, d_hidden + p.width, T{0});
    // -log sigmoid(sign score), `share` of it.
    const auto add = [&](std::int32_t item, double sign, double share) {
      const double score = sign * static_cast<double>(Dot(hidden, p.items + item * p.width, p.width));
      loss += share * Softplus(-score);
      const T slope = static_cast<T>(-sign * share * static_cast<double>(p.weight) / (1.0 + std::exp(score)));
      AddScaled(p.items + item * p.width, p.width, slope, d_hidden);
      AddScaled(hidden, p.width, slope, p.d_items + item * p.width);
    };
    add(p.sequences.targets[static_cast<std::size_t>(at)], 1.0, 1.0);
    for (std::int64_t number = 0; number < each; ++number) {
      const std::int32_t item = p.sequences.negatives[static_cast<std::size_t>(at * each + number)];
      if (item >= 0) {
        add(item, -1.0, 1.0 / static_cast<double>(each));
      }
    }
  }
  return loss;
}

template class NextItemLoss<float>;
template class NextItemLoss<double>;

}  // namespace recforce::algos
