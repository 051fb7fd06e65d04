// SPDX-License-Identifier: Apache-2.0
// Learns an autoencoder from whole rows: Multi-DAE, Multi-VAE, their linear relatives and the first stage of RaCT are
// this with different options, and the other stages of RaCT use it as a RowActor.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "algos/common/autoencoder.h"
#include "algos/common/row_actor.h"
#include "algos/common/row_batches.h"
#include "algos/common/row_error.h"
#include "nn/adam.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct ActorOptions {
  AutoencoderShape shape;
  double keep = 0.5;       // Epoch: probability that the encoder sees a click
  double noise_std = 1.0;  // deviation of z around its posterior, in units of sigma
  double learning_rate = 1e-3;
  double l2 = 0.0;  // Epoch: the loss gains this times the squared norm of all parameters
  double kl_cap = 0.2;
  std::int64_t kl_anneal_steps = 200000;
  std::int64_t batch_size = 500;
  RowErrorKind error = RowErrorKind::kMultinomial;
  double positive_weight = 5.0;  // of clicks in kSquare; all other items have 1
  bool xavier_normal = false;    // first values as RecBole's (AutoencoderParams::Init)
};

// min(step / anneal_steps, cap): the weight of KL at an optimiser step, counted from 0.
double KlWeight(std::int64_t step, std::int64_t anneal_steps, double cap);

class ActorLearner final : public RowActor {
 public:
  ActorLearner(const core::TrainView& view, const ActorOptions& options, const core::TrainerContext& context);

  // One epoch of mean error + beta KL (RaCT spec, 1.5 stage 1). Measures "nll" or "square_error", the mean over users;
  // variational: "kl" and "kl_weight", too.
  core::Metrics Epoch(const core::EpochContext& context) override;

  void ForEachBatch(std::uint64_t epoch_id, const KeepRange& keep, const core::EpochContext* context,
                    const BatchStep& step) override;
  // With the share of clicks that Epoch shows.
  void ForEachBatch(std::uint64_t epoch_id, const core::EpochContext* context, const BatchStep& step);
  void Forward(const nn::RowBatch& batch, const torch::Tensor& noise) override;
  torch::Tensor& logits() override { return pass_.logits; }
  [[nodiscard]] const torch::Tensor& bias() const override { return params_.output_bias; }
  [[nodiscard]] const torch::Tensor& hidden() const override { return pass_.hidden(); }
  [[nodiscard]] const torch::Tensor& items() const override { return params_.output; }
  [[nodiscard]] std::vector<double> Kl() const override { return pass_.Kl(); }

  std::vector<double> Errors(const nn::RowBatch& batch) override;
  void ErrorGradient(const nn::RowBatch& batch, std::span<const double> weight) override;

  void ResetOptimizer(double learning_rate) override;
  void Step(const nn::RowBatch& batch, double kl_weight) override;

  void KeepBest() override;
  void RestoreBest() override;

  void Export(base::TensorSet& set) const override { params_.Save(set, ""); }
  void Save(base::TensorSet& set) const override;
  void Load(const base::TensorSet& set) override;

  [[nodiscard]] const core::Recommender& recommender() const override { return recommender_; }
  [[nodiscard]] const core::TrainView& view() const override { return view_; }
  [[nodiscard]] torch::Device device() const override { return device_; }

  AutoencoderParams& params() { return params_; }
  [[nodiscard]] const AutoencoderParams& params() const { return params_; }

 private:
  core::TrainView view_;
  ActorOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  AutoencoderParams params_;
  AutoencoderRecommender recommender_;  // shares the memory of params_
  AutoencoderPass pass_;
  RowError error_;
  nn::Adam adam_;
  std::int64_t step_ = 0;  // steps of Epoch so far: the clock of the KL weight
  std::optional<AutoencoderParams> best_;
};

}  // namespace recforce::algos
