// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/target.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"

namespace recforce::algos {
namespace {

// sums[n] = sum over ranks 0 .. n - 1 of 1 / log2(rank + 2).
std::vector<double> DiscountSums(std::int64_t k) {
  std::vector<double> sums(static_cast<std::size_t>(k) + 1, 0.0);
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(k); ++rank) {
    sums[rank + 1] = sums[rank] + 1.0 / std::log2(static_cast<double>(rank) + 2.0);
  }
  return sums;
}

// `marks`: all zero, one entry per item; all zero again afterwards.
double Ndcg(std::span<const std::int32_t> ranking, std::span<const std::int32_t> relevant,
            const std::vector<double>& sums, std::vector<std::uint8_t>* marks) {
  if (relevant.empty()) {
    return 0.0;
  }
  for (const std::int32_t item : relevant) {
    (*marks)[static_cast<std::size_t>(item)] = 1;
  }
  double gain = 0.0;
  for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
    if ((*marks)[static_cast<std::size_t>(ranking[rank])] != 0) {
      gain += sums[rank + 1] - sums[rank];
    }
  }
  for (const std::int32_t item : relevant) {
    (*marks)[static_cast<std::size_t>(item)] = 0;
  }
  return gain / sums[std::min(relevant.size(), sums.size() - 1)];
}

// Rankings of a device's logits: selected there, judged here.
std::vector<double> OnDevice(const torch::Tensor& logits, const torch::Tensor& bias, const nn::RowBatch& batch,
                             std::int64_t k) {
  torch::Tensor scores = logits + bias;
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> item;
  for (std::int64_t r = 0; r < batch.rows(); ++r) {
    for (const std::int32_t seen : batch.seen.row(r)) {
      row.push_back(r);
      item.push_back(seen);
    }
  }
  const auto to_device = [&](const std::vector<std::int64_t>& values) {
    return torch::tensor(values, torch::kInt64).to(logits.device());
  };
  scores.index_put_({to_device(row), to_device(item)}, -std::numeric_limits<float>::infinity());
  const std::int64_t depth = std::min(k, logits.size(1));
  const torch::Tensor best = std::get<1>(scores.topk(depth, 1)).to(torch::kCPU, torch::kInt32).contiguous();
  const std::vector<double> sums = DiscountSums(k);
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(logits.size(1)), 0);
  std::vector<double> targets;
  for (std::int64_t r = 0; r < batch.rows(); ++r) {
    const std::span<const std::int32_t> ranking(best.data_ptr<std::int32_t>() + r * depth,
                                                static_cast<std::size_t>(depth));
    targets.push_back(Ndcg(ranking, batch.unseen.row(r), sums, &marks));
  }
  return targets;
}

}  // namespace

std::vector<double> NdcgTargets(const torch::Tensor& logits, const torch::Tensor& bias, const nn::RowBatch& batch,
                                std::int64_t k) {
  RECFORCE_CHECK(logits.size(0) == batch.rows() && logits.scalar_type() == torch::kFloat32,
                 "logits have another shape or type");
  if (!logits.is_cpu()) {
    return OnDevice(logits, bias, batch, k);
  }
  const std::int64_t items = logits.size(1);
  const std::vector<double> sums = DiscountSums(k);
  const float* values = logits.data_ptr<float>();
  const float* shift = bias.data_ptr<float>();
  std::vector<double> targets(static_cast<std::size_t>(batch.rows()));
  base::ParallelFor(0, batch.rows(), 16, [&](std::int64_t begin, std::int64_t end) {
    core::TopK top(items);
    std::vector<float> scores(static_cast<std::size_t>(items));
    std::vector<std::uint8_t> marks(static_cast<std::size_t>(items), 0);
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t item = 0; item < items; ++item) {
        scores[static_cast<std::size_t>(item)] = values[r * items + item] + shift[item];
      }
      targets[static_cast<std::size_t>(r)] =
          Ndcg(top.Select(scores, k, batch.seen.row(r)), batch.unseen.row(r), sums, &marks);
    }
  });
  return targets;
}

}  // namespace recforce::algos
