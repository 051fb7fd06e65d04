// SPDX-License-Identifier: Apache-2.0
// The checks go through the columns in the order of the struct and stop at the first fault.
#include "recforce/data/decision_log.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

class Checker {
 public:
  explicit Checker(const DecisionLog& log) : log_(log), n_(log.size()) {}

  void Run() const {
    CheckIds(log_.item_ids, "item");
    CheckIds(log_.user_ids, "user");
    CheckIds(log_.session_ids, "session");
    CheckOffsets();
    CheckDecisionColumns();
    CheckContext();
    CheckLists();
    CheckSlots();
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw base::Error(base::ErrorKind::kData, (log_.source.empty() ? "decision log" : log_.source) + ": " + what);
  }
  static std::string At(const std::string& what, std::int64_t decision) {
    return what + " of decision " + std::to_string(decision);
  }

  void CheckIds(const std::vector<std::string>& ids, const std::string& what) const {
    std::unordered_set<std::string_view> seen;
    for (const std::string& id : ids) {
      if (id.empty() || FindTextFault(id)) {
        Fail(what + " id is no text: " + Quoted(id) + "; expected UTF-8 that is not empty");
      }
      if (!seen.insert(id).second) {
        Fail(what + " id stands twice: " + Quoted(id) + "; expected each once");
      }
    }
  }

  void CheckOffsets() const {
    const auto slots = static_cast<std::int64_t>(log_.item.size());
    if (log_.first.empty() || log_.first.front() != 0 || log_.first.back() != slots) {
      Fail("'first' does not run from 0 to the " + std::to_string(slots) + " slots; expected n + 1 offsets");
    }
    for (std::int64_t r = 0; r < n_; ++r) {
      const auto i = static_cast<std::size_t>(r);
      if (log_.first[i] >= log_.first[i + 1] || log_.first[i + 1] > slots) {
        Fail(At("slate", r) + " is empty; expected at least one item");
      }
    }
  }

  template <class T>
  void CheckLength(const std::vector<T>& column, const std::string& name, std::int64_t wanted) const {
    if (!column.empty() && static_cast<std::int64_t>(column.size()) != wanted) {
      Fail(name + " has " + std::to_string(column.size()) + " entries; expected " + std::to_string(wanted) +
           " or none");
    }
  }

  void CheckIndices(const std::vector<std::int32_t>& column, const std::string& name, std::size_t size) const {
    CheckLength(column, name, n_);
    for (std::size_t r = 0; r < column.size(); ++r) {
      if (column[r] < -1 || column[r] >= static_cast<std::int64_t>(size)) {
        Fail(At(name, static_cast<std::int64_t>(r)) + " is out of range: '" + std::to_string(column[r]) +
             "'; expected -1 to " + std::to_string(static_cast<std::int64_t>(size) - 1));
      }
    }
  }

  void CheckDecisionColumns() const {
    CheckLength(log_.decision_ids, "decision_ids", n_);
    CheckIndices(log_.policy, "policy", log_.policies.size());
    CheckLength(log_.time, "time", n_);
    CheckIndices(log_.user, "user", log_.user_ids.size());
    CheckIndices(log_.session, "session", log_.session_ids.size());
    CheckLength(log_.position, "position", n_);
    CheckLength(log_.drop_rate, "drop_rate", n_);
    CheckLength(log_.exploration, "exploration", n_);
    if (!log_.position.empty() && !log_.IsSingleAction()) {
      Fail("position is known of slates; expected decisions of one slot each, or no positions");
    }
    for (std::size_t r = 0; r < log_.drop_rate.size(); ++r) {
      if (!(log_.drop_rate[r] >= 0.0 && log_.drop_rate[r] < 1.0)) {
        Fail(At("drop_rate", static_cast<std::int64_t>(r)) + " is out of range: '" +
             base::FormatReal(log_.drop_rate[r]) + "'; expected at least 0 and less than 1");
      }
    }
  }

