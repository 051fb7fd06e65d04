// SPDX-License-Identifier: Apache-2.0
// The minibatches of an epoch, for everything that learns from sparse rows of clicks. Shapes: B users, K latent.
#pragma once

#include <cstdint>

#include "algos/common/row_actor.h"
#include "nn/torch.h"
#include "recforce/base/stop_flag.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct RowBatchOptions {
  std::int64_t batch_size = 500;
  std::int64_t latent = 0;  // numbers of noise for each user; 0: none
  double noise_std = 1.0;   // their deviation; 0: no noise
  std::uint64_t seed = 1;
  torch::Device device = torch::kCPU;  // of the noise
};

// Names the random streams of an epoch of a phase.
std::uint64_t EpochId(std::int64_t phase, std::int64_t epoch);

// Calls `step` for each minibatch with fresh masks and noise [B, K] (undefined where there is none), in random order,
// without autograd; the last may be smaller. All of it is a function of rows, options and epoch_id. context: what stops
// it and hears of progress; may be null. Error(Interrupted) between batches.
// DIFFERS: the authors of RaCT drop the last partial batch, which would drop every user of a small log.
void ForEachRowBatch(const core::TrainView& view, const RowBatchOptions& options, std::uint64_t epoch_id,
                     const KeepRange& keep, const core::EpochContext* context, const RowActor::BatchStep& step);

}  // namespace recforce::algos
