// SPDX-License-Identifier: Apache-2.0
#include "algos/common/row_batches.h"

#include <algorithm>
#include <span>
#include <vector>

namespace recforce::algos {
namespace {

torch::Tensor NoiseOf(const nn::RowBatch& batch, const RowBatchOptions& options, std::uint64_t epoch_id) {
  if (options.latent == 0 || options.noise_std <= 0.0) {
    return {};
  }
  torch::Tensor noise = torch::empty({batch.rows(), options.latent}, torch::kFloat32);
  nn::FillLatentNoise(batch.ids, options.seed, epoch_id, options.latent,
                      {noise.data_ptr<float>(), static_cast<std::size_t>(noise.numel())});
  return noise.mul_(options.noise_std).to(options.device);
}

}  // namespace

std::uint64_t EpochId(std::int64_t phase, std::int64_t epoch) {
  return (static_cast<std::uint64_t>(phase) << 32U) | static_cast<std::uint64_t>(epoch);
}

void ForEachRowBatch(const core::TrainView& view, const RowBatchOptions& options, std::uint64_t epoch_id,
                     const KeepRange& keep, const core::EpochContext* context, const RowActor::BatchStep& step) {
  const torch::NoGradGuard no_grad;
  const nn::MaskOptions mask = {.keep = keep.least, .seed = options.seed, .epoch = epoch_id, .keep_most = keep.most};
  const std::vector<std::int32_t> order = nn::EpochOrder(view.interactions.rows(), options.seed, epoch_id);
  const auto rows = static_cast<std::int64_t>(order.size());
  const std::int64_t batches = (rows + options.batch_size - 1) / options.batch_size;
  for (std::int64_t number = 0; number < batches; ++number) {
    if (context != nullptr && context->stop != nullptr) {
      context->stop->ThrowIfSet();
    }
    const std::int64_t begin = number * options.batch_size;
    const auto size = static_cast<std::size_t>(std::min(options.batch_size, rows - begin));
    const nn::RowBatch batch = nn::MakeRowBatch(
        view.interactions, std::span(order).subspan(static_cast<std::size_t>(begin), size), mask, view.num_items);
    step(batch, NoiseOf(batch, options, epoch_id));
    if (context != nullptr && context->progress) {
      context->progress(number + 1, batches);
    }
  }
}

}  // namespace recforce::algos
