// SPDX-License-Identifier: Apache-2.0
#include "algos/common/factor_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "algos/common/least_squares.h"
#include "algos/common/simd.h"
#include "nn/blas.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsersAtOnce = 32;
constexpr std::int64_t kCalibrationUsers = 512;

std::vector<float> LoadTable(const base::TensorSet& set, const std::string& name, std::int64_t rows, std::int64_t dim) {
  const base::TensorView& tensor = set.Get(name);
  const bool fits = tensor.shape.size() == 2 && tensor.shape[1] == dim && (rows < 0 || tensor.shape[0] == rows);
  if (!fits) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' has another shape; expected " +
                                                  (rows < 0 ? "rows" : std::to_string(rows)) + " x " +
                                                  std::to_string(dim));
  }
  const auto values = tensor.As<float>();
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' holds NaN or infinity");
  }
  return {values.begin(), values.end()};
}

void FoldInUser(LeastSquares& solver, std::span<const std::int32_t> history, std::int64_t num_items,
                const FoldIn& fold_in, std::span<float> vector) {
  const double ridge = fold_in.Ridge(static_cast<std::int64_t>(history.size()), num_items);
  if (!solver.Solve(history, ridge, vector)) {
    throw base::Error(base::ErrorKind::kDiverged,
                      "folding in: the least-squares problem of a user is not positive definite; " + fold_in.hint);
  }
}

}  // namespace

void FactorTables::Save(base::TensorSet& set, const std::string& prefix) const {
  set.AddOwned(prefix + "user_factors", users, {static_cast<std::int64_t>(user_counts.size()), dim});
  set.AddOwned(prefix + "item_factors", items, {static_cast<std::int64_t>(items.size()) / dim, dim});
  set.AddOwned(prefix + "user_counts", user_counts);
  set.AddOwned(prefix + "fold_in_scale", std::vector<float>{fold_in_scale}, {1, 1});
  if (!item_bias.empty()) {
    set.AddOwned(prefix + "item_bias", item_bias, {static_cast<std::int64_t>(item_bias.size()), 1});
  }
}

FactorTables FactorTables::Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items,
                                std::int64_t dim) {
  FactorTables tables;
  tables.dim = dim;
  tables.items = LoadTable(set, prefix + "item_factors", num_items, dim);
  tables.users = LoadTable(set, prefix + "user_factors", -1, dim);
  tables.fold_in_scale = LoadTable(set, prefix + "fold_in_scale", 1, 1)[0];
  if (set.Has(prefix + "item_bias")) {
    tables.item_bias = LoadTable(set, prefix + "item_bias", num_items, 1);
  }
  const auto counts = set.Get(prefix + "user_counts").As<std::int32_t>();
  tables.user_counts.assign(counts.begin(), counts.end());
  if (static_cast<std::int64_t>(tables.users.size()) != static_cast<std::int64_t>(counts.size()) * dim) {
    throw base::Error(base::ErrorKind::kData,
                      set.where() + ": '" + prefix + "user_factors' and '" + prefix + "user_counts' disagree");
  }
  return tables;
}

double FoldIn::Ridge(std::int64_t history, std::int64_t num_items) const {
  return reg *
         std::pow(static_cast<double>(history) + unobserved_weight * static_cast<double>(num_items), reg_exponent);
}

FactorRecommender::FactorRecommender(std::shared_ptr<const FactorTables> tables, std::int64_t num_items, FoldIn fold_in)
    : tables_(std::move(tables)), num_items_(num_items), fold_in_(std::move(fold_in)) {
  Refresh();
}

void FactorRecommender::Refresh() { gram_ = WeightedGram(tables_->items, tables_->dim, fold_in_.unobserved_weight); }

bool FactorRecommender::HasOwnVector(const core::UserBatch& users, std::int64_t user) const {
  const std::int32_t row = users.TrainRow(user);
  if (row < 0 || row >= static_cast<std::int64_t>(tables_->user_counts.size())) {
    return false;
  }
  const auto history = static_cast<std::int32_t>(users.history.row(user).size());
  return !fold_in_.grown || history == tables_->user_counts[static_cast<std::size_t>(row)];
}

