// SPDX-License-Identifier: Apache-2.0
// Steps of users and updates of the networks, one after the other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "algos/cdqn/networks.h"
#include "algos/cdqn/policy.h"
#include "algos/cdqn/replay.h"
#include "algos/cdqn/scorer.h"
#include "algos/cdqn/step.h"
#include "algos/cdqn/targets.h"
#include "algos/cdqn/users.h"
#include "nn/adam.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

struct CdqnOptions {
  CdqnShape shape;
  TargetOptions target;
  CdqnServing serving;
  CdqnLoss loss = CdqnLoss::kSquared;
  bool double_q = false;
  bool click_reward = false;  // +1 for a click, -1 for none, instead of the environment's
  std::int64_t steps = 1;     // of a return
  double discount = 0.9;
  std::int64_t batch_size = 128;
  double learning_rate = 1e-3;
  double learning_rate_end = 0.1;  // share of it that is left at the end
  double clip = 10.0;
  std::int64_t epochs = 16;
  std::int64_t updates_per_epoch = 500;
  std::int64_t users = 64;
  std::int64_t replay = 50000;
  std::int64_t warmup = 1000;
  double epsilon_start = 1.0;
  double epsilon_end = 0.1;
  double epsilon_decay = 0.5;  // share of all updates
  double epsilon_item = 0.0;
  std::int64_t target_sync = 100;
  double polyak = 0.0;  // > 0: instead of target_sync
  std::int64_t shortlist = 0;
  std::int64_t validation_users = 256;
};

// What only an environment tells, and a trained model keeps.
struct CdqnWorld {
  std::int64_t items = 0;
  std::int64_t features = 0;
  std::int64_t memory = 1;
  std::int64_t slate = 1;
  core::ChoiceRule rule = {};
};
CdqnOptions Completed(CdqnOptions options, const CdqnWorld& world);

// Mean over states and positions j < k of |Q^j - Q^k| at the cascade's slates: 0 for networks that agree, which the
// paper imposes as a soft constraint.
double ConstraintViolation(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent, std::int64_t slate);

class CdqnLearner {
 public:
  CdqnLearner(const core::TrainView& view, const CdqnOptions& options, const core::TrainerContext& context);

  core::Metrics Epoch(const core::EpochContext& context);
  // The mean discounted reward of the greedy policy over the horizon, of users that are not trained on.
  std::optional<double> Validate(const base::StopFlag* stop);

  void KeepBest();
  void RestoreBest();
  void Export(base::TensorSet& set) const;
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }

 private:
  [[nodiscard]] double Epsilon() const;
  [[nodiscard]] double LearningRate() const;
  // What the users are shown next: with probability epsilon a random subset, else the greedy slate, each of whose items
  // is replaced by a random one with a probability of its own.
  void Act(const core::Episodes& episodes, base::MatrixView<std::int32_t> slates) const;
  void Replace(base::Rng& rng, std::span<std::int32_t> slate) const;
  void Interact(ShownTotals& totals);
  double Update();
  void RenewTarget();

  const core::Environment& environment_;
  core::EpisodePlan plan_;
  CdqnOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  CdqnParams params_;
  std::shared_ptr<CdqnScorer> scorer_;  // of params_
  CdqnRecommender recommender_;
  CdqnPolicy policy_;
  CdqnParams target_params_;
  CdqnScorer target_;  // of target_params_
  nn::Adam adam_;
  CdqnStep step_;
  Replay replay_;
  CdqnUsers users_;
  torch::Tensor best_;  // undefined until there is one
  std::int64_t updates_ = 0;
};

}  // namespace recforce::algos
