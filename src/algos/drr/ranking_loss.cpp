// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/ranking_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "algos/common/elementwise.h"
#include "nn/blas.h"

namespace recforce::algos {

double RankingLoss::AddGradient(const ItemVectors& vectors, std::span<const std::int32_t> liked,
                                std::span<const std::int32_t> negatives, std::int64_t batch, const float* actions,
                                float* d_actions, float* d_liked, float* d_negatives) const {
  const std::int64_t dim = vectors.dim;
  const auto rows = static_cast<std::int64_t>(liked.size());
  const auto count = static_cast<std::int64_t>(negatives.size());
  const auto c = static_cast<float>(scale);
  const auto share = static_cast<float>(weight * scale / static_cast<double>(batch));
  std::vector<float> others(static_cast<std::size_t>(count * dim));
  for (std::int64_t n = 0; n < count; ++n) {
    std::copy_n(vectors.raw.data() + negatives[static_cast<std::size_t>(n)] * dim, dim, others.data() + n * dim);
  }
  std::vector<float> scores(static_cast<std::size_t>(rows * count));
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, count, dim, {actions, dim}, {others.data(), dim}, 0.0F,
           {scores.data(), count});
  double loss = 0.0;
  for (std::int64_t r = 0; r < rows; ++r) {
    float* mine = scores.data() + r * count;
    const std::int32_t item = liked[static_cast<std::size_t>(r)];
    if (d_liked != nullptr) {
      std::fill_n(d_liked + r * dim, dim, 0.0F);
    }
    if (item < 0) {
      std::fill_n(mine, count, 0.0F);
      continue;
    }
    const float* e = vectors.raw.data() + item * dim;
    const float* a = actions + r * dim;
    const float own = c * nn::LaneSum<float>(dim, [&](std::int64_t at) { return a[at] * e[at]; });
    std::for_each(mine, mine + count, [c](float& score) { score *= c; });
    const float top = std::max(own, nn::LaneMax(mine, count));
    const float first = nn::FastExp(own - top);
    const auto sum = static_cast<float>(nn::ExpAndSum(mine, count, top)) + first;
    loss -= std::log(static_cast<double>(first / sum));
    const float pull = share * (first / sum - 1.0F);
    std::for_each(mine, mine + count, [&](float& p) { p *= share / sum; });
    AddScaled(e, dim, pull, d_actions + r * dim);
    if (d_liked != nullptr) {
      AddScaled(a, dim, pull, d_liked + r * dim);
    }
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows, dim, count, {scores.data(), count}, {others.data(), dim}, 1.0F,
           {d_actions, dim});
  if (d_negatives != nullptr) {
    nn::Gemm(nn::Op::kTransposed, nn::Op::kPlain, count, dim, rows, {scores.data(), count}, {actions, dim}, 1.0F,
             {d_negatives, dim});
  }
  return loss;
}

}  // namespace recforce::algos
