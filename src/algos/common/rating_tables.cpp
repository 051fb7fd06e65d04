// SPDX-License-Identifier: Apache-2.0
#include "algos/common/rating_tables.h"

#include <algorithm>
#include <cmath>

namespace recforce::algos {
namespace {

// A tensor of finite numbers.
std::vector<float> LoadNumbers(const base::TensorSet& set, const std::string& name, std::size_t count) {
  const auto values = set.Get(name).As<float>();
  if (values.size() != count) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' has " +
                                                  std::to_string(values.size()) + " entries; expected " +
                                                  std::to_string(count));
  }
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' holds NaN or infinity");
  }
  return {values.begin(), values.end()};
}

}  // namespace

void RatingTables::Save(base::TensorSet& set, const std::string& prefix) const {
  factors.Save(set, prefix);
  set.AddOwned(prefix + "user_bias", user_bias);
  set.AddOwned(prefix + "mean", std::vector<float>{mean});
  set.AddOwned(prefix + "rating_low", std::vector<float>{rating_low});
  set.AddOwned(prefix + "rating_high", std::vector<float>{rating_high});
}

RatingTables RatingTables::Load(const base::TensorSet& set, std::int64_t num_items, const std::string& prefix) {
  const std::vector<std::int64_t>& shape = set.Get(prefix + "item_factors").shape;
  if (shape.size() != 2 || shape[1] < 1) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + prefix + "item_factors' is not a matrix");
  }
  (void)set.Get(prefix + "item_bias");
  RatingTables tables;
  tables.factors = FactorTables::Load(set, prefix, num_items, shape[1]);
  tables.user_bias = LoadNumbers(set, prefix + "user_bias", tables.factors.user_counts.size());
  tables.mean = LoadNumbers(set, prefix + "mean", 1)[0];
  tables.rating_low = LoadNumbers(set, prefix + "rating_low", 1)[0];
  tables.rating_high = LoadNumbers(set, prefix + "rating_high", 1)[0];
  return tables;
}

}  // namespace recforce::algos
