// SPDX-License-Identifier: Apache-2.0
// One batch of histories after the other is scored; the choices made after each are measured in parallel. Choices that
// share a history share a row of scores: what follows a display without a click, and what strangers choose first.
#include "recforce/eval/choice.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "recforce/base/error.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/threads.h"
#include "recforce/data/csr.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kChoicesPerChunk = 64;
constexpr double kDoesNotCount = std::numeric_limits<double>::quiet_NaN();

// The histories of consecutive choices, each at most once.
class HistoryBatch {
 public:
  HistoryBatch(const data::DisplaySet& set, std::span<const std::int32_t> train_rows, std::int64_t num_items)
      : set_(set), train_rows_(train_rows), last_seen_(static_cast<std::size_t>(num_items), -1) {}

  // Takes choices from the next one on until `limit` histories are needed or none is left; false at the end.
  bool Fill(std::int64_t limit) {
    histories_ = {};
    sequences_ = {};
    rows_.clear();
    row_of_.clear();
    std::int32_t strangers_first = -1;  // the row of an empty history of no training user
    first_ = next_;
    bool same_as_before = false;
    for (; next_ < set_.size(); ++next_) {
      SkipFinishedUsers();
      const std::int32_t train_row = train_rows_.empty() ? -1 : train_rows_[static_cast<std::size_t>(user_)];
      const bool stranger_begins = events_.empty() && train_row < 0;
      std::int32_t row = stranger_begins ? strangers_first : same_as_before ? row_of_.back() : -1;
      if (row < 0) {
        if (static_cast<std::int64_t>(rows_.size()) == limit) {
          break;
        }
        row = AddRow(train_row);
        strangers_first = stranger_begins ? row : strangers_first;
      }
      row_of_.push_back(row);
      const std::int32_t item = set_.chosen(next_);
      if (item >= 0) {
        events_.push_back(item);
      }
      same_as_before = item < 0 && next_ + 1 < set_.user_offsets[static_cast<std::size_t>(user_) + 1];
    }
    return next_ > first_;
  }

  [[nodiscard]] std::int64_t first() const { return first_; }
  [[nodiscard]] std::int64_t choices() const { return static_cast<std::int64_t>(row_of_.size()); }
  // The row of the n-th choice of the batch.
  [[nodiscard]] std::int32_t row(std::int64_t n) const { return row_of_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] bool HasHistory(std::int64_t n) const { return !histories_.row(row(n)).empty(); }
  [[nodiscard]] core::UserBatch users() const {
    core::UserBatch users{.history = histories_.view()};
    if (sequences_.nnz() != histories_.nnz()) {
      users.sequence = sequences_.view();
    }
    if (!train_rows_.empty()) {
      users.rows = rows_;
    }
    return users;
  }

 private:
  void SkipFinishedUsers() {
    while (next_ >= set_.user_offsets[static_cast<std::size_t>(user_) + 1]) {
      ++user_;
      events_.clear();
    }
  }

  std::int32_t AddRow(std::int32_t train_row) {
    // Each item where it stands last, as in splits.
    const std::int64_t length = static_cast<std::int64_t>(events_.size());
    for (std::int64_t at = 0; at < length; ++at) {
      last_seen_[static_cast<std::size_t>(events_[static_cast<std::size_t>(at)])] = at;
    }
    distinct_.clear();
    for (std::int64_t at = 0; at < length; ++at) {
      const std::int32_t item = events_[static_cast<std::size_t>(at)];
      if (last_seen_[static_cast<std::size_t>(item)] == at) {
        distinct_.push_back(item);
      }
    }
    histories_.AddRow(distinct_);
    sequences_.AddRow(events_);
    rows_.push_back(train_row);
    return static_cast<std::int32_t>(rows_.size()) - 1;
  }

  const data::DisplaySet& set_;
  std::span<const std::int32_t> train_rows_;
  std::vector<std::int64_t> last_seen_;  // [items] a place in events_; read only for items that are there
  std::vector<std::int32_t> distinct_;
  std::int64_t user_ = 0;
  std::int64_t first_ = 0;
  std::int64_t next_ = 0;
  std::vector<std::int32_t> events_;  // of user_, before choice next_
  data::Csr histories_;
  data::Csr sequences_;
  std::vector<std::int32_t> rows_;    // [histories] rows in training
  std::vector<std::int32_t> row_of_;  // [choices]
};

// The chance that the item at `chosen` is among the best k: 0 or 1 unless equal scores are at random places.
double Hit(std::span<const float> scores, std::size_t chosen, std::int64_t k, ChoiceTies ties) {
  std::int64_t better = 0;
  std::int64_t equal = -1;  // others
  for (const float score : scores) {
    better += score > scores[chosen] ? 1 : 0;
    equal += score == scores[chosen] ? 1 : 0;
  }
  switch (ties) {
    case ChoiceTies::kPessimistic:
      return better + equal < k ? 1.0 : 0.0;
    case ChoiceTies::kOptimistic:
      return better < k ? 1.0 : 0.0;
    case ChoiceTies::kExpected:
      return std::clamp(static_cast<double>(k - better) / static_cast<double>(equal + 1), 0.0, 1.0);
  }
  return 0.0;
}

double FlooredNll(double probability) { return -std::log(std::clamp(probability, kLeastProbability, 1.0)); }

class ChoiceMeasurement {
 public:
  ChoiceMeasurement(const core::Recommender& recommender, const data::DisplaySet& set, ChoiceTies ties)
      : set_(set), ties_(ties) {
    const auto choices = static_cast<std::size_t>(set.size());
    result_.rule = recommender.choice();
    result_.user_offsets = set.user_offsets;
    result_.offsets = set.offsets;
    result_.choice = set.choice;
    result_.has_history.resize(choices);
    for (std::vector<double>& values : result_.values) {
      values.assign(choices, kDoesNotCount);
    }
    if (result_.rule) {
      result_.item_probability.resize(set.items.size());
      result_.no_click_probability.resize(choices);
    }
  }

