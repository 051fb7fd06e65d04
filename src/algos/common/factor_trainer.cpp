// SPDX-License-Identifier: Apache-2.0
#include "algos/common/factor_trainer.h"

#include <cmath>

#include "recforce/base/error.h"

namespace recforce::algos {

FactorTables FactorTrainer::Init(std::uint64_t seed) const {
  const double stdev = options_.init_stdev / std::sqrt(static_cast<double>(options_.dim));
  FactorTables tables;
  tables.dim = options_.dim;
  tables.users = NormalTable(view_.interactions.rows(), options_.dim, stdev, seed, 0);
  tables.items = NormalTable(view_.num_items, options_.dim, stdev, seed, 1);
  if (options_.bias) {
    tables.item_bias.assign(static_cast<std::size_t>(view_.num_items), 0.0F);
  }
  for (std::int64_t user = 0; user < view_.interactions.rows(); ++user) {
    tables.user_counts.push_back(static_cast<std::int32_t>(view_.interactions.row(user).size()));
  }
  return tables;
}

FactorTables FactorTrainer::LoadOwn(const base::TensorSet& state, const std::string& prefix) const {
  FactorTables tables = FactorTables::Load(state, prefix, view_.num_items, options_.dim);
  if (tables.user_counts != tables_->user_counts || tables.item_bias.size() != tables_->item_bias.size()) {
    throw base::Error(base::ErrorKind::kData, state.where() + ": the state is of another training log or settings");
  }
  return tables;
}

}  // namespace recforce::algos
