// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "algos/common/read_count.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "recforce/core/topk.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kRowsAtOnce = 64;

// The mean length of the rows of a table.
float MeanNorm(const std::vector<float>& table, std::int64_t dim) {
  double sum = 0.0;
  const auto rows = static_cast<std::int64_t>(table.size()) / std::max<std::int64_t>(1, dim);
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* from = table.data() + row * dim;
    sum +=
        std::sqrt(static_cast<double>(nn::LaneSum<float>(dim, [&](std::int64_t at) { return from[at] * from[at]; })));
  }
  return sum > 0.0 ? static_cast<float>(sum / static_cast<double>(rows)) : 1.0F;
}

void Scale(std::vector<float>& table, float factor) {
  std::for_each(table.begin(), table.end(), [factor](float& value) { value *= factor; });
}

// [rows, dim] with `bias` behind each row: one number each, or 1.
std::vector<float> Widened(const std::vector<float>& table, std::int64_t dim, const std::vector<float>* bias) {
  std::vector<float> wide;
  const auto rows = static_cast<std::int64_t>(table.size()) / dim;
  wide.reserve(static_cast<std::size_t>(rows * (dim + 1)));
  for (std::int64_t row = 0; row < rows; ++row) {
    wide.insert(wide.end(), table.begin() + row * dim, table.begin() + (row + 1) * dim);
    wide.push_back(bias == nullptr ? 1.0F : (*bias)[static_cast<std::size_t>(row)]);
  }
  return wide;
}

std::vector<float> LoadVector(const base::TensorSet& set, const std::string& name, std::int64_t size) {
  const auto values = set.Get(name).As<float>();
  if (static_cast<std::int64_t>(values.size()) != size) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' has another size: '" +
                                                  std::to_string(values.size()) + "'; expected " +
                                                  std::to_string(size));
  }
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' holds NaN or infinity");
  }
  return {values.begin(), values.end()};
}

// The last events of a row, newest first, then -1.
void LastEvents(std::span<const std::int32_t> events, std::span<std::int32_t> memory) {
  const std::size_t count = std::min(events.size(), memory.size());
  std::copy_n(events.rbegin(), count, memory.begin());
  std::fill(memory.begin() + static_cast<std::ptrdiff_t>(count), memory.end(), -1);
}

}  // namespace

StartVectors StartOf(FactorTables factors) {
  StartVectors start;
  const bool biased = !factors.item_bias.empty();
  start.dim = factors.dim + (biased ? 1 : 0);
  start.users = biased ? Widened(factors.users, factors.dim, nullptr) : factors.users;
  start.items = biased ? Widened(factors.items, factors.dim, &factors.item_bias) : factors.items;
  start.user_scale = 1.0F / MeanNorm(start.users, start.dim);
  Scale(start.users, start.user_scale);
  Scale(start.items, 1.0F / MeanNorm(start.items, start.dim));
  start.factors = std::make_shared<const FactorTables>(std::move(factors));
  return start;
}

StartVectors StartFromScratch(std::int64_t users, std::int64_t items, std::int64_t dim, double stdev,
                              std::uint64_t seed) {
  constexpr std::uint64_t kUsers = 1400;
  constexpr std::uint64_t kItems = 1401;
  StartVectors start;
  start.dim = dim;
  start.users = NormalTable(users, dim, stdev, seed, kUsers);
  start.items = NormalTable(items, dim, stdev, seed, kItems);
  return start;
}

StartVectors StartOfStrangers(std::int64_t items, std::int64_t dim, std::uint64_t seed) {
  StartVectors start = StartFromScratch(0, items, dim, 1.0, seed);
  for (std::int64_t item = 0; item < items; ++item) {
    float* row = start.items.data() + item * dim;
    if (items <= dim) {
      std::fill_n(row, dim, 0.0F);
      row[item] = 1.0F;
      continue;
    }
    const float norm = std::sqrt(nn::LaneSum<float>(dim, [&](std::int64_t at) { return row[at] * row[at]; }));
    std::for_each(row, row + dim, [norm](float& value) { value /= norm; });
  }
  return start;
}

