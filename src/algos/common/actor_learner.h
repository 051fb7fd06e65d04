// SPDX-License-Identifier: Apache-2.0
// Learns an autoencoder by maximum likelihood: Multi-DAE, Multi-VAE and the first stage of RaCT are this with
// different options, and the other stages of RaCT reuse its batches, its weights and its memory of the best.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "algos/common/autoencoder.h"
#include "nn/adam.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct ActorOptions {
  AutoencoderShape shape;
  double keep = 0.5;       // probability that the encoder sees a click
  double noise_std = 1.0;  // deviation of z around its posterior, in units of sigma
  double learning_rate = 1e-3;
  double l2 = 0.0;
  double kl_cap = 0.2;
  std::int64_t kl_anneal_steps = 200000;
  std::int64_t batch_size = 500;
};

// min(step / anneal_steps, cap): the weight of KL at an optimiser step, counted from 0.
double KlWeight(std::int64_t step, std::int64_t anneal_steps, double cap);

// Names the random streams of an epoch.
std::uint64_t EpochId(std::int64_t phase, std::int64_t epoch);

class ActorLearner {
 public:
  ActorLearner(const core::TrainView& view, const ActorOptions& options, const core::TrainerContext& context);

  // Calls `step` for each minibatch of the epoch with fresh masks and noise, in random order; the last may be
  // smaller. DIFFERS: the authors drop the last partial batch, which would drop every user of a small log.
  void ForEachBatch(std::uint64_t epoch_id, const core::EpochContext* context,
                    const std::function<void(const nn::RowBatch&, const torch::Tensor& noise)>& step);

  // One epoch of mean nll + beta KL (RaCT spec, 1.5 stage 1).
  core::Metrics Epoch(const core::EpochContext& context);

  // Adam with fresh moments for the weights, without l2.
  void ResetOptimizer(double learning_rate);
  // A step along the gradient of (what `pass().logits` hold) + kl_weight sum of KL.
  void Step(const nn::RowBatch& batch, double kl_weight);

  void KeepBest();
  void RestoreBest();

  void Export(base::TensorSet& set) const { params_.Save(set, ""); }
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);

  AutoencoderParams& params() { return params_; }
  [[nodiscard]] const AutoencoderParams& params() const { return params_; }
  AutoencoderPass& pass() { return pass_; }
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }
  [[nodiscard]] const core::TrainView& view() const { return view_; }
  [[nodiscard]] torch::Device device() const { return device_; }

 private:
  core::TrainView view_;
  ActorOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  AutoencoderParams params_;
  AutoencoderRecommender recommender_;  // shares the memory of params_
  AutoencoderPass pass_;
  nn::Adam adam_;
  std::int64_t step_ = 0;  // likelihood steps so far: the clock of the KL weight
  std::optional<AutoencoderParams> best_;
};

}  // namespace recforce::algos
