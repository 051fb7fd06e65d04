// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/shard_pass.h"

#include <algorithm>
#include <numeric>

#include "algos/common/elementwise.h"
#include "nn/blas.h"

namespace recforce::algos {
namespace {

using nn::Gemm;
using nn::Op;

template <class T>
void Gather(const T* table, std::int64_t width, const std::vector<std::int32_t>& rows, T* out) {
  for (const std::int32_t row : rows) {
    std::copy_n(table + row * width, width, out);
    out += width;
  }
}

template <class T>
void FillRows(const T* row, std::int64_t rows, std::int64_t width, T* out) {
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(row, width, out + r * width);
  }
}

template <class T>
void AddRows(const T* values, std::int64_t rows, std::int64_t width, T* sum) {
  for (std::int64_t r = 0; r < rows; ++r) {
    AddScaled(values + r * width, width, T{1}, sum);
  }
}

template <class T>
T* Zeros(std::vector<T>& values, std::int64_t count) {
  values.assign(static_cast<std::size_t>(count), T{0});
  return values.data();
}

}  // namespace

template <class T>
T* ShardPass<T>::Gradient(std::int64_t part) const {
  return gradients_[static_cast<std::size_t>(part)].data_ptr<T>();
}

template <class T>
void ShardPass<T>::TakeItems(const torch::Tensor& features, const Shard& shard) {
  const auto count = static_cast<std::int64_t>(shard.items.size());
  T* items = Sized(items_, count * shape_.dim);
  Gather(Part(parts_.embedding), shape_.dim, shard.items, items);
  if (parts_.feature >= 0) {
    T* given = Sized(features_, count * shape_.features);
    Gather(features.data_ptr<T>(), shape_.features, shard.items, given);
    Gemm(Op::kPlain, Op::kPlain, count, shape_.dim, shape_.features, {given, shape_.features},
         {Part(parts_.feature), shape_.dim}, T{1}, {items, shape_.dim});
  }
}

template <class T>
void ShardPass<T>::TakeStates(const Shard& shard) {
  T* state = Zeros(states_, shard.choices() * shape_.state_width());
  if (shape_.state != StateKind::kPositions) {
    return;
  }
  const std::int64_t d = shape_.dim;
  if (parts_.position_bias >= 0) {
    FillRows(Part(parts_.position_bias), shard.choices(), shape_.state_width(), state);
  }
  const T* weight = Part(parts_.position);
  for (std::int64_t e = 0; e < shard.choices(); ++e, state += shape_.state_width()) {
    const std::int64_t* recent = shard.recent.data() + e * shape_.memory;
    for (std::int64_t lag = 0; lag < shape_.memory && recent[lag] >= 0; ++lag) {
      for (std::int64_t n = 0; n < shape_.positions; ++n) {
        AddScaled(items_.data() + recent[lag] * d, d, weight[n * shape_.memory + lag], state + n * d);
      }
    }
  }
  if (shape_.squash == Squash::kElu) {
    EluInPlace(states_.data(), static_cast<std::int64_t>(states_.size()));
  } else if (shape_.squash == Squash::kTanh) {
    std::transform(states_.begin(), states_.end(), states_.begin(), [](T x) { return nn::FastTanh(x); });
  }
}

