// SPDX-License-Identifier: Apache-2.0
// What a policy decided, with which probability, and what came of it: the input of off-policy evaluation. Columns in
// memory, whatever file they came from (read_decisions.h) or go to (decision_log_writer.h). A log of single actions,
// such as Open Bandit, is one whose decisions have one slot each.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/data/csr.h"

namespace recforce::data {

// Who decided, where the log says it; a text that it does not say is empty.
struct LoggedPolicy {
  std::string name;
  std::string model_version;
  friend bool operator==(const LoggedPolicy&, const LoggedPolicy&) = default;
};

// n decisions with S slots in all, in the order of the log. Items, users and sessions are dense indices into their ids.
// Of a column that says "or empty" the log has either all entries or none.
struct DecisionLog {
  std::string source;  // name of the file, without its folders; for messages
  std::string format;  // one of DecisionFormatNames(), or what made the log
  std::vector<LoggedPolicy> policies;
  std::vector<std::string> item_ids;     // [items], distinct: what can be chosen
  std::vector<std::string> user_ids;     // [users], distinct
  std::vector<std::string> session_ids;  // [sessions], distinct

  // A decision.
  std::vector<std::string> decision_ids;   // [n], or empty
  std::vector<std::int32_t> policy;        // [n] into policies, -1: not known; or empty
  std::vector<std::int64_t> time;          // [n] whole seconds since 1970, or empty
  std::vector<std::int32_t> user;          // [n] -1: not known; or empty
  std::vector<std::int32_t> session;       // [n] trajectory, its decisions in the order of the log, -1: none; or empty
  std::vector<std::int32_t> position;      // [n] of single actions: where on the page it was shown, as logged; or empty
  std::vector<double> drop_rate;           // [n] share in [0, 1) of such decisions that the logger left out; or empty
  std::vector<std::string> exploration;    // [n] how it was drawn, a JSON object or ""; or empty
  std::vector<std::string> context_names;  // [d]
  std::vector<float> context;              // [n, d] row-major, what was known of the user and the moment; or empty
  Csr history;                             // [n] items that the user had clicked before, oldest first; or no rows
  Csr candidates;                          // [n] distinct items that could be chosen; or no rows: all items, always
  // Parallel to candidates.items: probability that the first slot gets this candidate. Or empty: not logged.
  std::vector<double> candidate_probability;

  // A slot. Those of decision r are first[r] .. first[r + 1], in the order shown.
  std::vector<std::int64_t> first{0};  // [n + 1]
  std::vector<std::int32_t> item;      // [S], distinct in a decision
  std::vector<double> propensity;      // [S] in (0, 1], of this item in this slot given the slots before it
  std::vector<double> reward;          // [S] finite

  // An item.
  std::vector<std::string> action_context_names;  // [e]
  std::vector<float> action_context;              // [items, e] row-major, or empty

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(first.size()) - 1; }
  [[nodiscard]] std::int64_t num_slots() const { return static_cast<std::int64_t>(item.size()); }
  [[nodiscard]] std::int64_t num_items() const { return static_cast<std::int64_t>(item_ids.size()); }
  [[nodiscard]] std::span<const std::int32_t> slate(std::int64_t decision) const;
  [[nodiscard]] base::MatrixView<const float> context_rows() const;     // [n, d], 0 x 0 when there is none
  [[nodiscard]] base::MatrixView<const float> action_contexts() const;  // [items, e], 0 x 0 when there is none
  [[nodiscard]] bool IsSingleAction() const;                            // every decision has one slot
  [[nodiscard]] std::vector<std::int64_t> DecisionOfSlots() const;      // [S]
};

// Error(Data) that names the log, the first thing that is wrong and what was expected: columns whose lengths do not fit
// each other, indices out of range, ids that stand twice, an empty slate, an item twice in a slate or not among its
// candidates, propensities outside (0, 1], rewards or contexts that are not finite. What readers return has passed.
void Check(const DecisionLog& log);

}  // namespace recforce::data
