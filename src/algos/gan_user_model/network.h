// SPDX-License-Identifier: Apache-2.0
// The parameters of a user model and its rewards with autograd, for training. As it is used: UserNet.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "algos/gan_user_model/shape.h"
#include "algos/gan_user_model/shards.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

// How a parameter is treated.
enum class PartKind : std::uint8_t {
  kItemTable,  // [I, d]: steps and gradients name their rows
  kItemBias,   // [I]: likewise, with a decay of its own
  kWeight,     // decays
  kRepeat,     // decays, in longer steps
  kPlain,      // does not
  kNoClick,    // reward of choosing nothing: its gradient comes from the loss
};

// Parts that are kept item by item.
inline bool ByItem(PartKind kind) { return kind == PartKind::kItemTable || kind == PartKind::kItemBias; }

struct Part {
  std::string name;
  std::vector<std::int64_t> shape;
  PartKind kind = PartKind::kPlain;
};

// The parts of a shape in a fixed order, and where the network finds them; -1: it has none.
struct UserParts {
  UserParts(const UserShape& shape, bool no_click);
  std::vector<Part> list;
  std::int64_t embedding = -1, item_bias = -1, repeat = -1, feature = -1, position = -1, position_bias = -1,
               lstm_input = -1, lstm_hidden = -1, lstm_bias = -1, state = -1, item = -1, first_bias = -1, out = -1,
               out_bias = -1, no_click = -1;
  std::vector<std::int64_t> weights, biases;  // of layers after the first

 private:
  std::int64_t Add(std::string name, std::vector<std::int64_t> extents, PartKind kind);
};

// First values. Defaults: embeddings normal with deviation `item_deviation`, layers Kaiming, the last one a tenth of
// it, position weights normal with deviation 0.3, an LSTM Glorot uniform, biases and repeats 0.
struct InitOptions {
  bool authors = false;  // position weights 1e-4, layers truncated normal with deviation 0.1, 1e-3 for positions
  double item_deviation = 0.2;
  double position_weight = 0.0;  // every position weight; 0: drawn
  double no_click = 0.0;
  std::uint64_t seed = 1;
  std::uint64_t number = 0;  // of the network: names its random streams
};

// Tensors in the order of UserParts.list.
std::vector<torch::Tensor> InitParts(const UserShape& shape, const UserParts& parts, const InitOptions& options,
                                     torch::Device device);
std::vector<torch::Tensor> LoadParts(const UserParts& parts, const base::TensorSet& set, const std::string& prefix,
                                     torch::Device device);
void SaveParts(const UserParts& parts, std::span<const torch::Tensor> tensors, base::TensorSet& set,
               const std::string& prefix);

// Rewards of a shard's rows, [R], on the tensors' device. `tensors`: as UserParts.list, except that the item table and
// the item bias hold the rows of shard.items alone; `features`: likewise [N, F], undefined without features.
torch::Tensor ShardRewards(const UserShape& shape, const UserParts& parts, std::span<const torch::Tensor> tensors,
                           const torch::Tensor& features, const Shard& shard);

}  // namespace recforce::algos