  void CheckMatrix(const std::vector<float>& values, const std::string& name, std::int64_t rows,
                   std::size_t cols) const {
    if (static_cast<std::int64_t>(values.size()) != rows * static_cast<std::int64_t>(cols)) {
      Fail(name + " has " + std::to_string(values.size()) + " entries; expected " + std::to_string(rows) + " x " +
           std::to_string(cols));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i])) {
        Fail(name + " is not finite in row " + std::to_string(i / cols) + ", column " + std::to_string(i % cols) +
             "; expected numbers");
      }
    }
  }

  void CheckContext() const {
    CheckMatrix(log_.context, "context", n_, log_.context_names.size());
    CheckMatrix(log_.action_context, "action_context", log_.num_items(), log_.action_context_names.size());
  }

  void CheckCsr(const Csr& lists, const std::string& name) const {
    const auto& offsets = lists.offsets;
    const bool whole = !offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                       offsets.back() == lists.nnz();
    if (!whole || (lists.rows() != n_ && (lists.rows() != 0 || lists.nnz() != 0))) {
      Fail(name + " has " + std::to_string(whole ? lists.rows() : -1) + " rows; expected " + std::to_string(n_) +
           " or none");
    }
    for (const std::int32_t item : lists.items) {
      CheckItem(item, name);
    }
  }
  void CheckItem(std::int32_t item, const std::string& name) const {
    if (item < 0 || item >= log_.num_items()) {
      Fail(name + " has an item out of range: '" + std::to_string(item) + "'; expected 0 to " +
           std::to_string(log_.num_items() - 1));
    }
  }

  void CheckLists() const {
    CheckCsr(log_.history, "history");
    CheckCsr(log_.candidates, "candidates");
    CheckLength(log_.candidate_probability, "candidate_probability", log_.candidates.nnz());
    for (const double p : log_.candidate_probability) {
      if (!(p >= 0.0 && p <= 1.0)) {
        Fail("candidate_probability is out of range: '" + base::FormatReal(p) + "'; expected 0 to 1");
      }
    }
  }

  void CheckSlots() const {
    if (log_.propensity.size() != log_.item.size() || log_.reward.size() != log_.item.size()) {
      Fail("propensity and reward have " + std::to_string(log_.propensity.size()) + " and " +
           std::to_string(log_.reward.size()) + " entries; expected " + std::to_string(log_.item.size()));
    }
    for (const std::int32_t item : log_.item) {
      CheckItem(item, "slate");
    }
    std::vector<std::int64_t> shown(log_.item_ids.size(), -1);     // the last decision that shows the item
    std::vector<std::int64_t> possible(log_.item_ids.size(), -1);  // the last one that has it as a candidate
    for (std::int64_t r = 0; r < n_; ++r) {
      CheckCandidates(r, possible);
      const auto begin = log_.first[static_cast<std::size_t>(r)];
      for (std::int64_t s = begin; s < log_.first[static_cast<std::size_t>(r) + 1]; ++s) {
        const auto item = static_cast<std::size_t>(log_.item[static_cast<std::size_t>(s)]);
        if (std::exchange(shown[item], r) == r) {
          Fail(At("slate", r) + " shows an item twice: " + Quoted(log_.item_ids[item]) + "; expected each once");
        }
        if (log_.candidates.rows() > 0 && possible[item] != r) {
          Fail(At("slate", r) + " shows what is no candidate: " + Quoted(log_.item_ids[item]) +
               "; expected one of its candidates");
        }
        CheckNumbers(r, static_cast<std::size_t>(s));
      }
    }
  }

  void CheckCandidates(std::int64_t r, std::vector<std::int64_t>& possible) const {
    if (log_.candidates.rows() == 0) {
      return;
    }
    for (const std::int32_t item : log_.candidates.row(r)) {
      if (std::exchange(possible[static_cast<std::size_t>(item)], r) == r) {
        Fail(At("candidates", r) + " have an item twice: " + Quoted(log_.item_ids[static_cast<std::size_t>(item)]) +
             "; expected each once");
      }
    }
  }

  void CheckNumbers(std::int64_t r, std::size_t slot) const {
    const double p = log_.propensity[slot];
    if (!(p > 0.0 && p <= 1.0)) {
      Fail(At("propensity", r) + " is out of range: '" + base::FormatReal(p) +
           "'; expected a probability above 0 and at most 1");
    }
    if (!std::isfinite(log_.reward[slot])) {
      Fail(At("reward", r) + " is not finite; expected a number");
    }
  }

  const DecisionLog& log_;
  std::int64_t n_;
};

}  // namespace

std::span<const std::int32_t> DecisionLog::slate(std::int64_t decision) const {
  const auto i = static_cast<std::size_t>(decision);
  return std::span(item).subspan(static_cast<std::size_t>(first[i]), static_cast<std::size_t>(first[i + 1] - first[i]));
}

base::MatrixView<const float> DecisionLog::context_rows() const {
  const auto cols = static_cast<std::int64_t>(context_names.size());
  return cols == 0 ? base::MatrixView<const float>{} : base::MatrixView<const float>{context.data(), size(), cols};
}

base::MatrixView<const float> DecisionLog::action_contexts() const {
  const auto cols = static_cast<std::int64_t>(action_context_names.size());
  return cols == 0 ? base::MatrixView<const float>{}
                   : base::MatrixView<const float>{action_context.data(), num_items(), cols};
}

bool DecisionLog::IsSingleAction() const { return num_slots() == size(); }

std::vector<std::int64_t> DecisionLog::DecisionOfSlots() const {
  std::vector<std::int64_t> decisions(item.size());
  for (std::int64_t r = 0; r < size(); ++r) {
    const auto i = static_cast<std::size_t>(r);
    std::fill(decisions.begin() + first[i], decisions.begin() + first[i + 1], r);
  }
  return decisions;
}

void Check(const DecisionLog& log) { Checker(log).Run(); }

}  // namespace recforce::data
