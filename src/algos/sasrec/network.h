// SPDX-License-Identifier: Apache-2.0
// The parameters of SASRec (Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018), in one flat
// tensor: a gradient, a step of Adam and a copy are one loop each. Equations: docs/algorithms/sasrec.md.
// Shapes: I items, D hidden units, F inner units of the feed-forward layers, M the longest sequence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

struct SasrecShape {
  std::int64_t items = 0;
  std::int64_t hidden = 64;
  std::int64_t inner = 64;
  std::int64_t blocks = 2;
  std::int64_t heads = 1;
  std::int64_t max_length = 200;
  bool norm_last = false;  // x := norm(x + f(x)) instead of x := x + f(norm(x)) with a norm at the end
  bool gelu = false;       // of the feed-forward layers; else ReLU
};

// Where a tensor lies in the flat one.
struct Piece {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
};

// Offsets of one block's tensors.
struct BlockOffsets {
  std::int64_t norm1_gain, norm1_bias;   // [D]
  std::int64_t qkv, qkv_bias;            // [3 D, D], [3 D]
  std::int64_t mix, mix_bias;            // [D, D], [D]
  std::int64_t norm2_gain, norm2_bias;   // [D]
  std::int64_t expand, expand_bias;      // [F, D], [F]
  std::int64_t contract, contract_bias;  // [D, F], [D]
};

struct SasrecLayout {
  explicit SasrecLayout(const SasrecShape& shape);
  std::vector<Piece> pieces;  // in the order of their offsets; the item table first
  std::vector<BlockOffsets> blocks;
  std::int64_t item = 0;                        // [I, D]
  std::int64_t position = 0;                    // [M, D]
  std::int64_t norm_gain = -1, norm_bias = -1;  // [D], unless norm_last
  std::int64_t size = 0;
};

struct SasrecParams {
  SasrecShape shape;
  torch::Tensor flat;  // [SasrecLayout(shape).size]

  // Tables normal with deviation 0.02, matrices Xavier uniform, gains 1, biases 0.
  static SasrecParams Init(const SasrecShape& shape, std::uint64_t seed, torch::Device device);
  static SasrecParams Load(const SasrecShape& shape, const base::TensorSet& set, const std::string& prefix,
                           torch::Device device);
  void Save(base::TensorSet& set, const std::string& prefix) const;
};

// A view of one tensor.
torch::Tensor PieceOf(const torch::Tensor& flat, const SasrecLayout& layout, const std::string& name);

}  // namespace recforce::algos
