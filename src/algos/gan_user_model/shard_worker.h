// SPDX-License-Identifier: Apache-2.0
// From a few users to what they say of the parameters: their shard, its rewards, how these are judged, and the
// gradients.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "algos/gan_user_model/choice_gradient.h"
#include "algos/gan_user_model/network.h"
#include "algos/gan_user_model/shard_pass.h"
#include "algos/gan_user_model/shards.h"

namespace recforce::algos {

// From a shard's rewards to the gradient by them, which begins as zeros; `number`: which shard of the batch.
using Judge = std::function<ChoiceSums(std::size_t number, const ChoiceSets& sets, std::span<const float> rewards,
                                       std::span<float> d_rewards)>;

struct ShardResult {
  std::vector<std::int32_t> items;
  std::vector<torch::Tensor> gradients;  // as UserParts.list, item by item those of `items`
  ChoiceSums sums;
  double reward = 0.0;  // the sum of what was shown
  std::int64_t choices = 0, shown = 0;
};

// Rows of tensors by item.
torch::Tensor RowIndex(const std::vector<std::int32_t>& items, torch::Device device);

// Keeps its memory between calls; one a thread.
class ShardWorker {
 public:
  // All but `features`, [I, F] or undefined, must outlive the worker.
  ShardWorker(const ClickIndex& index, const UserShape& shape, const UserParts& parts, torch::Tensor features,
              torch::Device device);
  // tensors: as UserParts.list, on the device.
  ShardResult Run(std::span<const torch::Tensor> tensors, std::size_t number, std::span<const std::int32_t> users,
                  const Judge& judge, bool with_gradient);

 private:
  // Has the rewards judged; slope: by the rewards.
  void Consider(std::size_t number, std::span<const float> rewards, const Judge& judge, std::span<float> slope,
                ShardResult& result) const;
  ShardResult RunPass(std::span<const torch::Tensor> tensors, std::size_t number, const Judge& judge,
                      bool with_gradient);
  // With autograd: LSTMs, and everything on another device.
  ShardResult RunTape(std::span<const torch::Tensor> tensors, std::size_t number, const Judge& judge,
                      bool with_gradient) const;

  const UserShape& shape_;
  const UserParts& parts_;
  torch::Tensor features_;
  torch::Device device_;
  ShardBuilder builder_;
  Shard shard_;
  ShardPass<float> pass_;
};

}  // namespace recforce::algos
