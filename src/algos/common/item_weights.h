// SPDX-License-Identifier: Apache-2.0
// A sparse item-item model: the score of item j is the sum over the user's items i of x_i W_ij. What item-kNN and SLIM
// learn in different ways.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

// W by rows: entry e of item i says values[e] for item targets[e], offsets[i] <= e < offsets[i + 1].
struct ItemWeights {
  std::vector<std::int64_t> offsets{0};  // [I + 1]
  std::vector<std::int32_t> targets;     // [nnz], ascending in each row
  std::vector<float> values;             // [nnz]

  [[nodiscard]] std::int64_t num_items() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
};

// One column of W: which items speak for a target, and how strongly.
using ItemColumn = std::vector<std::pair<std::int32_t, float>>;

// columns: [I], column j that of target j. REQUIRES: items in [0, I), each at most once in a column.
ItemWeights WeightsFromColumns(std::span<const ItemColumn> columns);

// Tensors "offsets", "targets" and "values". Load: Error(Data) when they are not a model of `num_items` items.
base::TensorSet ExportItemWeights(ItemWeights weights);
ItemWeights LoadItemWeights(const base::TensorSet& tensors, std::int64_t num_items);

// x_i = decay^(number of events after the last of item i): 1 for every item at decay 1, only the last item at 0.
// Items are distinct, in the order of `history`. REQUIRES: the same items in both.
std::vector<float> RecencyWeights(std::span<const std::int32_t> history, std::span<const std::int32_t> events,
                                  double decay);

class ItemWeightsRecommender final : public core::Recommender {
 public:
  // decay: of RecencyWeights.
  explicit ItemWeightsRecommender(ItemWeights weights, double decay = 1.0)
      : weights_(std::move(weights)), decay_(decay) {}
  [[nodiscard]] std::int64_t NumItems() const override { return weights_.num_items(); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  ItemWeights weights_;
  double decay_;
};

// Row i of the result: the rows of `rows` that have item i, ascending. O(nnz + num_items).
data::Csr Transpose(data::CsrView rows, std::int64_t num_items);

}  // namespace recforce::algos