template <class T>
std::span<const T> ShardPass<T>::Forward(std::span<const torch::Tensor> tensors, const torch::Tensor& features,
                                         const Shard& shard) {
  values_.clear();
  for (const torch::Tensor& tensor : tensors) {
    values_.push_back(tensor.data_ptr<T>());
  }
  TakeItems(features, shard);
  TakeStates(shard);
  const auto count = static_cast<std::int64_t>(shard.items.size());
  const auto rows = static_cast<std::int64_t>(shard.row_item.size());
  const std::int64_t first = shape_.layers.front();
  T* by_item = Sized(by_item_, count * first);
  Gemm(Op::kPlain, Op::kPlain, count, first, shape_.dim, {items_.data(), shape_.dim}, {Part(parts_.item), first}, T{0},
       {by_item, first});
  T* by_choice = Sized(by_choice_, shard.choices() * first);
  FillRows(Part(parts_.first_bias), shard.choices(), first, by_choice);
  if (const std::int64_t width = shape_.state_width(); width > 0) {
    Gemm(Op::kPlain, Op::kPlain, shard.choices(), first, width, {states_.data(), width}, {Part(parts_.state), first},
         T{1}, {by_choice, first});
  }
  hidden_.resize(shape_.layers.size());
  T* out = Sized(hidden_.front(), rows * first);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* item = by_item + shard.row_item[static_cast<std::size_t>(r)] * first;
    const T* choice = by_choice + shard.row_choice[static_cast<std::size_t>(r)] * first;
    std::transform(item, item + first, choice, out + r * first, std::plus<>());
  }
  EluInPlace(out, rows * first);
  for (std::size_t layer = 1; layer < shape_.layers.size(); ++layer) {
    const std::int64_t from = shape_.layers[layer - 1];
    const std::int64_t to = shape_.layers[layer];
    out = Sized(hidden_[layer], rows * to);
    FillRows(Part(parts_.biases[layer - 1]), rows, to, out);
    Gemm(Op::kPlain, Op::kPlain, rows, to, from, {hidden_[layer - 1].data(), from},
         {Part(parts_.weights[layer - 1]), to}, T{1}, {out, to});
    EluInPlace(out, rows * to);
  }
  const std::int64_t last = shape_.layers.back();
  rewards_.resize(static_cast<std::size_t>(rows));
  for (std::int64_t r = 0; r < rows; ++r) {
    T reward = *Part(parts_.out_bias);
    reward += nn::LaneSum<T>(last, [&](std::int64_t at) { return out[r * last + at] * Part(parts_.out)[at]; });
    if (parts_.item_bias >= 0) {
      const auto local = static_cast<std::size_t>(shard.row_item[static_cast<std::size_t>(r)]);
      reward += Part(parts_.item_bias)[shard.items[local]];
    }
    if (const std::int64_t lag = parts_.repeat >= 0 ? shard.row_lag[static_cast<std::size_t>(r)] : -1; lag >= 0) {
      reward += Part(parts_.repeat)[lag];
    }
    rewards_[static_cast<std::size_t>(r)] = reward;
  }
  return rewards_;
}

template <class T>
T* ShardPass<T>::BackThroughLayers(std::int64_t rows, T* d) {
  for (std::size_t layer = shape_.layers.size() - 1; layer > 0; --layer) {
    const std::int64_t from = shape_.layers[layer - 1];
    const std::int64_t to = shape_.layers[layer];
    EluBackward(hidden_[layer].data(), rows * to, d);
    AddRows(d, rows, to, Gradient(parts_.biases[layer - 1]));
    Gemm(Op::kTransposed, Op::kPlain, from, to, rows, {hidden_[layer - 1].data(), from}, {d, to}, T{0},
         {Gradient(parts_.weights[layer - 1]), to});
    T* below = Sized(d_below_, rows * from);
    Gemm(Op::kPlain, Op::kTransposed, rows, from, to, {d, to}, {Part(parts_.weights[layer - 1]), to}, T{0},
         {below, from});
    d_hidden_.swap(d_below_);
    d = d_hidden_.data();
  }
  EluBackward(hidden_.front().data(), rows * shape_.layers.front(), d);
  return d;
}

template <class T>
void ShardPass<T>::BackThroughStates(const Shard& shard, T* d_states, T* d_items) {
  const std::int64_t d = shape_.dim;
  const std::int64_t width = shape_.state_width();
  if (shape_.squash == Squash::kElu) {
    EluBackward(states_.data(), shard.choices() * width, d_states);
  } else if (shape_.squash == Squash::kTanh) {
    std::transform(states_.begin(), states_.end(), d_states, d_states,
                   [](T out, T by) { return by * (T{1} - out * out); });
  }
  if (parts_.position_bias >= 0) {
    AddRows(d_states, shard.choices(), width, Gradient(parts_.position_bias));
  }
  const T* weight = Part(parts_.position);
  T* d_weight = Gradient(parts_.position);
  for (std::int64_t e = 0; e < shard.choices(); ++e, d_states += width) {
    const std::int64_t* recent = shard.recent.data() + e * shape_.memory;
    for (std::int64_t lag = 0; lag < shape_.memory && recent[lag] >= 0; ++lag) {
      const T* item = items_.data() + recent[lag] * d;
      for (std::int64_t n = 0; n < shape_.positions; ++n) {
        const T* by = d_states + n * d;
        AddScaled(by, d, weight[n * shape_.memory + lag], d_items + recent[lag] * d);
        d_weight[n * shape_.memory + lag] += nn::LaneSum<T>(d, [&](std::int64_t at) { return by[at] * item[at]; });
      }
    }
  }
}

