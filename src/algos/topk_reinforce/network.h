// SPDX-License-Identifier: Apache-2.0
// The parameters of the policy and what is served of them. Shapes: I items, M inputs, N units of the state, C contexts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "algos/topk_reinforce/heads.h"
#include "nn/recurrent.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"

namespace recforce::algos {

struct PolicyShape {
  std::int64_t items = 0;
  std::int64_t embedding = 64;  // M
  std::int64_t hidden = 128;    // N
  nn::Cell cell = nn::Cell::kCfn;
  std::int64_t contexts = 0;  // C: of requests; 0: not looked at

  [[nodiscard]] nn::RecurrentShape Layer() const { return {.cell = cell, .inputs = embedding, .units = hidden}; }
};

struct PolicyParams {
  PolicyShape shape;
  torch::Tensor inputs;  // U [I + 1, M]; the last row is the start of every user
  nn::RecurrentParams layer;
  HeadTable pi;    // V [I, N]
  HeadTable beta;  // [I, N]
  // [C, N] or undefined. Both heads see s * (1 + gates[c]) where the context c of the request is known, else s: the
  // paper's "label context". Zero at first.
  torch::Tensor gates;

  static PolicyParams Init(const PolicyShape& shape, std::uint64_t seed, torch::Device device);
  static PolicyParams Load(const PolicyShape& shape, const base::TensorSet& set, const std::string& prefix,
                           torch::Device device);
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Valid as long as this lives: inputs, both heads' weight and bias, the layer, then the gates where there are any.
  [[nodiscard]] std::vector<torch::Tensor*> All();
  [[nodiscard]] PolicyParams Clone() const;
  void CopyFrom(const PolicyParams& other);
};

// states [R, N] * (1 + gates[context]), a row of which the context is -1 as it is. contexts: [R]
torch::Tensor InContext(const torch::Tensor& states, const torch::Tensor& gates,
                        std::span<const std::int32_t> contexts);

// Scores are the policy's logits after the user's history, log pi up to a constant: (s v + b) / temperature. Shares the
// memory of `params`.
class PolicyRecommender final : public core::Recommender {
 public:
  PolicyRecommender(PolicyParams params, double temperature) : params_(std::move(params)), temperature_(temperature) {}
  [[nodiscard]] std::int64_t NumItems() const override { return params_.shape.items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  PolicyParams params_;
  double temperature_;
};

}  // namespace recforce::algos
