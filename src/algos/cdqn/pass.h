// SPDX-License-Identifier: Apache-2.0
// Q of slates that were shown, forward and backward by hand, on the calling thread.
// Shapes: B states, S slots of a slate, D numbers of an item, n sums of a state.
#pragma once

#include <cstdint>
#include <vector>

#include "algos/cdqn/encode.h"
#include "algos/cdqn/networks.h"

namespace recforce::algos {

// What a step judges.
struct CdqnRows {
  base::MatrixView<const std::int32_t> recent;  // [B, m] clicks before, newest first, -1 where there were none
  base::MatrixView<const std::int32_t> items;   // [B, S]; item I is no item
  bool cascade = true;  // slot j is judged at position j, after the slots before it; else each alone at position 0

  [[nodiscard]] std::int64_t position(std::int64_t slot) const { return cascade ? slot : 0; }
  [[nodiscard]] std::span<const std::int32_t> chosen(std::int64_t row, std::int64_t slot) const {
    return items.row(row).first(static_cast<std::size_t>(position(slot)));
  }
  [[nodiscard]] CdqnRows Slice(std::int64_t begin, std::int64_t end) const {
    return {{recent.data + begin * recent.cols, end - begin, recent.cols},
            {items.data + begin * items.cols, end - begin, items.cols},
            cascade};
  }
};

// Keeps its memory between calls. Not thread-safe. T: float, or double for gradient checks.
template <class T>
class CdqnPass {
 public:
  // Returns [S, B], valid until the next call.
  const T* Forward(const CdqnNumbers<T>& numbers, const CdqnRows& rows);
  // dq: [S, B], gradient by what the last Forward returned, which had the same arguments. Adds the gradient of all
  // layers to `layers` [layout.size - layout.networks].
  void Backward(const CdqnNumbers<T>& numbers, const CdqnRows& rows, const T* dq, T* layers);
  // Gradients by states [B, n D] and by items [B, S, D] of the last Backward.
  [[nodiscard]] const std::vector<T>& d_states() const { return d_states_; }
  [[nodiscard]] const std::vector<T>& d_items() const { return d_items_; }

 private:
  void BuildInput(const CdqnNumbers<T>& numbers, const CdqnRows& rows, std::int64_t slot, std::vector<T>& in) const;
  void SpreadInput(const CdqnNumbers<T>& numbers, const CdqnRows& rows, std::int64_t slot, const T* d);

  std::vector<T> states_;                             // [B, n D]
  std::vector<std::vector<std::vector<T>>> between_;  // by slot, by layer: its input
  std::vector<T> q_, d_in_, d_out_, d_states_, d_items_;
};

// Adds to `gradient` [layout.size] what gradients by states and by items mean for the item table and the weights of the
// sums. d_states: [B, n D], d_items: [B, S, D].
template <class T>
void AddInputGradient(const CdqnNumbers<T>& numbers, const CdqnRows& rows, const T* d_states, const T* d_items,
                      T* gradient);

}  // namespace recforce::algos
