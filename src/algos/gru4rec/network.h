// SPDX-License-Identifier: Apache-2.0
// The parameters of GRU4Rec and the recommender that they make. Shapes: I items, D the width of the last layer, M that
// of the items that go in (D where the table is shared).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/recurrent.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"

namespace recforce::algos {

struct Gru4recShape {
  std::int64_t items = 0;
  std::vector<std::int64_t> layers = {100};
  std::int64_t embedding = 0;  // M; 0: the table of the output serves as that of the input
  nn::Cell cell = nn::Cell::kGru;

  [[nodiscard]] std::int64_t output() const { return layers.back(); }                             // D
  [[nodiscard]] std::int64_t input() const { return embedding > 0 ? embedding : layers.back(); }  // M
  [[nodiscard]] nn::RecurrentShape Layer(std::size_t number) const;
};

struct Gru4recParams {
  Gru4recShape shape;
  torch::Tensor items;   // [I, D]
  torch::Tensor bias;    // [I]
  torch::Tensor inputs;  // [I, M]; undefined where `items` serves
  std::vector<nn::RecurrentParams> layers;

  static Gru4recParams Init(const Gru4recShape& shape, std::uint64_t seed, torch::Device device);
  static Gru4recParams Load(const Gru4recShape& shape, const base::TensorSet& set, const std::string& prefix,
                            torch::Device device);
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // All tensors in a fixed order: items, bias, inputs where defined, then layer by layer.
  [[nodiscard]] std::vector<torch::Tensor*> All();  // valid as long as this lives
  [[nodiscard]] Gru4recParams Clone() const;
  void CopyFrom(const Gru4recParams& other);
  [[nodiscard]] const torch::Tensor& InputTable() const { return inputs.defined() ? inputs : items; }
};

// Scores every item for what follows the last event. Shares the memory of `params`. A user without events gets the
// biases.
class Gru4recRecommender final : public core::Recommender {
 public:
  explicit Gru4recRecommender(Gru4recParams params) : params_(std::move(params)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return params_.shape.items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  Gru4recParams params_;
};

}  // namespace recforce::algos
