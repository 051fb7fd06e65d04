// SPDX-License-Identifier: Apache-2.0
// A biased factorisation of ratings: rating = mean + user bias + item bias + user vector . item vector. What `pmf`
// learns, and what a simulator needs to say how users would rate what they have not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algos/common/factor_model.h"

namespace recforce::algos {

struct RatingTables {
  FactorTables factors;          // item_bias is never empty
  std::vector<float> user_bias;  // [U], by training row
  float mean = 0.0F;             // of the training ratings; a stranger without history has it, and the item biases
  float rating_low = 0.0F;       // the least and the largest rating of training; predictions may lie outside
  float rating_high = 0.0F;

  // Tensors of FactorTables::Save, and `prefix` + "user_bias", "mean", "rating_low" and "rating_high".
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Vectors may have any length. Error(Data) when they are not tables for this catalogue, hold NaN or infinity, or
  // belong to a model that does not predict ratings.
  static RatingTables Load(const base::TensorSet& set, std::int64_t num_items, const std::string& prefix = "");
};

}  // namespace recforce::algos