void DrrModel::Save(base::TensorSet& set) const {
  set.Add("state", base::View(state));
  set.Add("actor", base::View(actor));
  set.Add("critic", base::View(critic));
  set.Add("actions", base::View(actions.raw));
  set.AddOwned("user_scale", std::vector<float>{user_scale});
  set.AddOwned("fold_in", std::vector<double>{fold_in.unobserved_weight, fold_in.reg, fold_in.reg_exponent});
  set.SetMeta("users", std::to_string(num_users));
  set.SetMeta("dim", std::to_string(dim()));
  set.SetMeta("slate", std::to_string(options.slate));
  set.SetMeta("residual", options.shape.residual ? "yes" : "no");
  if (factors) {
    factors->Save(set, "factors.");
  }
}

DrrModel DrrModel::Load(const AgentOptions& options, bool trained_users, bool refold, const base::TensorSet& set,
                        std::int64_t num_items) {
  DrrModel model;
  model.options = options;
  model.trained_users = trained_users;
  model.refold = refold;
  model.num_users = ReadCount(set, "users");
  const std::int64_t dim = ReadCount(set, "dim", 1, 1 << 20);
  model.options.shape.state.dim = dim;
  const AgentNetworks networks = InitNetworks(model.options.shape, 0);
  model.state =
      LoadVector(set, "state", StateLayout(model.options.shape.state).size + (model.num_users + num_items) * dim);
  model.actor = LoadVector(set, "actor", static_cast<std::int64_t>(networks.actor.size()));
  model.critic = LoadVector(set, "critic", static_cast<std::int64_t>(networks.critic.size()));
  model.actions.dim = dim;
  model.actions.raw = LoadVector(set, "actions", num_items * dim);
  model.actions.Refresh();
  model.user_scale = LoadVector(set, "user_scale", 1)[0];
  const auto fold_in = set.Get("fold_in").As<double>();
  if (fold_in.size() != 3) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor 'fold_in' has another size: '" +
                                                  std::to_string(fold_in.size()) + "'; expected 3");
  }
  model.fold_in = {.unobserved_weight = fold_in[0], .reg = fold_in[1], .reg_exponent = fold_in[2]};
  if (set.Has("factors.item_factors")) {
    const std::vector<std::int64_t>& shape = set.Get("factors.item_factors").shape;
    if (shape.size() != 2) {
      throw base::Error(base::ErrorKind::kData, set.where() + ": tensor 'factors.item_factors' is not a matrix");
    }
    model.factors = std::make_shared<const FactorTables>(FactorTables::Load(set, "factors.", num_items, shape[1]));
  }
  return model;
}

void GatherRows(const float* users, const float* items, std::int64_t dim, std::span<const std::int32_t> of_users,
                base::MatrixView<const std::int32_t> memory, float* out_users, float* out_items) {
  for (const std::int32_t user : of_users) {
    if (user >= 0) {
      std::copy_n(users + user * dim, dim, out_users);
    } else {
      std::fill_n(out_users, dim, 0.0F);
    }
    out_users += dim;
  }
  for (std::int64_t cell = 0; cell < memory.rows * memory.cols; ++cell, out_items += dim) {
    if (memory.data[cell] >= 0) {
      std::copy_n(items + memory.data[cell] * dim, dim, out_items);
    } else {
      std::fill_n(out_items, dim, 0.0F);
    }
  }
}

DrrRecommender::DrrRecommender(std::shared_ptr<const DrrModel> model) : model_(std::move(model)) {
  if (model_->factors) {
    fold_in_ = std::make_unique<FactorRecommender>(model_->factors, NumItems(),
                                                   FoldIn{.unobserved_weight = model_->fold_in.unobserved_weight,
                                                          .reg = model_->fold_in.reg,
                                                          .reg_exponent = model_->fold_in.reg_exponent,
                                                          .grown = model_->refold,
                                                          .hint = "pretrain with another regularisation"});
  }
}

