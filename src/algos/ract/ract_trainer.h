// SPDX-License-Identifier: Apache-2.0
// The three stages of RaCT (spec, 1.5): actor by likelihood; critic by regression on the metric, actor frozen;
// both at once. Only the likelihood feature depends on the actor, so the gradient of -mean C by the actor is
// that of mean w_u nll_u with w_u = -dC/d nll_u held constant: no second pass through the critic's graph.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algos/common/actor_learner.h"
#include "algos/ract/critic.h"
#include "algos/ract/ract.h"
#include "nn/adam.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

AutoencoderShape ActorShape(const RactConfig& config, std::int64_t num_items);

class RactTrainer final : public core::Trainer {
 public:
  RactTrainer(const RactConfig& config, const core::TrainView& view, const core::TrainerContext& context);

  // "actor", "critic", "finetune"; the controls have no "critic". Stages of zero epochs are left out.
  [[nodiscard]] std::vector<core::Phase> Phases() const override { return phases_; }
  void BeginPhase(std::int64_t phase) override;
  core::Metrics Epoch(const core::EpochContext& context) override;
  [[nodiscard]] const core::Recommender& Current() const override { return actor_.recommender(); }
  void KeepBest() override;
  void EndPhase() override;
  [[nodiscard]] base::TensorSet Export() const override;
  [[nodiscard]] base::TensorSet SaveState() const override;
  void LoadState(const base::TensorSet& state, std::int64_t phase) override;

  [[nodiscard]] const AutoencoderParams& actor() const { return actor_.params(); }
  [[nodiscard]] const Critic& critic() const { return critic_; }
  [[nodiscard]] const CriticNormaliser& normaliser() const { return normaliser_; }

 private:
  [[nodiscard]] const std::string& StageOf(std::int64_t phase) const;
  // Whether the critic is used for the first time in this phase.
  [[nodiscard]] bool MeetsCritic(const std::string& stage) const;
  void MeasureFeatures(const core::EpochContext& context);
  core::Metrics CriticEpoch(const core::EpochContext& context);
  core::Metrics FinetuneEpoch(const core::EpochContext& context);
  core::Metrics ControlEpoch(const core::EpochContext& context);

  RactConfig config_;
  std::vector<core::Phase> phases_;
  ActorLearner actor_;
  Critic critic_;
  nn::Adam critic_adam_;
  CriticNormaliser normaliser_ = CriticNormaliser::AuthorsIdentity();
  std::int64_t phase_ = -1;
};

}  // namespace recforce::algos
