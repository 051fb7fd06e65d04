// SPDX-License-Identifier: Apache-2.0
// A network from sparse rows of clicks to a score for each item that learns from any gradient of its scores: what the
// stages of RaCT train (ract/ract_trainer.h), whatever its layers are. Shapes: B users, I items, K latent.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

// The share of a user's clicks that the network sees, drawn evenly between the two, both in (0, 1], for each user and
// epoch. Nothing is drawn where the two are equal.
struct KeepRange {
  double least = 0.5;
  double most = 0.5;
};

// Not thread-safe. Everything is a function of view, options and seed.
class RowActor {
 public:
  using BatchStep = std::function<void(const nn::RowBatch&, const torch::Tensor& noise)>;

  virtual ~RowActor() = default;

  // One epoch of the network's own training.
  virtual core::Metrics Epoch(const core::EpochContext& context) = 0;

  // Calls `step` for each minibatch of the epoch with fresh masks and noise, in random order; the last may be smaller.
  // Error(Interrupted) between batches.
  virtual void ForEachBatch(std::uint64_t epoch_id, const KeepRange& keep, const core::EpochContext* context,
                            const BatchStep& step) = 0;
  // Leaves logits() without bias(). noise: what ForEachBatch gave, or undefined for none.
  virtual void Forward(const nn::RowBatch& batch, const torch::Tensor& noise) = 0;
  virtual torch::Tensor& logits() = 0;                          // [B, I]
  [[nodiscard]] virtual const torch::Tensor& bias() const = 0;  // [I]
  // What the scores are made of: the row before the last layer, and that layer. Scores are hidden x items^T + bias.
  [[nodiscard]] virtual const torch::Tensor& hidden() const = 0;  // [B, H], of the last Forward
  [[nodiscard]] virtual const torch::Tensor& items() const = 0;   // [I, H]
  // KL of every row of the last Forward; zeros where there is none.
  [[nodiscard]] virtual std::vector<double> Kl() const = 0;

  // The error of each whole row, from logits(), which it overwrites; ErrorGradient may follow: logits() := the gradient
  // of sum over u of weight[u] error[u].
  virtual std::vector<double> Errors(const nn::RowBatch& batch) = 0;
  virtual void ErrorGradient(const nn::RowBatch& batch, std::span<const double> weight) = 0;

  // Adam with fresh moments and this step size, without l2, for Step.
  virtual void ResetOptimizer(double learning_rate) = 0;
  // A step along the gradient of (what logits() hold as dL/dlogits) + kl_weight times the sum of Kl().
  // REQUIRES: Forward with the same batch.
  virtual void Step(const nn::RowBatch& batch, double kl_weight) = 0;

  virtual void KeepBest() = 0;
  virtual void RestoreBest() = 0;

  virtual void Export(base::TensorSet& set) const = 0;  // as the recommender is loaded
  virtual void Save(base::TensorSet& set) const = 0;    // all that Epoch and Step depend on
  virtual void Load(const base::TensorSet& set) = 0;    // Error(Data) when it does not fit

  [[nodiscard]] virtual const core::Recommender& recommender() const = 0;
  [[nodiscard]] virtual const core::TrainView& view() const = 0;
  [[nodiscard]] virtual torch::Device device() const = 0;
};

}  // namespace recforce::algos