void FactorRecommender::Vectors(const core::UserBatch& users, base::MatrixView<float> out) const {
  const std::int64_t dim = tables_->dim;
  base::ParallelFor(0, users.size(), kUsersAtOnce, [&](std::int64_t begin, std::int64_t end) {
    LeastSquares solver(tables_->items, dim, gram_);
    for (std::int64_t user = begin; user < end; ++user) {
      const std::span<float> vector = out.row(user);
      if (HasOwnVector(users, user)) {
        std::copy_n(tables_->users.data() + users.TrainRow(user) * dim, dim, vector.data());
        continue;
      }
      FoldInUser(solver, users.history.row(user), num_items_, fold_in_, vector);
      std::for_each(vector.begin(), vector.end(), [&](float& value) { value *= tables_->fold_in_scale; });
    }
  });
}

void FactorRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  const std::int64_t dim = tables_->dim;
  std::vector<float> vectors(static_cast<std::size_t>(users.size() * dim));
  Vectors(users, {vectors.data(), users.size(), dim});
  base::ParallelFor(0, users.size(), kUsersAtOnce, [&](std::int64_t begin, std::int64_t end) {
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, end - begin, num_items_, dim, {vectors.data() + begin * dim, dim},
             {tables_->items.data(), dim}, 0.0F, {out.data + begin * num_items_, num_items_});
    for (std::int64_t user = begin; user < end && !tables_->item_bias.empty(); ++user) {
      const std::span<float> scores = out.row(user);
      for (std::size_t item = 0; item < scores.size(); ++item) {
        scores[item] += tables_->item_bias[item];
      }
    }
  });
}

float CalibrateFoldIn(const FactorTables& tables, data::CsrView rows, const FoldIn& fold_in) {
  const std::int64_t dim = tables.dim;
  const std::int64_t num_items = static_cast<std::int64_t>(tables.items.size()) / dim;
  const std::int64_t sample = std::min(rows.rows(), kCalibrationUsers);
  const std::vector<float> gram = WeightedGram(tables.items, dim, fold_in.unobserved_weight);
  std::vector<double> own(static_cast<std::size_t>(sample));     // w . f of each user
  std::vector<double> folded(static_cast<std::size_t>(sample));  // f . f
  base::ParallelFor(0, sample, kUsersAtOnce, [&](std::int64_t begin, std::int64_t end) {
    LeastSquares solver(tables.items, dim, gram);
    std::vector<float> vector(static_cast<std::size_t>(dim));
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t row = n * rows.rows() / sample;
      FoldInUser(solver, rows.row(row), num_items, fold_in, vector);
      own[static_cast<std::size_t>(n)] = Dot(tables.users.data() + row * dim, vector.data(), dim);
      folded[static_cast<std::size_t>(n)] = Dot(vector.data(), vector.data(), dim);
    }
  });
  const double numerator = std::accumulate(own.begin(), own.end(), 0.0);
  const double denominator = std::accumulate(folded.begin(), folded.end(), 0.0);
  const auto scale = static_cast<float>(numerator / denominator);
  return scale > 0.0F && std::isfinite(scale) ? scale : 1.0F;
}

std::vector<float> NormalTable(std::int64_t rows, std::int64_t dim, double stdev, std::uint64_t seed,
                               std::uint64_t number) {
  std::vector<float> table(static_cast<std::size_t>(rows * dim));
  base::ParallelFor(0, rows, 256, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      base::Rng rng(seed, base::Stream::kInit, number, static_cast<std::uint32_t>(row));
      for (std::int64_t k = 0; k < dim; ++k) {
        table[static_cast<std::size_t>(row * dim + k)] = static_cast<float>(stdev * rng.Normal());
      }
    }
  });
  return table;
}

}  // namespace recforce::algos
