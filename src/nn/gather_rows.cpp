// SPDX-License-Identifier: Apache-2.0
#include "nn/gather_rows.h"

#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {

void GatherRows(const torch::Tensor& table, std::span<const std::int32_t> rows, torch::Tensor& out) {
  const std::int64_t width = table.numel() / table.size(0);
  RECFORCE_CHECK(out.is_contiguous() && out.size(0) == static_cast<std::int64_t>(rows.size()) && out.size(1) == width,
                 "there is another number of rows");
  const float* from = table.data_ptr<float>();
  float* to = out.data_ptr<float>();
  base::ParallelFor(0, out.size(0), 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      const std::int64_t row = rows[static_cast<std::size_t>(at)];
      if (row >= 0) {
        std::copy_n(from + row * width, width, to + at * width);
      } else {
        std::fill_n(to + at * width, width, 0.0F);
      }
    }
  });
}

torch::Tensor GatherRows(const torch::Tensor& table, std::span<const std::int32_t> rows) {
  torch::Tensor out =
      torch::empty({static_cast<std::int64_t>(rows.size()), table.numel() / table.size(0)}, torch::kFloat32);
  GatherRows(table, rows, out);
  return out;
}

}  // namespace recforce::nn
