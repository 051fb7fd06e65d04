// SPDX-License-Identifier: Apache-2.0
// Steps of episodes and updates of an agent's networks, one after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "algos/common/rating_tables.h"
#include "algos/drr/drr.h"
#include "algos/drr/model.h"
#include "algos/drr/replay.h"
#include "nn/flat_optimizer.h"
#include "sim/item_world.h"

namespace recforce::algos {

// Where the agent learns. Error(Usage) for a world that the log is no world for. `ratings` is needed by "rated" and
// must outlive the world.
std::shared_ptr<const sim::ItemWorld> MakeDrrWorld(const DrrConfig& config, const core::TrainView& view,
                                                   const RatingTables* ratings, std::uint64_t seed);

// Whether anybody in the log has enough for an episode there.
bool AnyEpisodes(const DrrConfig& config, const core::TrainView& view);

// The agent of a configuration, in a world of slates of `slate` that pays within [least, most].
AgentOptions AgentOptionsOf(const DrrConfig& config, std::int64_t dim, std::int64_t slate, double least, double most);

// Adam for one number: the logarithm of SAC's temperature.
struct ScalarAdam {
  double value = 0.0, m = 0.0, v = 0.0;
  std::int64_t step = 0;
  void Update(double gradient, double learning_rate);
};

// How recommendations are made.
enum class Acting : std::uint8_t { kExploring, kGreedy, kRandom };

class DrrLearner {
 public:
  // The agent as it begins. `world` may be given later by BeginTraining.
  DrrLearner(const DrrConfig& config, const AgentOptions& options, const StartVectors& start, std::uint64_t seed);
  ~DrrLearner();

  // Makes room for episodes and memories.
  void BeginTraining(std::shared_ptr<const sim::ItemWorld> world);
  core::Metrics Epoch(const core::EpochContext& context);

  // The mean reward of a step in each of `count` episodes of their own, of the world that is learnt in. Nothing is
  // learnt.
  std::vector<double> Roll(Acting how, std::int64_t count, std::uint64_t seed);

  // The same where learning goes on: users come one after the other, each step is remembered and followed by an
  // update, and each user meets the agent as it is now (Liu et al. 2018, algorithm 3). Afterwards it is so again, but
  // for what it remembers.
  std::vector<double> RollLearning(std::int64_t users, std::uint64_t seed);

  void KeepBest() { best_ = Snapshot{model_->state, model_->actor, model_->critic, model_->actions.raw}; }
  void RestoreBest();
  [[nodiscard]] const std::shared_ptr<DrrModel>& model() const { return model_; }
  [[nodiscard]] const core::Recommender& recommender() const { return recommender_; }
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);                              // after BeginTraining
  [[nodiscard]] const DrrReplay& replay() const { return *replay_; }  // after BeginTraining

 private:
  struct Snapshot {
    std::vector<float> state, actor, critic, actions;
  };
  struct Worker;  // what a chunk of rows needs
  struct Totals;  // of an epoch
  struct Optimizers;
  struct Everything;  // that an update changes, but for memories

  void StepEpisodes(Totals& totals);
  // `step` is called when all that the replay needs from before it has been read.
  void RememberAlone(const sim::ItemEpisodes& episodes, std::span<const std::int32_t> slate,
                     std::span<const float> proto, const std::function<const sim::ItemFeedback&()>& step);
  void Restore(const Snapshot& weights);
  void ChooseRows(const sim::ItemEpisodes& episodes, Acting how, std::int64_t begin, std::int64_t end, Worker& worker,
                  std::span<std::int32_t> slates, std::span<float> proto);
  // Row `place` of `legal` belongs to the episode `row`. Returns whether the slate is a random one.
  bool PickRow(const sim::ItemEpisodes& episodes, Acting how, const RowItems& legal, std::int64_t place,
               std::int64_t row, std::span<float> scores, std::span<std::int32_t> slate) const;
  void ExplorationNoise(std::int64_t row, std::span<float> noise);
  void Update(Totals& totals);
  void LegalOf(const DrrBatch& batch);
  void RunChunk(std::int64_t begin, std::int64_t end, std::span<const std::int32_t> negatives, Worker& worker);
  void ApplyGradients(std::int64_t rows, std::span<const std::int32_t> negatives);
  void ScatterRows(std::int64_t rows, std::int64_t memory, std::int64_t dim);
  void MoveTargets();
  void Guard(const Totals& totals) const;
  [[nodiscard]] std::int64_t trained_state() const;  // numbers of model_->state that learn
  [[nodiscard]] bool Rolls() const;                  // whether an epoch ends with what the agent is worth
  double MeanReward(Acting how);
  [[nodiscard]] bool MovesActor() const;  // whether this update moves the actor, and TD3's targets
  [[nodiscard]] double Alpha() const;
  [[nodiscard]] double TargetEntropy() const;
  [[nodiscard]] AgentSide<float> TargetSide() const;

  DrrConfig config_;
  std::uint64_t seed_;
  std::shared_ptr<DrrModel> model_;
  DrrRecommender recommender_;
  std::vector<float> target_state_, target_actor_, target_critic_;
  std::unique_ptr<Optimizers> optimizers_;
  std::shared_ptr<const sim::ItemWorld> world_;
  std::unique_ptr<sim::ItemEpisodes> episodes_;
  std::unique_ptr<DrrReplay> replay_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<Snapshot> best_;
  ScalarAdam log_alpha_;
  std::int64_t updates_ = 0;
  double credit_ = 0.0;           // updates that steps have paid for
  std::vector<float> wandering_;  // [E, D] Ornstein-Uhlenbeck noise
  // Kept for their memory.
  DrrBatch batch_;
  RowItems legal_before_, legal_after_;
  std::vector<std::int32_t> judged_;
  std::vector<float> taken_, deltas_;
  std::vector<float> gradient_state_, gradient_actor_, gradient_critic_, gradient_actions_;
};

}  // namespace recforce::algos
