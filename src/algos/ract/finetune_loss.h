// SPDX-License-Identifier: Apache-2.0
// What stages 2 and 3 of RaCT do with a minibatch that has been scored: a critic learns, the scores are replaced by the
// gradient that the actor follows, or both. Controls without a critic and pairwise losses are the same to the trainer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "algos/common/row_actor.h"
#include "nn/row_batch.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct RactConfig;

// Not thread-safe.
class FinetuneLoss {
 public:
  virtual ~FinetuneLoss() = default;
  [[nodiscard]] virtual bool has_critic() const { return false; }

  // Gathers what features look like, over the training users with masks and noise, before a critic is first used.
  // REQUIRES of all three: actor.Forward with the batch. Measure and LearnCritic leave actor.logits() of no use.
  virtual void Measure(RowActor& /*actor*/, const nn::RowBatch& /*batch*/) {}
  virtual void EndMeasure() {}
  // Stage 2.
  virtual void LearnCritic(RowActor& /*actor*/, const nn::RowBatch& /*batch*/) {}
  // Stage 3: actor.logits() become the gradient of the loss by them.
  virtual void Gradient(RowActor& actor, const nn::RowBatch& batch) = 0;

  // Of the batches since the last call.
  virtual core::Metrics TakeReport() = 0;

  virtual void Export(base::TensorSet& /*set*/) const {}  // what a bundle keeps beside the actor
  virtual void Save(base::TensorSet& /*set*/) const {}    // all that the calls above depend on
  virtual void Load(const base::TensorSet& /*set*/) {}    // Error(Data) when it does not fit
};

// "critic", "nll", "nll_per_click", "unseen", "warp", "lambdarank"
const std::vector<std::string>& FinetuneNames();

// By config.finetune. Error(Usage) for options that contradict each other.
std::unique_ptr<FinetuneLoss> MakeFinetuneLoss(const RactConfig& config, std::uint64_t seed, torch::Device device);

}  // namespace recforce::algos
