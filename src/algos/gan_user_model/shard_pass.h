// SPDX-License-Identifier: Apache-2.0
// The network of a user model over a shard, forwards and backwards, on the calling thread and without a tape: the
// rewards of ShardRewards and their gradients. In steps of so few numbers a tape costs more than the arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "algos/gan_user_model/network.h"

namespace recforce::algos {

// Of states by positions, or none. T: float or double. Keeps its memory between calls; one a thread.
template <class T>
class ShardPass {
 public:
  // Both must outlive the pass.
  ShardPass(const UserShape& shape, const UserParts& parts) : shape_(shape), parts_(parts) {}

  // Rewards of the shard's rows, [R]. tensors: as UserParts.list, whole, contiguous, on the CPU; features: [I, F]
  // likewise, undefined without.
  std::span<const T> Forward(std::span<const torch::Tensor> tensors, const torch::Tensor& features, const Shard& shard);
  // After Forward with the same shard: gradients as UserParts.list, of parts that are kept item by item those of the
  // rows shard.items; none of choosing nothing. slope: [R] by the rewards.
  std::vector<torch::Tensor> Backward(const Shard& shard, std::span<const T> slope);

 private:
  [[nodiscard]] const T* Part(std::int64_t part) const { return values_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] T* Gradient(std::int64_t part) const;
  void TakeItems(const torch::Tensor& features, const Shard& shard);
  void TakeStates(const Shard& shard);
  // From the gradient by the last hidden layer's outputs to that by the sums before the first one.
  T* BackThroughLayers(std::int64_t rows, T* d);
  void BackThroughStates(const Shard& shard, T* d_states, T* d_items);

  const UserShape& shape_;
  const UserParts& parts_;
  std::vector<const T*> values_;          // of the parts
  std::vector<torch::Tensor> gradients_;  // of the parts
  std::vector<T> items_, features_;       // [N, d], [N, F]
  std::vector<T> states_;                 // [E, S]
  std::vector<T> by_item_, by_choice_;    // [N, first], [E, first]: what they give to the first layer
  std::vector<std::vector<T>> hidden_;    // [R, width] outputs, layer by layer
  std::vector<T> rewards_;                // [R]
  std::vector<T> d_hidden_, d_below_, d_by_item_, d_by_choice_, d_states_;
};

}  // namespace recforce::algos
