// SPDX-License-Identifier: Apache-2.0
// One optimiser step of SASRec after the other. On the CPU a batch is cut into shards of users by its lengths alone;
// each shard runs on one thread into a gradient of its own, and gradients are added in the order of shards.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "algos/sasrec/loss.h"
#include "algos/sasrec/network.h"
#include "algos/sasrec/pass.h"
#include "nn/adam.h"
#include "recforce/base/idle_list.h"
#include "recforce/core/recommender.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct SasrecOptions {
  SasrecShape shape;
  std::int64_t batch_size = 32;
  double learning_rate = 1e-3;
  double keep = 0.8;  // of dropout
  SasrecLoss loss = SasrecLoss::kFullCrossEntropy;
  std::int64_t negatives = 256;
};

// Scores every item for the position after the last event. Shares the memory of `params`. A user without events gets
// zeros.
class SasrecRecommender final : public core::Recommender {
 public:
  explicit SasrecRecommender(SasrecParams params) : params_(std::move(params)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return params_.shape.items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  [[nodiscard]] torch::Tensor LastStates(data::CsrView events) const;  // [B, D]
  SasrecParams params_;
};

class SasrecLearner {
 public:
  SasrecLearner(const core::TrainView& view, const SasrecOptions& options, const core::TrainerContext& context);

  // The mean loss of a position.
  core::Metrics Epoch(const core::EpochContext& context);

  void KeepBest();
  void RestoreBest();
  void Export(base::TensorSet& set) const { params_.Save(set, ""); }
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);
  [[nodiscard]] const SasrecParams& params() const { return params_; }
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }

 private:
  struct Worker {  // memory of a shard while it runs
    explicit Worker(const SasrecOptions& options) : pass(options.shape), loss(options.loss) {}
    SasrecPass<float> pass;
    NextItemLoss<float> loss;
    Sequences sequences;
    KeepMasks masks;
    std::vector<float> d_hidden;
  };

  [[nodiscard]] std::vector<std::vector<std::int32_t>> Shards(std::vector<std::int32_t> users) const;
  // Prepares sequences, negatives and masks of some users. Returns the masks to use, or null.
  const KeepMasks* Prepare(std::span<const std::int32_t> users, std::uint64_t epoch, Sequences& sequences,
                           KeepMasks& masks) const;
  // Both leave the mean's gradient in gradient_ and return the sum of the loss over the batch's `positions`.
  double GradientOnCpu(std::vector<std::int32_t> users, std::int64_t positions, std::uint64_t epoch);
  double GradientOnDevice(const std::vector<std::int32_t>& users, std::int64_t positions, std::uint64_t epoch);
  double RunShard(std::span<const std::int32_t> users, std::int64_t positions, std::uint64_t epoch, Worker& worker,
                  float* gradient) const;

  core::TrainView view_;
  SasrecOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  SasrecParams params_;
  SasrecRecommender recommender_;
  nn::Adam adam_;
  torch::Tensor gradient_;         // as the parameters
  torch::Tensor shard_gradients_;  // [shards, parameters]
  torch::Tensor best_;             // undefined until there is one
  base::IdleList<Worker> workers_;
};

}  // namespace recforce::algos
