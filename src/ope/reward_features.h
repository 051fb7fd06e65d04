// SPDX-License-Identifier: Apache-2.0
// Rounds as rows of a design matrix: what all items have in common, and what meets the item alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/ope/reward_model.h"

namespace recforce::ope {

// Refers to the rounds. Thread-safe.
class RewardFeatures {
 public:
  RewardFeatures(const RewardRounds& rounds, const RewardModelOptions& options);

  // x with a leading 1: standardised contexts, then a column for each position where there are several.
  [[nodiscard]] std::size_t context_size() const { return 1 + mean_.size() + positions_.size(); }
  // Of x: those that each item has coefficients for; 1 or all.
  [[nodiscard]] std::size_t own_size() const { return own_size_; }
  // x, features of the item, products.
  [[nodiscard]] std::size_t common_size() const { return context_size() + features_ + products_; }

  // Fills x, [context_size()].
  void Context(std::int64_t round, std::span<double> x) const;
  // Asks the memory for what Context(round) will read.
  void Prefetch(std::int64_t round) const;
  // Fills `common`, [common_size()], of which the context is filled already: a linear map of the context, so that sums
  // of contexts with weights may be given too.
  void Complete(std::int32_t item, std::span<double> common) const;
  // Adds to `on_context`, [context_size()], what the common coefficients of features and products amount to for an
  // item, so that f = on_context.x.
  void Collapse(std::int32_t item, std::span<const double> common_coefficients, std::span<double> on_context) const;
  [[nodiscard]] std::size_t feature_size() const { return features_; }
  [[nodiscard]] bool has_action_context() const { return features_ > 0; }

 private:
  struct Product {
    std::size_t column;
    double sign;
  };
  void PlaceProducts(std::size_t columns);
  void StandardiseContext(const RewardRounds& rounds);
  void StandardiseActions(const RewardRounds& rounds);

  const RewardRounds& rounds_;
  std::vector<double> mean_;             // [d] of contexts
  std::vector<double> scale_;            // [d] 1 / deviation, 0 where it is nothing
  std::vector<std::int32_t> positions_;  // rising; empty where there are fewer than two
  std::vector<double> actions_;          // [items, e] standardised
  std::size_t features_ = 0;             // e
  std::size_t products_ = 0;
  std::vector<Product> product_;  // [context columns without the leading 1, e] where each product goes
  std::size_t own_size_ = 1;
};

}  // namespace recforce::ope