  // `scores`: of the catalogue, after the history of choice d. Writes what belongs to d alone.
  void Measure(std::int64_t d, bool has_history, std::span<const float> scores, std::vector<float>& shown) {
    const auto at = static_cast<std::size_t>(d);
    result_.has_history[at] = has_history ? 1 : 0;
    shown.clear();
    for (const std::int32_t item : set_.shown(d)) {
      shown.push_back(scores[static_cast<std::size_t>(item)]);
      if (!std::isfinite(shown.back())) {
        throw base::Error(base::ErrorKind::kDiverged, "evaluation of choices: the score of an item is '" +
                                                          std::to_string(shown.back()) + "'; expected a finite number");
      }
    }
    RECFORCE_CHECK(!shown.empty(), "a display shows nothing");
    if (set_.choice[at] >= 0) {
      const auto chosen = static_cast<std::size_t>(set_.choice[at]);
      Value(ChoiceMeasure::kPrecision1, at) = Hit(shown, chosen, 1, ties_);
      Value(ChoiceMeasure::kPrecision2, at) = Hit(shown, chosen, 2, ties_);
    }
    if (result_.rule) {
      MeasureProbabilities(*result_.rule, at, shown);
    }
  }

  ChoiceResult Take() { return std::move(result_); }

 private:
  double& Value(ChoiceMeasure measure, std::size_t at) { return result_.values[static_cast<std::size_t>(measure)][at]; }

  void MeasureProbabilities(const core::ChoiceRule& rule, std::size_t at, std::span<const float> utilities) {
    const std::span<double> p =
        std::span(result_.item_probability).subspan(static_cast<std::size_t>(set_.offsets[at]), utilities.size());
    const double none = core::ChoiceProbabilities(rule, utilities, p);
    result_.no_click_probability[at] = none;
    const std::int32_t choice = set_.choice[at];
    if (choice >= 0) {
      Value(ChoiceMeasure::kClickNll, at) = ClickNll(rule, utilities, p, choice);
    }
    if (choice < 0 && !rule.no_click) {
      return;
    }
    const double loss = core::ChoiceLoss(rule, utilities, choice);
    Value(ChoiceMeasure::kFenchelYoung, at) = loss;
    // Shannon's loss is the likelihood itself, exact where the probability underflows.
    const double probability = choice < 0 ? none : p[static_cast<std::size_t>(choice)];
    Value(ChoiceMeasure::kNll, at) =
        rule.law == core::ChoiceLaw::kSoftmax ? std::min(loss, -std::log(kLeastProbability)) : FlooredNll(probability);
    double brier = (none - (choice < 0 ? 1.0 : 0.0)) * (none - (choice < 0 ? 1.0 : 0.0));
    for (std::size_t n = 0; n < p.size(); ++n) {
      const double error = p[n] - (static_cast<std::int32_t>(n) == choice ? 1.0 : 0.0);
      brier += error * error;
    }
    Value(ChoiceMeasure::kBrier, at) = brier;
  }

  // Given a click a softmax is one over the items alone; the other laws divide by what they leave to clicks.
  static double ClickNll(const core::ChoiceRule& rule, std::span<const float> utilities, std::span<const double> p,
                         std::int32_t choice) {
    if (rule.law == core::ChoiceLaw::kSoftmax) {
      return std::min(core::ChoiceLoss({.law = rule.law}, utilities, choice), -std::log(kLeastProbability));
    }
    double clicks = 0.0;
    for (const double item : p) {
      clicks += item;
    }
    return FlooredNll(clicks > 0.0 ? p[static_cast<std::size_t>(choice)] / clicks : 0.0);
  }

  const data::DisplaySet& set_;
  ChoiceTies ties_;
  ChoiceResult result_;
};

}  // namespace

ChoiceResult EvaluateChoices(const core::Recommender& recommender, const data::DisplaySet& set,
                             const ChoiceOptions& options, const base::StopFlag* stop) {
  RECFORCE_CHECK(options.batch_size > 0, "an evaluation of choices needs a batch size");
  RECFORCE_CHECK(options.rows.empty() || static_cast<std::int64_t>(options.rows.size()) == set.num_users(),
                 "training rows of other users");
  const std::int64_t num_items = recommender.NumItems();
  RECFORCE_CHECK(std::all_of(set.items.begin(), set.items.end(),
                             [num_items](std::int32_t item) { return item >= 0 && item < num_items; }),
                 "an item outside the catalogue");
  if (set.size() == 0) {
    throw base::Error(base::ErrorKind::kData,
                      "evaluation of choices: no choices to evaluate: 0; expected at least one");
  }
  ChoiceMeasurement measurement(recommender, set, options.ties);
  HistoryBatch batch(set, options.rows, num_items);
  std::vector<float> buffer;
  while (batch.Fill(options.batch_size)) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    const core::UserBatch users = batch.users();
    buffer.resize(static_cast<std::size_t>(users.size() * num_items));
    recommender.ScoreBatch(users, {buffer.data(), users.size(), num_items});
    const base::MatrixView<const float> scores{buffer.data(), users.size(), num_items};
    base::ParallelFor(0, batch.choices(), kChoicesPerChunk, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> shown;
      for (std::int64_t n = begin; n < end; ++n) {
        measurement.Measure(batch.first() + n, batch.HasHistory(n), scores.row(batch.row(n)), shown);
      }
    });
  }
  return measurement.Take();
}

}  // namespace recforce::eval
