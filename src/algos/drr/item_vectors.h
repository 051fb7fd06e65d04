// SPDX-License-Identifier: Apache-2.0
// The items as agents act on them: <action, vector> ranks, the direction of a vector is what a critic is shown.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/item_index.h"
#include "recforce/base/matrix_view.h"

namespace recforce::algos {

struct ItemVectors {
  std::int64_t dim = 0;
  std::vector<float> raw;   // [I, D]
  std::vector<float> unit;  // [I, D] of length 1, or 0 where raw is
  std::vector<float> sum;   // [D] of raw
  // Finds what is near to an action; null: all items are looked at. Of vectors that do not learn.
  std::shared_ptr<const nn::ItemIndex> index;

  [[nodiscard]] std::int64_t items() const { return dim == 0 ? 0 : static_cast<std::int64_t>(raw.size()) / dim; }
  // To be called when raw has changed. Uses base::ParallelFor.
  void Refresh();
};

// out: [R, D] := the mean of the rows of `table` [I, D] that each slate [R, k] names.
void MeanOfSlates(const std::vector<float>& table, std::int64_t dim, base::MatrixView<const std::int32_t> slates,
                  float* out);

}  // namespace recforce::algos