template <class T>
std::vector<torch::Tensor> ShardPass<T>::Backward(const Shard& shard, std::span<const T> slope) {
  const auto count = static_cast<std::int64_t>(shard.items.size());
  const auto rows = static_cast<std::int64_t>(shard.row_item.size());
  const std::int64_t first = shape_.layers.front();
  const std::int64_t last = shape_.layers.back();
  gradients_.clear();
  for (const ::recforce::algos::Part& part : parts_.list) {
    std::vector<std::int64_t> extents = part.shape;
    extents.front() = ByItem(part.kind) ? count : extents.front();
    if (part.kind != PartKind::kNoClick) {
      gradients_.push_back(torch::zeros(extents, torch::CppTypeToScalarType<T>::value));
    }
  }
  T* d = Sized(d_hidden_, rows * last);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T by = slope[static_cast<std::size_t>(r)];
    std::transform(Part(parts_.out), Part(parts_.out) + last, d + r * last, [by](T weight) { return by * weight; });
    AddScaled(hidden_.back().data() + r * last, last, by, Gradient(parts_.out));
    *Gradient(parts_.out_bias) += by;
    if (parts_.item_bias >= 0) {
      Gradient(parts_.item_bias)[shard.row_item[static_cast<std::size_t>(r)]] += by;
    }
    if (const std::int64_t lag = parts_.repeat >= 0 ? shard.row_lag[static_cast<std::size_t>(r)] : -1; lag >= 0) {
      Gradient(parts_.repeat)[lag] += by;
    }
  }
  d = BackThroughLayers(rows, d);
  T* d_by_item = Zeros(d_by_item_, count * first);
  T* d_by_choice = Zeros(d_by_choice_, shard.choices() * first);
  for (std::int64_t r = 0; r < rows; ++r) {
    AddScaled(d + r * first, first, T{1}, d_by_item + shard.row_item[static_cast<std::size_t>(r)] * first);
    AddScaled(d + r * first, first, T{1}, d_by_choice + shard.row_choice[static_cast<std::size_t>(r)] * first);
  }
  AddRows(d_by_choice, shard.choices(), first, Gradient(parts_.first_bias));
  T* d_items = Gradient(parts_.embedding);
  Gemm(Op::kTransposed, Op::kPlain, shape_.dim, first, count, {items_.data(), shape_.dim}, {d_by_item, first}, T{0},
       {Gradient(parts_.item), first});
  Gemm(Op::kPlain, Op::kTransposed, count, shape_.dim, first, {d_by_item, first}, {Part(parts_.item), first}, T{0},
       {d_items, shape_.dim});
  if (const std::int64_t width = shape_.state_width(); width > 0) {
    Gemm(Op::kTransposed, Op::kPlain, width, first, shard.choices(), {states_.data(), width}, {d_by_choice, first},
         T{0}, {Gradient(parts_.state), first});
    T* d_states = Sized(d_states_, shard.choices() * width);
    Gemm(Op::kPlain, Op::kTransposed, shard.choices(), width, first, {d_by_choice, first}, {Part(parts_.state), first},
         T{0}, {d_states, width});
    BackThroughStates(shard, d_states, d_items);
  }
  if (parts_.feature >= 0) {
    Gemm(Op::kTransposed, Op::kPlain, shape_.features, shape_.dim, count, {features_.data(), shape_.features},
         {d_items, shape_.dim}, T{0}, {Gradient(parts_.feature), shape_.dim});
  }
  return std::move(gradients_);
}

template class ShardPass<float>;
template class ShardPass<double>;

}  // namespace recforce::algos
