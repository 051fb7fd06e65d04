// SPDX-License-Identifier: Apache-2.0
// Decisions as readers find them, with ids as texts, to the columns of a DecisionLog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/id_table.h"
#include "recforce/data/decision_log.h"

namespace recforce::data {

// One decision. Views are valid until the builder returns. Members as in DecisionLog; a text that is not known is
// empty.
struct ParsedDecision {
  std::string_view decision_id;
  std::optional<std::int64_t> time;
  std::string_view user;
  std::string_view session;
  LoggedPolicy policy;
  std::optional<std::int32_t> position;
  bool has_history = false;
  std::vector<std::string_view> history;
  std::vector<std::string_view> candidates;   // empty: all items
  std::vector<double> candidate_probability;  // parallel to candidates, or empty
  std::vector<std::string_view> slate;
  std::vector<double> propensity;
  std::vector<double> reward;
  std::vector<float> context;
  std::string_view exploration;
  double drop_rate = 0.0;
};

// Why a decision does not fit the log. `field` is the name in our own format.
struct DecisionProblem {
  std::string_view field;
  std::string what;
  std::string found;
  std::string expected;
};

// Not thread-safe. Calls: (AddItem* (FindProblem Add)*)* Finish.
class DecisionBuilder {
 public:
  // An item of the catalogue; false when it is there already. Once one was added, decisions can name no others;
  // without a catalogue the items are those that decisions name, in the order in which they do.
  bool AddItem(std::string_view id);
  [[nodiscard]] std::int32_t num_items() const { return items_.size(); }
  [[nodiscard]] std::optional<std::int32_t> FindItem(std::string_view id) const { return items_.Find(id); }

  // What the columns of the log, or the catalogue, do not allow of a decision whose fields are good each by itself.
  [[nodiscard]] std::optional<DecisionProblem> FindProblem(const ParsedDecision& decision);
  // REQUIRES: FindProblem() has found nothing. Returns how many items of its history the catalogue lacks: these are
  // left out.
  std::int64_t Add(const ParsedDecision& decision);
  [[nodiscard]] std::int64_t size() const { return log_.size(); }

  // The log without `source`, `format` and the names of contexts. Columns of which nothing was known are empty.
  DecisionLog Finish();

 private:
  // Each item of `ids` is known or may be, and stands there once.
  [[nodiscard]] std::optional<DecisionProblem> FindListProblem(std::string_view field,
                                                               const std::vector<std::string_view>& ids);
  std::int32_t ItemOf(std::string_view id) { return items_.Add(id); }
  std::int32_t PolicyOf(const LoggedPolicy& policy);
  void SpreadCandidates();

  DecisionLog log_;
  bool has_catalogue_ = false;
  IdTable items_;
  IdTable users_;
  IdTable sessions_;
  bool has_candidates_ = false;           // of any decision
  bool has_all_probabilities_ = true;     // of every decision
  std::vector<std::string_view> sorted_;  // scratch
};

}  // namespace recforce::data
