// SPDX-License-Identifier: Apache-2.0
// Folds, one fit for each, and predictions as products of a context with a row of coefficients.
#include "recforce/ope/reward_model.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "ope/arrow_regression.h"
#include "ope/reward_features.h"
#include "ope/row_products.h"
#include "ope/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::ope {
namespace {

using base::Error;
using base::ErrorKind;

// Coefficients on x: row 0 of items that the fold's rounds say nothing of, or a row for each item.
struct Table {
  std::vector<std::int32_t> row_of_item;  // [items], or empty: row a for item a
  RowProducts coefficients;               // [rows, columns of x]
};

Table TableOf(const ArrowFit& fit, const RewardFeatures& features, std::int64_t num_items) {
  const std::size_t width = features.context_size();
  const auto items = static_cast<std::size_t>(num_items);
  Table table;
  table.row_of_item.assign(items, 0);
  std::vector<double> rows(fit.common.begin(), fit.common.begin() + static_cast<std::ptrdiff_t>(width));
  const auto add_row = [&](std::size_t item) {
    table.row_of_item[item] = static_cast<std::int32_t>(rows.size() / width);
    for (std::size_t c = 0; c < width; ++c) {
      rows.push_back(rows[c]);
    }
    const std::span<double> row = std::span(rows).last(width);
    features.Collapse(static_cast<std::int32_t>(item), fit.common, row);
    return row;
  };
  for (std::size_t item = 0; features.has_action_context() && item < items; ++item) {
    add_row(item);
  }
  for (std::size_t index = 0; index < fit.items.size(); ++index) {
    const auto item = static_cast<std::size_t>(fit.items[index]);
    const std::span<double> row =
        features.has_action_context()
            ? std::span(rows).subspan(static_cast<std::size_t>(table.row_of_item[item]) * width, width)
            : add_row(item);
    for (std::size_t c = 0; c < features.own_size(); ++c) {
      row[c] += fit.own[index * features.own_size() + c];
    }
  }
  if (rows.size() == (items + 1) * width) {  // nobody needs row 0, and the others are in the order of items
    table.row_of_item.clear();
    rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(width));
  }
  table.coefficients = RowProducts(rows, width);
  return table;
}

void CheckOptions(const RewardModelOptions& options) {
  for (const double ridge : {options.common_ridge, options.action_ridge, options.interaction_ridge}) {
    if (!(ridge > 0.0) || !std::isfinite(ridge)) {
      throw Error(ErrorKind::kUsage,
                  "reward model: a ridge is '" + base::FormatReal(ridge) + "'; expected numbers above 0");
    }
  }
  if (options.folds < 1) {
    throw Error(ErrorKind::kUsage, "reward model: '" + std::to_string(options.folds) + "' folds; expected at least 1");
  }
}

RewardLaw LawOf(const RewardRounds& rounds, const RewardModelOptions& options) {
  const auto other = std::find_if(rounds.reward.begin(), rounds.reward.end(),
                                  [](double reward) { return reward != 0.0 && reward != 1.0; });
  if (options.law == RewardLaw::kLogistic && other != rounds.reward.end()) {
    throw Error(ErrorKind::kData, "reward model: reward of round " + std::to_string(other - rounds.reward.begin()) +
                                      " is neither 0 nor 1: '" + base::FormatReal(*other) +
                                      "'; expected 0 and 1 for a logistic law, or a linear one");
  }
  return options.law.value_or(other == rounds.reward.end() ? RewardLaw::kLogistic : RewardLaw::kLinear);
}

// Groups in random order take the folds in turn. Returns how many folds there are.
int AssignFolds(const RewardRounds& rounds, const RewardModelOptions& options, std::vector<int>& folds) {
  std::vector<std::int64_t> group(rounds.group.begin(), rounds.group.end());
  for (std::size_t r = 0; rounds.group.empty() && r < rounds.item.size(); ++r) {
    group.push_back(static_cast<std::int64_t>(r));
  }
  std::vector<std::int64_t> distinct = group;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (options.folds > 1 && distinct.size() < 2) {
    throw Error(ErrorKind::kData,
                "reward model: all rounds are of one user; expected two or more to fit on some and predict others");
  }
  const int count = static_cast<int>(std::min(distinct.size(), static_cast<std::size_t>(options.folds)));
  std::vector<std::size_t> order(distinct.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  base::Rng rng(options.seed, base::Stream::kSplit);
  rng.Shuffle(std::span(order));
  std::vector<int> of_group(distinct.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    of_group[order[i]] = static_cast<int>(i % static_cast<std::size_t>(count));
  }
  for (const std::int64_t g : group) {
    const auto place = std::lower_bound(distinct.begin(), distinct.end(), g) - distinct.begin();
    folds.push_back(of_group[static_cast<std::size_t>(place)]);
  }
  return count;
}

}  // namespace

struct RewardModel::State {
  State(const RewardRounds& given, const RewardModelOptions& options)
      : rounds(given), law(LawOf(given, options)), features(rounds, options) {}

  [[nodiscard]] const Table& TableOfRound(std::int64_t round) const {
    return tables[static_cast<std::size_t>(fold_of_round[static_cast<std::size_t>(round)])];
  }
  [[nodiscard]] std::vector<double> Context(std::int64_t round) const {
    std::vector<double> x(features.context_size());
    features.Context(round, x);
    return x;
  }
  // f to q.
  void Link(std::span<double> values) const {
    if (law == RewardLaw::kLogistic) {
      for (double& value : values) {
        value = 1.0 / (1.0 + FastExp(-value));
      }
    }
  }

