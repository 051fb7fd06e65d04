// SPDX-License-Identifier: Apache-2.0
// What Q networks are shown: numbers of items, and states as position-weighted sums of the last clicks (Chen et al.
// 2019, section 4.1, without its activation). On the calling thread, float or double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "algos/cdqn/networks.h"

namespace recforce::algos {

// Numbers of a network in the memory of the CPU.
template <class T>
struct CdqnNumbers {
  const CdqnShape& shape;
  const CdqnLayout& layout;
  const T* params;        // [layout.size]
  const float* features;  // [I, F]

  // to += factor times the numbers of an item; item I, or -1, is no item, whose given numbers are 0.
  void AddItem(std::int32_t item, T factor, T* to) const {
    const std::int64_t row = item < 0 ? shape.items : item;
    const T* learnt = params + layout.table + row * shape.embedding;
    for (std::int64_t at = 0; at < shape.embedding; ++at) {
      to[at] += factor * learnt[at];
    }
    if (row < shape.items) {
      const float* given = features + row * shape.features;
      for (std::int64_t at = 0; at < shape.features; ++at) {
        to[shape.embedding + at] += factor * static_cast<T>(given[at]);
      }
    }
  }

  [[nodiscard]] T Weight(std::int64_t sum, std::int64_t click) const {
    return layout.weights < 0 ? T{1} : params[layout.weights + sum * shape.memory + click];
  }

  // to: [n D] of a user who clicked `recent` [m], newest first. Clicks that never were are "no item".
  void State(std::span<const std::int32_t> recent, T* to) const {
    std::fill_n(to, shape.state_width(), T{0});
    for (std::int64_t sum = 0; sum < shape.sums; ++sum) {
      for (std::int64_t click = 0; click < shape.memory; ++click) {
        AddItem(recent[static_cast<std::size_t>(click)], Weight(sum, click), to + sum * shape.item_width());
      }
    }
  }

  // to: [context_width] the state, which lies there already, then the items chosen before: each in its place, or
  // their mean.
  void Chosen(std::span<const std::int32_t> chosen, T* to) const {
    const std::int64_t width = shape.item_width();
    to += shape.state_width();
    const auto count = static_cast<std::int64_t>(chosen.size());
    std::fill_n(to, width * (shape.shared ? 1 : count), T{0});
    for (std::int64_t at = 0; at < count; ++at) {
      const std::int32_t item = chosen[static_cast<std::size_t>(at)];
      AddItem(item, shape.shared ? T{1} / static_cast<T>(count) : T{1}, to + (shape.shared ? 0 : at * width));
    }
  }
};

inline CdqnNumbers<float> NumbersOf(const CdqnParams& params, const CdqnLayout& layout) {
  return {params.shape, layout, params.flat.data_ptr<float>(), params.features.data_ptr<float>()};
}

}  // namespace recforce::algos
