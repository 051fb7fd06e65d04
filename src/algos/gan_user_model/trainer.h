// SPDX-License-Identifier: Apache-2.0
// The trainer of user models: an ensemble of learners, their validation by choices, and the scale of utilities.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "algos/gan_user_model/learner.h"
#include "algos/gan_user_model/user_model.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct GanTrainerOptions {
  ModelOptions model;
  LearnerOptions learner;
  std::vector<float> features;  // [I, F], standardised; empty without
  std::int64_t epochs = 1;
  std::int64_t game_epochs = 0;  // 0: no game
  std::int64_t patience = 0;
  bool temperature = true;
  bool offset_unknown = false;  // nothing in the displays says what a reward of 0 is
};

class GanTrainer final : public core::Trainer {
 public:
  // REQUIRES: view.displays
  GanTrainer(const core::TrainView& view, GanTrainerOptions options, const core::TrainerContext& context);

  [[nodiscard]] std::vector<core::Phase> Phases() const override;
  void BeginPhase(std::int64_t phase) override;
  core::Metrics Epoch(const core::EpochContext& context) override;
  [[nodiscard]] const core::Recommender& Current() const override;
  [[nodiscard]] std::optional<double> Validate(const base::StopFlag* stop) override;
  void KeepBest() override;
  void EndPhase() override;
  [[nodiscard]] base::TensorSet Export() const override;
  [[nodiscard]] base::TensorSet SaveState() const override;
  void LoadState(const base::TensorSet& state, std::int64_t phase) override;

 private:
  // The model as it is now; made anew after each change.
  const std::shared_ptr<const UserModel>& Model() const;
  void Changed();
  // Of what was shown in validation. REQUIRES: validation displays.
  [[nodiscard]] std::vector<float> ValidationRewards() const;
  // What utilities of these rewards are to be scaled by; 1 when they are not to be.
  [[nodiscard]] float FittedScale(std::span<const float> rewards) const;
  [[nodiscard]] std::vector<float> Utilities(std::span<const float> rewards, float scale) const;

  GanTrainerOptions options_;
  ClickIndex index_;
  const data::DisplaySet* validation_;  // null: none
  std::vector<std::unique_ptr<UserLearner>> learners_;
  float scale_ = 1.0F;  // of utilities; fitted when a phase ends
  mutable std::shared_ptr<const UserModel> model_;
  mutable std::unique_ptr<UserRecommender> recommender_;
};

}  // namespace recforce::algos
