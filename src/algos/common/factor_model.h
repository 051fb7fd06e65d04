// SPDX-License-Identifier: Apache-2.0
// Matrix factorisation as a recommender: score = user vector . item vector + item bias. What iALS, BPR and factors of
// one's own have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"

namespace recforce::algos {

struct FactorTables {
  std::int64_t dim = 0;
  std::vector<float> users;               // [U, dim], by training row
  std::vector<float> items;               // [I, dim]
  std::vector<float> item_bias;           // [I] or empty
  std::vector<std::int32_t> user_counts;  // [U] distinct items of each training user
  float fold_in_scale = 1.0F;             // a folded-in vector is multiplied by this: see CalibrateFoldIn

  // Tensors `prefix` + "user_factors", "item_factors", "item_bias" (when there is one), "user_counts" and
  // "fold_in_scale".
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Error(Data) when they are not tables of this size, or hold NaN or infinity.
  static FactorTables Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items,
                           std::int64_t dim);
};

// How users get a vector from their history: the one that minimises
//   sum over history (w . h_i - 1)^2 + unobserved_weight sum over the catalogue (w . h_i)^2
//     + reg (n + unobserved_weight I)^reg_exponent |w|^2.
struct FoldIn {
  double unobserved_weight = 0.1;
  double reg = 0.01;
  double reg_exponent = 1.0;
  bool grown = false;  // also for training users with a history of another length than in training
  std::string hint;    // what to change when no vector can be found: "use a larger ials.reg"

  // The weight of |w|^2.
  [[nodiscard]] double Ridge(std::int64_t history, std::int64_t num_items) const;
};

// Training users are scored by their own vector, strangers by folding in; without a history, by the bias alone.
class FactorRecommender final : public core::Recommender {
 public:
  FactorRecommender(std::shared_ptr<const FactorTables> tables, std::int64_t num_items, FoldIn fold_in);
  [[nodiscard]] std::int64_t NumItems() const override { return num_items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;
  // The vectors that ScoreBatch scores by: 0 for strangers without a history. out: [B, dim].
  void Vectors(const core::UserBatch& users, base::MatrixView<float> out) const;
  // To be called when the tables have changed.
  void Refresh();

 private:
  [[nodiscard]] bool HasOwnVector(const core::UserBatch& users, std::int64_t user) const;

  std::shared_ptr<const FactorTables> tables_;
  std::int64_t num_items_;
  FoldIn fold_in_;
  std::vector<float> gram_;  // unobserved_weight times the Gram matrix of the items
};

// The factor that brings folded-in vectors nearest, in least squares, to those that training users have of their own:
// for models that learn by another objective than the one of folding in. Looks at 512 users at most, spread over
// `rows`, their training histories. 1 where there is nothing to compare. Error(Diverged) as ScoreBatch.
float CalibrateFoldIn(const FactorTables& tables, data::CsrView rows, const FoldIn& fold_in);

// rows x dim numbers with the given deviation; row r from the stream (seed, kInit, number, r).
std::vector<float> NormalTable(std::int64_t rows, std::int64_t dim, double stdev, std::uint64_t seed,
                               std::uint64_t number);

}  // namespace recforce::algos