std::vector<float> DrrRecommender::Vectors(const core::UserBatch& users) const {
  const std::int64_t dim = model_->dim();
  std::vector<float> vectors(static_cast<std::size_t>(users.size() * dim), 0.0F);
  if (fold_in_) {
    const std::int64_t own = model_->factors->dim;
    std::vector<float> found(static_cast<std::size_t>(users.size() * own));
    fold_in_->Vectors(users, {found.data(), users.size(), own});
    for (std::int64_t user = 0; user < users.size(); ++user) {
      float* to = vectors.data() + user * dim;
      std::copy_n(found.data() + user * own, own, to);
      std::fill_n(to + own, dim - own, 1.0F);
      std::for_each(to, to + dim, [this](float& value) { value *= model_->user_scale; });
    }
  }
  for (std::int64_t user = 0; user < users.size(); ++user) {
    const std::int32_t row = users.TrainRow(user);
    if (row >= 0 && row < model_->num_users && (model_->trained_users || !fold_in_)) {
      std::copy_n(model_->users() + row * dim, dim, vectors.data() + user * dim);
    }
  }
  return vectors;
}

void DrrRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  const std::int64_t dim = model_->dim();
  const std::int64_t memory = model_->options.shape.state.memory;
  const std::vector<float> vectors = Vectors(users);
  const data::CsrView& events = users.events();
  base::ParallelFor(0, users.size(), kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    const std::unique_ptr<ChunkAgent> agent = MakeChunkAgent(model_->options, model_->actions);
    const std::int64_t count = end - begin;
    std::vector<std::int32_t> last(static_cast<std::size_t>(count * memory));
    const base::MatrixView<std::int32_t> recent{last.data(), count, memory};
    RowItems legal;
    for (std::int64_t row = 0; row < count; ++row) {
      LastEvents(events.row(begin + row), recent.row(row));
      const auto seen = users.history.row(begin + row);
      legal.items.insert(legal.items.end(), seen.begin(), seen.end());
      legal.EndRow(false);
    }
    std::vector<float> items(static_cast<std::size_t>(count * memory * dim));
    GatherRows(nullptr, model_->items(), dim, {}, {last.data(), count, memory}, nullptr, items.data());
    agent->Score({.side = model_->side(),
                  .rows = {vectors.data() + begin * dim, items.data(), last.data(), count},
                  .legal = &legal},
                 {out.data + begin * out.cols, count, out.cols}, nullptr);
  });
}

void DrrPolicy::Choose(const core::Episodes& episodes, std::uint64_t /*seed*/,
                       base::MatrixView<std::int32_t> slates) const {
  const std::int64_t dim = model_->dim();
  const std::int64_t items = model_->actions.items();
  const base::MatrixView<const std::int32_t> recent = episodes.recent();
  RECFORCE_CHECK(recent.cols >= memory(), "users show fewer clicks than the policy reads");
  base::ParallelFor(0, slates.rows, kRowsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    const std::unique_ptr<ChunkAgent> agent = MakeChunkAgent(model_->options, model_->actions);
    const std::int64_t count = end - begin;
    std::vector<std::int32_t> last;
    for (std::int64_t row = begin; row < end; ++row) {
      last.insert(last.end(), recent.row(row).begin(), recent.row(row).begin() + memory());
    }
    const std::vector<float> strangers(static_cast<std::size_t>(count * dim), 0.0F);
    std::vector<float> liked(static_cast<std::size_t>(count * memory() * dim));
    std::vector<float> scores(static_cast<std::size_t>(count * items));
    GatherRows(nullptr, model_->items(), dim, {}, {last.data(), count, memory()}, nullptr, liked.data());
    agent->Score({.side = model_->side(), .rows = {strangers.data(), liked.data(), last.data(), count}},
                 {scores.data(), count, items}, nullptr);
    core::TopK top(items);
    for (std::int64_t row = 0; row < count; ++row) {
      const auto best = top.Select({scores.data() + row * items, static_cast<std::size_t>(items)}, slates.cols, {});
      std::copy(best.begin(), best.end(), slates.row(begin + row).begin());
    }
  });
}

}  // namespace recforce::algos
