// SPDX-License-Identifier: Apache-2.0
// Alternating updates of RecVAE's encoder and decoder, and updates of both at once for RaCT.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "algos/common/recvae_network.h"
#include "algos/common/row_actor.h"
#include "algos/common/row_error.h"
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

// Gradients of a loss of the logits, in the order of the tensors of each network; the first of the encoder is of the
// touched rows only.
struct RecvaeBothGradients {
  std::vector<torch::Tensor> encoder, decoder;
};

class RecvaePass {
 public:
  // Leaves `logits` without the decoder's bias. noise: [B, K], or undefined for none (z = mu).
  void Forward(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise);
  // `logits` now hold dL/dlogits. REQUIRES: Forward with the same batch.
  RecvaeBothGradients Backward(const RecvaeModel& model, const nn::RowBatch& batch);
  // The code, of the last Forward: [B, K].
  [[nodiscard]] const torch::Tensor& z() const { return z_; }

  // By the encoder's tensors, in their order. noise: [B, K].
  RecvaeGradients ForEncoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise,
                             double gamma);
  // By the decoder's two tensors; the KL term does not depend on them and is not computed.
  RecvaeGradients ForDecoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise);

  torch::Tensor logits;  // [B, I]

 private:
  // The summed nll of the last Forward; leaves the gradient of its mean in `logits`.
  double MeanNllGradient(const RecvaeModel& model, const nn::RowBatch& batch);
  [[nodiscard]] std::vector<torch::Tensor> DecoderGradients() const;

  EncoderPass encoder_, old_;
  torch::Tensor noise_, sigma_, z_, logits_memory_;
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

// A recommender from exported tensors, on the device called `device`. Error(Data) when they do not fit the shape.
std::unique_ptr<core::Recommender> LoadRecvae(const RecvaeShape& shape, const base::TensorSet& tensors,
                                              const std::string& device);

class RecvaeLearner final : public RowActor {
 public:
  RecvaeLearner(const core::TrainView& view, const RecvaeOptions& options, const core::TrainerContext& context);

  // encoder_passes over the users for the encoder, the old encoder becomes the new, decoder_passes for the decoder.
  core::Metrics Epoch(const core::EpochContext& context) override;

  void ForEachBatch(std::uint64_t epoch_id, const KeepRange& keep, const core::EpochContext* context,
                    const BatchStep& step) override;
  void Forward(const nn::RowBatch& batch, const torch::Tensor& noise) override;
  torch::Tensor& logits() override { return pass_.logits; }
  [[nodiscard]] const torch::Tensor& bias() const override { return model_.decoder.at(1); }
  [[nodiscard]] const torch::Tensor& hidden() const override { return pass_.z(); }  // the code, [B, K]
  [[nodiscard]] const torch::Tensor& items() const override { return model_.decoder.at(0); }
  // Zeros: the composite KL is an estimate at a sample, weighted by the clicks of each user, and Epoch's alone.
  [[nodiscard]] std::vector<double> Kl() const override;

  std::vector<double> Errors(const nn::RowBatch& batch) override;
  void ErrorGradient(const nn::RowBatch& batch, std::span<const double> weight) override;

  // Both networks get an Adam of their own; Epoch, too, goes on with these.
  void ResetOptimizer(double learning_rate) override;
  // Updates encoder and decoder together. Error(Usage) unless kl_weight is 0: there is no KL to follow.
  void Step(const nn::RowBatch& batch, double kl_weight) override;

  void KeepBest() override;
  void RestoreBest() override;
  void Export(base::TensorSet& set) const override;
  void Save(base::TensorSet& set) const override;
  void Load(const base::TensorSet& set) override;

  [[nodiscard]] const core::Recommender& recommender() const override { return recommender_; }
  [[nodiscard]] const core::TrainView& view() const override { return view_; }
  [[nodiscard]] torch::Device device() const override { return device_; }

 private:
  // KL and likelihood summed over the users of one pass.
  RecvaeGradients EncoderPassOver(std::uint64_t pass, const core::EpochContext& context);
  double DecoderPassOver(std::uint64_t pass, const core::EpochContext& context);
  void UpdateEncoder(const nn::RowBatch& batch, const std::vector<torch::Tensor>& gradients);
  void UpdateDecoder(const std::vector<torch::Tensor>& gradients);

  core::TrainView view_;
  RecvaeOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  RecvaeModel model_;
  RecvaeRecommender recommender_;  // shares the memory of model_
  RecvaePass pass_;
  RowError error_{RowErrorKind::kMultinomial};
  nn::Adam encoder_adam_, decoder_adam_;
  struct Best {
    NamedTensors encoder, decoder;
  };
  std::optional<Best> best_;
};

}  // namespace recforce::algos
