// SPDX-License-Identifier: Apache-2.0
// The stages of RaCT (spec, 1.5): the actor by itself; the critic by regression on the metric, actor frozen; both at
// once. What a minibatch does to critic and actor is FinetuneLoss's; what the actor is made of is RowActor's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "algos/common/row_actor.h"
#include "algos/ract/finetune_loss.h"
#include "algos/ract/ract.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

class RactTrainer final : public core::Trainer {
 public:
  RactTrainer(const RactConfig& config, const core::TrainView& view, const core::TrainerContext& context);

  // "actor", "critic", "finetune", unless `stages` says otherwise. Where nothing learns to be a critic there is no
  // "critic", and stages of zero epochs are left out.
  [[nodiscard]] std::vector<core::Phase> Phases() const override { return phases_; }
  void BeginPhase(std::int64_t phase) override;
  core::Metrics Epoch(const core::EpochContext& context) override;
  [[nodiscard]] const core::Recommender& Current() const override { return actor_->recommender(); }
  void KeepBest() override;
  void EndPhase() override;
  [[nodiscard]] base::TensorSet Export() const override;
  [[nodiscard]] base::TensorSet SaveState() const override;
  void LoadState(const base::TensorSet& state, std::int64_t phase) override;

  [[nodiscard]] RowActor& actor() { return *actor_; }

 private:
  [[nodiscard]] const std::string& StageOf(std::int64_t phase) const;
  // Whether the critic is used for the first time in this phase.
  [[nodiscard]] bool MeetsCritic(std::int64_t phase) const;
  void MeasureFeatures(const core::EpochContext& context);

  RactConfig config_;
  KeepRange keep_;
  std::unique_ptr<RowActor> actor_;
  std::unique_ptr<FinetuneLoss> loss_;
  std::vector<core::Phase> phases_;
  std::int64_t phase_ = -1;
};

}  // namespace recforce::algos
