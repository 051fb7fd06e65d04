// SPDX-License-Identifier: Apache-2.0
// Alternating updates of RecVAE's encoder and decoder.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "algos/recvae/network.h"
#include "nn/adam.h"
#include "recforce/core/recommender.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct RecvaeOptions {
  RecvaeShape shape;
  double learning_rate = 5e-4;
  double gamma = 0.005;  // weight of KL for each click of a user
  double keep = 0.5;     // probability that the encoder sees a click while it is updated
  std::int64_t batch_size = 500;
  std::int64_t encoder_passes = 3;
  std::int64_t decoder_passes = 1;
};

// All that is learnt. `old` is the encoder whose posterior is part of the prior.
struct RecvaeModel {
  NamedTensors encoder, old, decoder;
  // `old` starts as the encoder does.
  static RecvaeModel Init(const RecvaeShape& shape, std::uint64_t seed, torch::Device device);
};

// The loss of a batch, mean over users of nll + gamma n KL, with its gradients.
struct RecvaeGradients {
  double nll = 0.0;  // sums over users
  double kl = 0.0;
  std::vector<torch::Tensor> gradients;
};

class RecvaePass {
 public:
  // By the encoder's tensors, in their order. noise: [B, K].
  RecvaeGradients ForEncoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise,
                             double gamma);
  // By the decoder's two tensors; the KL term does not depend on them and is not computed.
  RecvaeGradients ForDecoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise);

 private:
  // Leaves the gradient of the mean nll by the logits in logits_.
  double Decode(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise);

  EncoderPass encoder_, old_;
  torch::Tensor sigma_, z_, logits_memory_, logits_;
};

// Scores with z = mu; histories are L2-normalised. Shares the memory of its tensors.
class RecvaeRecommender final : public core::Recommender {
 public:
  RecvaeRecommender(NamedTensors encoder, NamedTensors decoder)
      : encoder_(std::move(encoder)), decoder_(std::move(decoder)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return decoder_.at(0).size(0); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  NamedTensors encoder_, decoder_;
};

class RecvaeLearner {
 public:
  RecvaeLearner(const core::TrainView& view, const RecvaeOptions& options, const core::TrainerContext& context);

  // encoder_passes over the users for the encoder, the old encoder becomes the new, decoder_passes for the decoder.
  core::Metrics Epoch(const core::EpochContext& context);

  void KeepBest();
  void RestoreBest();
  void Export(base::TensorSet& set) const;
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }

 private:
  using Step = std::function<void(const nn::RowBatch&, const torch::Tensor& noise)>;
  void ForEachBatch(std::uint64_t pass, double keep, const core::EpochContext& context, const Step& step);
  // KL and likelihood summed over the users of one pass.
  RecvaeGradients EncoderPassOver(std::uint64_t pass, const core::EpochContext& context);
  double DecoderPassOver(std::uint64_t pass, const core::EpochContext& context);

  core::TrainView view_;
  RecvaeOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  RecvaeModel model_;
  RecvaeRecommender recommender_;  // shares the memory of model_
  RecvaePass pass_;
  nn::Adam encoder_adam_, decoder_adam_;
  struct Best {
    NamedTensors encoder, decoder;
  };
  std::optional<Best> best_;
  std::int64_t steps_done_ = 0;  // of the epoch, for progress
};

}  // namespace recforce::algos
