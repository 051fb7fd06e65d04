// SPDX-License-Identifier: Apache-2.0
// Columns are filled for every decision, with what stands for "not known", and those that say nothing go at the end.
#include "data/decision_builder.h"

#include <algorithm>

namespace recforce::data {
namespace {

std::vector<std::string> TextsOf(const IdTable& table) {
  std::vector<std::string> texts;
  texts.reserve(static_cast<std::size_t>(table.size()));
  for (std::int32_t i = 0; i < table.size(); ++i) {
    texts.emplace_back(table[i]);
  }
  return texts;
}

template <class T>
void ClearWhereAll(std::vector<T>& column, const T& unknown) {
  if (std::all_of(column.begin(), column.end(), [&](const T& value) { return value == unknown; })) {
    column.clear();
  }
}

std::int32_t IndexOf(std::string_view id, IdTable& table) { return id.empty() ? -1 : table.Add(id); }

}  // namespace

bool DecisionBuilder::AddItem(std::string_view id) {
  has_catalogue_ = true;
  const std::int32_t before = items_.size();
  return items_.Add(id) == before;
}

std::optional<DecisionProblem> DecisionBuilder::FindListProblem(std::string_view field,
                                                                const std::vector<std::string_view>& ids) {
  if (has_catalogue_) {
    for (const std::string_view id : ids) {
      if (!items_.Find(id)) {
        return DecisionProblem{field, "has an item that the catalogue lacks", std::string(id),
                               "items of the catalogue"};
      }
    }
  }
  sorted_ = ids;
  std::sort(sorted_.begin(), sorted_.end());
  const auto twice = std::adjacent_find(sorted_.begin(), sorted_.end());
  if (twice != sorted_.end()) {
    return DecisionProblem{field, "has an item twice", std::string(*twice), "each once"};
  }
  return std::nullopt;
}

std::optional<DecisionProblem> DecisionBuilder::FindProblem(const ParsedDecision& decision) {
  if (std::optional<DecisionProblem> problem = FindListProblem("slate", decision.slate)) {
    return problem;
  }
  if (!decision.candidates.empty()) {
    if (std::optional<DecisionProblem> problem = FindListProblem("candidates", decision.candidates)) {
      return problem;
    }
    for (const std::string_view id : decision.slate) {  // sorted_ holds the candidates
      if (!std::binary_search(sorted_.begin(), sorted_.end(), id)) {
        return DecisionProblem{"slate", "has an item that is no candidate", std::string(id), "items of candidates"};
      }
    }
  }
  if (size() == 0) {
    return std::nullopt;
  }
  const auto differs = [](std::string_view field, bool is_new) {
    return DecisionProblem{field, is_new ? "is new" : "is missing", "", "the same in all decisions of a log"};
  };
  if (decision.time.has_value() == log_.time.empty()) {
    return differs("ts", decision.time.has_value());
  }
  if (decision.position.has_value() == log_.position.empty()) {
    return differs("position", decision.position.has_value());
  }
  if (decision.has_history == (log_.history.rows() == 0)) {
    return differs("history", decision.has_history);
  }
  return std::nullopt;
}

std::int32_t DecisionBuilder::PolicyOf(const LoggedPolicy& policy) {
  if (policy == LoggedPolicy{}) {
    return -1;
  }
  const auto found = std::find(log_.policies.begin(), log_.policies.end(), policy);
  if (found == log_.policies.end()) {
    log_.policies.push_back(policy);
    return static_cast<std::int32_t>(log_.policies.size()) - 1;
  }
  return static_cast<std::int32_t>(found - log_.policies.begin());
}

std::int64_t DecisionBuilder::Add(const ParsedDecision& decision) {
  log_.decision_ids.emplace_back(decision.decision_id);
  log_.policy.push_back(PolicyOf(decision.policy));
  if (decision.time) {
    log_.time.push_back(*decision.time);
  }
  log_.user.push_back(IndexOf(decision.user, users_));
  log_.session.push_back(IndexOf(decision.session, sessions_));
  if (decision.position) {
    log_.position.push_back(*decision.position);
  }
  log_.drop_rate.push_back(decision.drop_rate);
  log_.exploration.emplace_back(decision.exploration);
  log_.context.insert(log_.context.end(), decision.context.begin(), decision.context.end());
  for (std::size_t slot = 0; slot < decision.slate.size(); ++slot) {
    log_.item.push_back(ItemOf(decision.slate[slot]));
    log_.propensity.push_back(decision.propensity[slot]);
    log_.reward.push_back(decision.reward[slot]);
  }
  log_.first.push_back(static_cast<std::int64_t>(log_.item.size()));
  std::vector<std::int32_t> items;
  for (const std::string_view id : decision.candidates) {
    items.push_back(ItemOf(id));
  }
  log_.candidates.AddRow(items);
  log_.candidate_probability.insert(log_.candidate_probability.end(), decision.candidate_probability.begin(),
                                    decision.candidate_probability.end());
  has_candidates_ = has_candidates_ || !items.empty();
  has_all_probabilities_ = has_all_probabilities_ && !decision.candidate_probability.empty();
  items.clear();
  for (const std::string_view id : decision.history) {
    const std::optional<std::int32_t> item = has_catalogue_ ? items_.Find(id) : ItemOf(id);
    if (item) {
      items.push_back(*item);
    }
  }
  if (decision.has_history) {
    log_.history.AddRow(items);
  }
  return static_cast<std::int64_t>(decision.history.size() - items.size());
}

// Decisions that may choose any item, beside others that may not, get a row of all items.
void DecisionBuilder::SpreadCandidates() {
  if (!has_candidates_) {
    log_.candidates = Csr();
    return;
  }
  std::vector<std::int32_t> all(static_cast<std::size_t>(items_.size()));
  for (std::int32_t item = 0; item < items_.size(); ++item) {
    all[static_cast<std::size_t>(item)] = item;
  }
  Csr spread;
  for (std::int64_t r = 0; r < log_.candidates.rows(); ++r) {
    const std::span<const std::int32_t> row = log_.candidates.row(r);
    spread.AddRow(row.empty() ? std::span<const std::int32_t>(all) : row);
  }
  log_.candidates = std::move(spread);
}

DecisionLog DecisionBuilder::Finish() {
  SpreadCandidates();
  log_.item_ids = TextsOf(items_);
  log_.user_ids = TextsOf(users_);
  log_.session_ids = TextsOf(sessions_);
  ClearWhereAll(log_.decision_ids, std::string());
  ClearWhereAll(log_.policy, log_.policies.empty() ? -1 : 0);
  ClearWhereAll(log_.user, -1);
  ClearWhereAll(log_.session, -1);
  ClearWhereAll(log_.drop_rate, 0.0);
  ClearWhereAll(log_.exploration, std::string());
  if (!has_all_probabilities_) {
    log_.candidate_probability.clear();
  }
  return std::move(log_);
}

}  // namespace recforce::data
