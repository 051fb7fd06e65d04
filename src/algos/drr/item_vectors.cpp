// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/item_vectors.h"

#include <algorithm>
#include <cmath>

#include "algos/common/elementwise.h"
#include "recforce/base/threads.h"

namespace recforce::algos {

void ItemVectors::Refresh() {
  unit.resize(raw.size());
  sum.assign(static_cast<std::size_t>(dim), 0.0F);
  base::ParallelFor(0, items(), 512, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const float* from = raw.data() + item * dim;
      const float norm = std::sqrt(nn::LaneSum<float>(dim, [&](std::int64_t at) { return from[at] * from[at]; }));
      const float factor = norm > 0.0F ? 1.0F / norm : 0.0F;
      std::transform(from, from + dim, unit.data() + item * dim, [factor](float value) { return factor * value; });
    }
  });
  for (std::int64_t item = 0; item < items(); ++item) {
    AddScaled(raw.data() + item * dim, dim, 1.0F, sum.data());
  }
}

void MeanOfSlates(const std::vector<float>& table, std::int64_t dim, base::MatrixView<const std::int32_t> slates,
                  float* out) {
  const float share = 1.0F / static_cast<float>(slates.cols);
  std::fill_n(out, slates.rows * dim, 0.0F);
  for (std::int64_t row = 0; row < slates.rows; ++row) {
    for (const std::int32_t item : slates.row(row)) {
      AddScaled(table.data() + item * dim, dim, share, out + row * dim);
    }
  }
}

}  // namespace recforce::algos
