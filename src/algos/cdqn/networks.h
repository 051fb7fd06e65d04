// SPDX-License-Identifier: Apache-2.0
// The parameters of Q networks over slates (Chen et al., "Generative Adversarial User Model for Reinforcement Learning
// Based Recommendation System", ICML 2019, equation 9), in one flat tensor: a gradient, a step of Adam and a copy are
// one loop each. Equations: docs/algorithms/cdqn.md.
// Shapes: I items, d learnt and F given numbers of an item, D = d + F, m clicks in a state, n sums of them, H units.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algos/common/dense.h"
#include "nn/torch.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

struct CdqnShape {
  std::int64_t items = 0;
  std::int64_t features = 0;
  std::int64_t embedding = 32;
  std::int64_t memory = 1;
  std::int64_t sums = 1;       // 1 where memory is 1
  std::int64_t positions = 1;  // networks, or first-layer biases of the shared one
  bool shared = false;         // one network that sees the mean of the items before, for all positions
  std::vector<std::int64_t> hidden = {256, 32};

  [[nodiscard]] std::int64_t item_width() const { return embedding + features; }
  [[nodiscard]] std::int64_t state_width() const { return sums * item_width(); }
  // Of what stands before the item that is judged: the state and the items before.
  [[nodiscard]] std::int64_t context_width(std::int64_t position) const {
    return state_width() + item_width() * (shared ? 1 : position);
  }
  // The position whose parameters stand for `position`: the shared network goes on with its last.
  [[nodiscard]] std::int64_t Known(std::int64_t position) const {
    return shared && position >= positions ? positions - 1 : position;
  }
};

struct CdqnPiece {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;
};

struct CdqnLayout {
  explicit CdqnLayout(const CdqnShape& shape);
  std::vector<CdqnPiece> pieces;  // in the order of their offsets; the item table first
  std::int64_t table = 0;         // [I + 1, d]; row I stands for no item
  std::int64_t weights = -1;      // [n, m] of the sums; none where m is 1, where the state is the item itself
  std::int64_t networks = 0;      // where layers begin
  std::int64_t size = 0;
  // Layers of the network that judges a position. REQUIRES: position < shape.positions.
  [[nodiscard]] const std::vector<DenseLayer>& Layers(std::int64_t position) const {
    return layers_[static_cast<std::size_t>(position)];
  }

 private:
  std::int64_t Add(std::string name, std::vector<std::int64_t> extents);
  std::vector<std::vector<DenseLayer>> layers_;
};

struct CdqnParams {
  CdqnShape shape;
  torch::Tensor flat;      // [CdqnLayout(shape).size]
  torch::Tensor features;  // [I, F] as given, never learnt

  // Items normal with deviation 1/sqrt(d), matrices Xavier uniform, biases 0.
  static CdqnParams Init(const CdqnShape& shape, base::MatrixView<const float> features, std::uint64_t seed,
                         torch::Device device);
  // Error(Data) for tensors of another shape.
  static torch::Tensor LoadFlat(const CdqnShape& shape, const base::TensorSet& set, const std::string& prefix,
                                torch::Device device);
  static void SaveFlat(const CdqnShape& shape, const torch::Tensor& flat, base::TensorSet& set,
                       const std::string& prefix);
  [[nodiscard]] CdqnParams Copy() const { return {shape, flat.clone(), features}; }
};

}  // namespace recforce::algos
