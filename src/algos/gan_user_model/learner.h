// SPDX-License-Identifier: Apache-2.0
// One network of a user model, step by step. A batch of whole users is cut into shards by their
// choices alone; each shard runs on one thread into gradients of its own, and these are added in the order of shards.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algos/gan_user_model/choice_gradient.h"
#include "algos/gan_user_model/network.h"
#include "algos/gan_user_model/player.h"
#include "algos/gan_user_model/shard_worker.h"
#include "algos/gan_user_model/shards.h"
#include "recforce/base/idle_list.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

enum class NoClick : std::uint8_t { kLearnt, kFixed, kAbsent };

struct LearnerOptions {
  UserShape shape;
  ChoiceTerms terms;
  NoClick no_click = NoClick::kAbsent;
  InitOptions init;
  std::int64_t batch_size = 512;  // choices in one step, at most; one user at least
  std::int64_t users_drawn = 0;   // > 0: a step takes so many distinct users, drawn anew each time
  double learning_rate = 1e-3;
  double weight_decay = 1.0;  // beside the loss of all choices: the more there are, the less it counts
  double popularity_decay = 1.0;
  double clip = 5.0;  // of the gradient's norm; 0: never
  std::int64_t game_steps = 1;
  double game_learning_rate = 1e-3;
  std::int64_t member = 0;
  bool bootstrap = false;  // learn from users drawn with replacement
  torch::Tensor features;  // [I, F] on the device, undefined without
};

// Sums over an epoch.
struct EpochSums {
  double loss = 0.0;    // of choices
  double value = 0.0;   // of the game, over choices
  double reward = 0.0;  // of what was shown
  std::int64_t choices = 0, shown = 0;
  void Add(const EpochSums& other);
};

class UserLearner {
 public:
  // `index` must outlive the learner.
  UserLearner(const ClickIndex& index, const LearnerOptions& options, const core::TrainerContext& context);

  // Descends the exact loss.
  EpochSums Epoch(const core::EpochContext& context);
  // The game: the user's behaviour becomes what rewards say, eta r, in a network of its own.
  void BeginGame();
  // game_steps moves of the behaviour, then one of the reward, batch after batch.
  EpochSums GameEpoch(const core::EpochContext& context);

  [[nodiscard]] std::int64_t BatchesOf(std::int64_t epoch) const;
  void KeepBest();
  void RestoreBest();
  // With the mean item in the place of items that no display showed.
  void Export(base::TensorSet& set, const std::string& prefix) const;
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);

 private:
  using Users = std::vector<std::int32_t>;
  struct Gradients {
    std::vector<std::int32_t> items;  // ascending
    std::vector<torch::Tensor> parts;
    EpochSums sums;
  };

  [[nodiscard]] std::unique_ptr<Player> MakePlayer(std::vector<torch::Tensor> tensors, double learning_rate,
                                                   bool no_click_moves) const;
  [[nodiscard]] std::vector<Users> Batches(std::int64_t epoch) const;
  [[nodiscard]] std::vector<Users> ShardsOf(const Users& batch) const;
  // Every shard, judged; without gradients for a look at rewards alone.
  std::vector<ShardResult> Sweep(const Player& player, const std::vector<Users>& shards, const Judge& judge,
                                 bool with_gradient);
  [[nodiscard]] Gradients Merge(std::vector<ShardResult> results) const;
  void Clip(std::vector<torch::Tensor>& gradients) const;
  EpochSums Descend(Player& player, const std::vector<Users>& shards, const Judge& judge);
  EpochSums GameStep(const std::vector<Users>& shards, double weight);
  // body(shards, choices) for every batch.
  EpochSums ForBatches(const core::EpochContext& context,
                       const std::function<EpochSums(const std::vector<Users>&, double weight)>& body);

  const ClickIndex& index_;
  LearnerOptions options_;
  std::uint64_t seed_;
  torch::Device device_;
  UserParts parts_;
  Users users_;  // with repeats, when it is a bootstrap; none without choices
  std::unique_ptr<Player> reward_;
  std::unique_ptr<Player> behaviour_;  // null before the game
  std::vector<torch::Tensor> best_;
  base::IdleList<ShardWorker> workers_;
};

}  // namespace recforce::algos
