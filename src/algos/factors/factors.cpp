// SPDX-License-Identifier: Apache-2.0
#include "algos/factors/factors.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "algos/common/closed_form.h"
#include "algos/common/factor_model.h"
#include "algos/common/numbered_rows.h"
#include "base/npy_file.h"

namespace recforce::algos {
namespace {

FoldIn FoldInOf(const FactorsConfig& config) {
  return {.unobserved_weight = config.fold_in_unobserved_weight,
          .reg = config.fold_in_reg,
          .hint = "use a larger factors.fold_in_reg"};
}

base::NpyMatrix ReadWithCols(const std::string& path, std::int64_t cols, const std::string& of) {
  base::NpyMatrix matrix = base::ReadNpyMatrix(path);
  if (matrix.cols != cols) {
    throw base::Error(base::ErrorKind::kData, path + ": rows of '" + std::to_string(matrix.cols) +
                                                  "' numbers; expected " + std::to_string(cols) + of);
  }
  return matrix;
}

base::TensorSet Solve(const core::TrainView& view, const FactorsConfig& config) {
  if (config.items.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "factors.items: is ''; expected the path of a .npy file of item vectors");
  }
  base::NpyMatrix items = ReadNumberedRows(config.items, view.num_items, view.item_id, "item");
  FactorTables tables;
  tables.dim = items.cols;
  tables.items = std::move(items.values);
  if (!config.item_bias.empty()) {
    const base::NpyMatrix bias = ReadWithCols(config.item_bias, 1, "");
    tables.item_bias = PickNumberedRows(bias, config.item_bias, view.num_items, view.item_id, "item");
  }
  if (!config.users.empty()) {
    const base::NpyMatrix users = ReadWithCols(config.users, items.cols, ", as in '" + config.items + "'");
    tables.users = PickNumberedRows(users, config.users, view.interactions.rows(), view.user_id, "user");
    for (std::int64_t user = 0; user < view.interactions.rows(); ++user) {
      tables.user_counts.push_back(static_cast<std::int32_t>(view.interactions.row(user).size()));
    }
    tables.fold_in_scale = CalibrateFoldIn(tables, view.interactions, FoldInOf(config));
  }
  base::TensorSet set;
  tables.Save(set, "");
  return set;
}

std::unique_ptr<core::Recommender> Load(const base::TensorSet& tensors, std::int64_t num_items,
                                        const FactorsConfig& config) {
  const std::vector<std::int64_t>& shape = tensors.Get("item_factors").shape;
  if (shape.size() != 2 || shape[1] < 1) {
    throw base::Error(base::ErrorKind::kData, tensors.where() + ": tensor 'item_factors' is not a matrix");
  }
  auto tables = std::make_shared<FactorTables>(FactorTables::Load(tensors, "", num_items, shape[1]));
  return std::make_unique<FactorRecommender>(std::move(tables), num_items, FoldInOf(config));
}

}  // namespace

const config::FieldTable& FactorsFields() {
  using C = FactorsConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Text("users", &C::users,
                "A .npy file of user vectors; a user's row is its id as a number. Empty: all users are folded in.")
          .Text("items", &C::items, "A .npy file of item vectors; an item's row is its id as a number.")
          .Text("item_bias", &C::item_bias, "A .npy file with one number an item, added to its scores; may be empty.")
          .Real("fold_in_unobserved_weight", &C::fold_in_unobserved_weight, 0.0, 1e6,
                "Strangers: weight of the squared score of every item in their least-squares problem.")
          .Real("fold_in_reg", &C::fold_in_reg, 0.0, 1e9,
                "Strangers: weight of the squared length, times (items of the history + unobserved_weight x all).")
          .Take();
  return table;
}

core::AlgorithmSpec FactorsSpec() {
  core::AlgorithmSpec spec;
  spec.name = "factors";
  spec.summary = "User and item vectors that were learnt elsewhere, from .npy files.";
  spec.paper = "any matrix factorisation";
  spec.learns_by_epoch = false;
  spec.make_config = [] { return config::Section::Make<FactorsConfig>("factors", FactorsFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext&) -> std::unique_ptr<core::Trainer> {
    const FactorsConfig config = section.As<FactorsConfig>();
    return std::make_unique<ClosedFormTrainer>(
        [view, config](const core::EpochContext&) { return Solve(view, config); },
        [view, config](const base::TensorSet& tensors) { return Load(tensors, view.num_items, config); });
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) { return Load(tensors, num_items, section.As<FactorsConfig>()); };
  return spec;
}

}  // namespace recforce::algos
