// SPDX-License-Identifier: Apache-2.0
// A trained agent of the DRR family: its numbers, and what it recommends by them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algos/common/factor_model.h"
#include "algos/drr/chunk_agent.h"
#include "recforce/core/recommender.h"
#include "recforce/core/slate_policy.h"

namespace recforce::algos {

// Vectors that an agent begins with. A factorisation's biases are two more numbers of its vectors: 1 beside the user's,
// the bias beside the item's, so that <u, e> is its score.
struct StartVectors {
  std::int64_t dim = 0;      // D
  std::vector<float> users;  // [U, D]
  std::vector<float> items;  // [I, D]
  float user_scale = 1.0F;   // what the factorisation's vectors were multiplied with
  // The factorisation, for people who were no training users; null: they are 0.
  std::shared_ptr<const FactorTables> factors;
  FoldIn fold_in = {};  // how it folds them in

  [[nodiscard]] std::int64_t num_users() const { return dim == 0 ? 0 : static_cast<std::int64_t>(users.size()) / dim; }
};

// Vectors of a mean length of 1; what ranks the same.
StartVectors StartOf(FactorTables factors);
// Normal with this deviation.
StartVectors StartFromScratch(std::int64_t users, std::int64_t items, std::int64_t dim, double stdev,
                              std::uint64_t seed);
// Of users whom nothing is known of: items have directions that are drawn, or their own axis where there are enough.
StartVectors StartOfStrangers(std::int64_t items, std::int64_t dim, std::uint64_t seed);

struct DrrModel {
  AgentOptions options;
  // What a state is made of, one vector: the numbers of StateLayout, then the users [U, D], then the items [I, D].
  std::vector<float> state;
  std::vector<float> actor, critic;
  ItemVectors actions;
  std::int64_t num_users = 0;
  bool trained_users = false;  // users' vectors are no longer the factorisation's
  bool refold = true;          // users whose history has grown are folded in anew
  float user_scale = 1.0F;
  std::shared_ptr<const FactorTables> factors;
  FoldIn fold_in = {};

  [[nodiscard]] std::int64_t dim() const { return options.shape.dim(); }
  // The numbers of StateLayout: what stands before the tables.
  [[nodiscard]] std::int64_t small() const {
    return static_cast<std::int64_t>(state.size()) - (num_users + actions.items()) * dim();
  }
  [[nodiscard]] const float* users() const { return state.data() + small(); }
  [[nodiscard]] const float* items() const { return users() + num_users * dim(); }
  [[nodiscard]] AgentSide<float> side() const { return {state.data(), actor.data(), critic.data()}; }

  void Save(base::TensorSet& set) const;
  // Error(Data) for tensors of another shape. `options`: as at training, but for the number of users.
  static DrrModel Load(const AgentOptions& options, bool trained_users, bool refold, const base::TensorSet& set,
                       std::int64_t num_items);
};

// Rows of tables side by side: users [R] -> [R, D], memory [R, N] -> [R, N, D]; 0 where there is none (-1).
void GatherRows(const float* users, const float* items, std::int64_t dim, std::span<const std::int32_t> of_users,
                base::MatrixView<const std::int32_t> memory, float* out_users, float* out_items);

class DrrRecommender final : public core::Recommender {
 public:
  explicit DrrRecommender(std::shared_ptr<const DrrModel> model);
  [[nodiscard]] std::int64_t NumItems() const override { return model_->actions.items(); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  // [B, D] by which states are made.
  [[nodiscard]] std::vector<float> Vectors(const core::UserBatch& users) const;

  std::shared_ptr<const DrrModel> model_;
  std::unique_ptr<FactorRecommender> fold_in_;
};

// Shows the k items of the largest scores; users are strangers, known by their clicks alone.
class DrrPolicy final : public core::SlatePolicy {
 public:
  explicit DrrPolicy(std::shared_ptr<const DrrModel> model) : model_(std::move(model)) {}
  [[nodiscard]] std::int64_t memory() const override { return model_->options.shape.state.memory; }
  void Choose(const core::Episodes& episodes, std::uint64_t seed, base::MatrixView<std::int32_t> slates) const override;

 private:
  std::shared_ptr<const DrrModel> model_;
};

}  // namespace recforce::algos
