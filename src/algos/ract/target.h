// SPDX-License-Identifier: Apache-2.0
// What the critic of RaCT learns to predict: NDCG@k of the actor's own ranking, computed on sparse rows. The
// clicks that the mask hid (H0) are relevant, those it showed (H1) leave the ranking. RaCT spec, 1.4.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"

namespace recforce::algos {

// logits: [B, I] without bias, bias: [I]; neither is changed. Returns [B] values in [0, 1]; 0 where H0 is empty.
// Equal scores: the lower item index first. k may exceed the number of items.
std::vector<double> NdcgTargets(const torch::Tensor& logits, const torch::Tensor& bias, const nn::RowBatch& batch,
                                std::int64_t k);

}  // namespace recforce::algos
