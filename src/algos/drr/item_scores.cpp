// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/item_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algos/common/elementwise.h"
#include "nn/blas.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"

namespace recforce::algos {

template <class T>
void ItemScores<T>::Forward(const T* f, std::int64_t stride, std::int64_t first, std::int64_t count,
                            const RowItems& allowed) {
  first_ = first;
  allowed_ = &allowed;
  begins_.clear();
  sizes_.clear();
  legal_.clear();
  std::int64_t total = 0;
  bool whole = false;
  for (std::int64_t r = 0; r < count; ++r) {
    const auto mine = static_cast<std::int64_t>(allowed.row(first + r).size());
    const bool listed = allowed.listed[static_cast<std::size_t>(first + r)] != 0;
    whole = whole || !listed;
    begins_.push_back(total);
    sizes_.push_back(listed ? mine : items_);
    legal_.push_back(listed ? mine : items_ - mine);
    total += sizes_.back();
  }
  scores_.resize(static_cast<std::size_t>(total));
  if (whole) {
    RECFORCE_CHECK(total == count * items_, "rows with and without lists are scored together");
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, count, items_, dim_, {f, stride}, {table_, dim_}, T{0},
             {scores_.data(), items_});
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const std::span<T> mine = row(r);
    const std::span<const std::int32_t> known = allowed.row(first + r);
    for (std::size_t at = 0; at < known.size(); ++at) {
      if (whole) {
        mine[static_cast<std::size_t>(known[at])] = -std::numeric_limits<T>::infinity();
      } else {
        const T* e = table_ + known[at] * dim_;
        const T* own = f + r * stride;
        mine[at] = nn::LaneSum<T>(dim_, [&](std::int64_t d) { return e[d] * own[d]; });
      }
    }
  }
}

template <class T>
void ItemScores<T>::Backward(T* d_f, std::int64_t stride) const {
  const auto count = static_cast<std::int64_t>(sizes_.size());
  if (count > 0 && allowed_->listed[static_cast<std::size_t>(first_)] == 0) {
    nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, count, dim_, items_, {scores_.data(), items_}, {table_, dim_}, T{1},
             {d_f, stride});
    return;
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const std::span<const std::int32_t> known = allowed_->row(first_ + r);
    const T* mine = scores_.data() + begins_[static_cast<std::size_t>(r)];
    for (std::size_t at = 0; at < known.size(); ++at) {
      AddScaled(table_ + known[at] * dim_, dim_, mine[at], d_f + r * stride);
    }
  }
}

template <class T>
void ItemScores<T>::AddMean(std::int64_t r, T factor, T* to) const {
  const std::span<const std::int32_t> known = allowed_->row(first_ + r);
  const T share = factor / static_cast<T>(std::max<std::int64_t>(1, legal(r)));
  if (allowed_->listed[static_cast<std::size_t>(first_ + r)] != 0) {
    for (const std::int32_t item : known) {
      AddScaled(table_ + item * dim_, dim_, share, to);
    }
    return;
  }
  AddScaled(sum_, dim_, share, to);
  for (const std::int32_t item : known) {
    AddScaled(table_ + item * dim_, dim_, -share, to);
  }
}

template <class T>
T SoftmaxInPlace(std::span<T> values) {
  const T top = nn::LaneMax(values.data(), static_cast<std::int64_t>(values.size()));
  T sum{0};
  for (T& value : values) {
    value = value == -std::numeric_limits<T>::infinity() ? T{0} : nn::FastExp(value - top);
    sum += value;
  }
  for (T& value : values) {
    value /= sum;
  }
  return top + std::log(sum);
}

template class ItemScores<float>;
template class ItemScores<double>;
template float SoftmaxInPlace<float>(std::span<float> values);
template double SoftmaxInPlace<double>(std::span<double> values);

}  // namespace recforce::algos