  RewardRounds rounds;
  RewardLaw law;
  RewardFeatures features;  // refers to `rounds`
  std::vector<int> fold_of_round;
  std::vector<Table> tables;  // by fold
};

RewardModel RewardModel::Fit(const RewardRounds& rounds, const RewardModelOptions& options) {
  CheckOptions(options);
  const auto counts = [&](std::size_t r) { return rounds.weight.empty() || rounds.weight[r] > 0.0; };
  bool any = false;
  for (std::size_t r = 0; r < rounds.item.size() && !any; ++r) {
    any = counts(r);
  }
  if (!any) {
    throw Error(ErrorKind::kData, "reward model: no round has a positive weight; expected at least one");
  }
  auto state = std::make_shared<State>(rounds, options);
  const int folds = AssignFolds(rounds, options, state->fold_of_round);
  state->tables.resize(static_cast<std::size_t>(folds));
  base::ParallelFor(0, folds, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t fold = begin; fold < end; ++fold) {
      std::vector<std::int64_t> listed;
      bool has_weight = false;
      for (std::size_t r = 0; r < rounds.item.size(); ++r) {
        if (folds == 1 || state->fold_of_round[r] != fold) {
          listed.push_back(static_cast<std::int64_t>(r));
          has_weight = has_weight || counts(r);
        }
      }
      if (!has_weight) {
        throw Error(ErrorKind::kData, "reward model: a fold has all rounds of positive weight; expected fewer folds");
      }
      state->tables[static_cast<std::size_t>(fold)] = TableOf(
          FitArrow(state->rounds, state->features, options, state->law, listed), state->features, rounds.num_items);
    }
  });
  return RewardModel(std::move(state));
}

void RewardModel::Predict(std::int64_t round, std::span<double> out) const {
  PredictRounds(round, {out.data(), 1, static_cast<std::int64_t>(out.size())});
}

void RewardModel::PredictRounds(std::int64_t first, base::MatrixView<double> out) const {
  const std::size_t width = state_->features.context_size();
  std::vector<double> contexts(static_cast<std::size_t>(out.rows) * width);
  for (std::int64_t row = 0; row < out.rows; ++row) {
    state_->features.Context(first + row, std::span(contexts).subspan(static_cast<std::size_t>(row) * width, width));
  }
  std::vector<double> values;  // by round of a fold and row of its table
  for (std::size_t fold = 0; fold < state_->tables.size(); ++fold) {
    const Table& table = state_->tables[fold];
    const std::size_t size = table.coefficients.rows();
    values.resize(table.row_of_item.empty() ? 0 : static_cast<std::size_t>(out.rows) * size);
    std::vector<const double*> xs;
    std::vector<double*> products;
    std::vector<std::span<double>> laws;
    for (std::int64_t row = 0; row < out.rows; ++row) {
      if (this->fold(first + row) == static_cast<int>(fold)) {
        products.push_back(table.row_of_item.empty() ? out.row(row).data() : values.data() + xs.size() * size);
        laws.push_back(out.row(row));
        xs.push_back(contexts.data() + static_cast<std::size_t>(row) * width);
      }
    }
    table.coefficients.Multiply(xs, products);
    for (std::size_t at = 0; at < laws.size(); ++at) {
      state_->Link({products[at], size});
      for (std::size_t item = 0; item < table.row_of_item.size(); ++item) {
        laws[at][item] = products[at][static_cast<std::size_t>(table.row_of_item[item])];
      }
    }
  }
}

double RewardModel::PredictOne(std::int64_t round, std::int32_t item) const {
  const Table& table = state_->TableOfRound(round);
  const auto at = static_cast<std::size_t>(item);
  const auto row = table.row_of_item.empty() ? at : static_cast<std::size_t>(table.row_of_item[at]);
  double value = table.coefficients.MultiplyOne(state_->Context(round), row);
  state_->Link({&value, 1});
  return value;
}

RewardLaw RewardModel::law() const { return state_->law; }
int RewardModel::folds() const { return static_cast<int>(state_->tables.size()); }
int RewardModel::fold(std::int64_t round) const { return state_->fold_of_round[static_cast<std::size_t>(round)]; }
std::int64_t RewardModel::num_items() const { return state_->rounds.num_items; }

LogRounds::LogRounds(const data::DecisionLog& log) : context_row_(log.DecisionOfSlots()) {
  const auto users = static_cast<std::int64_t>(log.user_ids.size());
  bool differs = false;
  for (std::size_t s = 0; s < context_row_.size(); ++s) {
    const auto decision = static_cast<std::size_t>(context_row_[s]);
    const bool is_known = !log.user.empty() && log.user[decision] >= 0;
    group_.push_back(is_known ? log.user[decision] : users + context_row_[s]);
    position_.push_back(log.position.empty()
                            ? static_cast<std::int32_t>(static_cast<std::int64_t>(s) - log.first[decision])
                            : log.position[decision]);
    differs = differs || position_.back() != position_.front();
  }
  rounds_.num_items = log.num_items();
  rounds_.item = log.item;
  rounds_.reward = log.reward;
  rounds_.group = group_;
  rounds_.position = differs ? std::span<const std::int32_t>(position_) : std::span<const std::int32_t>();
  rounds_.context = log.context_rows();
  if (!log.IsSingleAction()) {  // else a round is a decision, and one look-up less
    rounds_.context_row = context_row_;
  }
  rounds_.action_context = log.action_contexts();
}

}  // namespace recforce::ope
