// SPDX-License-Identifier: Apache-2.0
// The proof for splits in which a rule gives every interaction its part: the parts of the log (given), or a kind of
// split over a log with repeats, where a pair does not say which of its events it is. The rule is applied again, and
// every row has to be what follows from it. Only which interactions of a given log went from training to validation
// is read off the training rows, and checked against split.validation_from.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include "data/split_rules.h"
#include "data/verify_split.h"

namespace recforce::data {
namespace {

using Items = std::vector<std::int32_t>;

const char* NameOf(Part part) {
  switch (part) {
    case Part::kTrain:
      return "training";
    case Part::kValidation:
      return "validation";
    case Part::kTest:
      return "test";
    case Part::kInput:
      return "input";
  }
  return "no part";
}

class PartsVerifier {
 public:
  PartsVerifier(const Dataset& dataset, const Split& split)
      : dataset_(dataset),
        split_(split),
        log_(dataset.interactions()),
        repeats_(dataset.repeats()),
        masks_(MasksSeen(split.config, dataset.repeats())),
        local_(static_cast<std::size_t>(dataset.num_items()), -1) {}

  void Run() {
    CheckCatalogueOrder(dataset_, split_);
    for (std::size_t item = 0; item < split_.catalogue.size(); ++item) {
      local_[static_cast<std::size_t>(split_.catalogue[item])] = static_cast<std::int32_t>(item);
    }
    train_row_ = IndexSplitRows(dataset_, split_, "training", split_.train, split_.train_users);
    validation_row_ =
        IndexSplitRows(dataset_, split_, "the validation input", split_.validation.input, split_.validation.users);
    test_row_ = IndexSplitRows(dataset_, split_, "the test input", split_.test.input, split_.test.users);
    IndexSplitRows(dataset_, split_, "the validation target", split_.validation.target, split_.validation.users);
    IndexSplitRows(dataset_, split_, "the test target", split_.test.target, split_.test.users);
    CheckCatalogueIsWhole(dataset_, split_);
    Label();
    for (std::int64_t user = 0; user < log_.rows(); ++user) {
      if (takes_validation_) {
        FindMoved(user);
      }
      CheckUser(user);
    }
    RequireSplitCount("cold_targets_dropped", split_.cold_targets_dropped, cold_,
                      "held-out interactions have items that training never sees");
    RequireSplitCount("seen_targets_dropped", split_.seen_targets_dropped, seen_, "held-out items are seen before");
    RequireSplitCount("users_without_targets", split_.users_without_targets, left_out_, "held-out users have no row");
  }

 private:
  [[nodiscard]] std::size_t Begin(std::int64_t user) const {
    return static_cast<std::size_t>(log_.offsets[static_cast<std::size_t>(user)]);
  }
  [[nodiscard]] std::size_t End(std::int64_t user) const { return Begin(user + 1); }

  void Label() {
    parts_.assign(log_.items.size(), Part::kTrain);
    if (split_.config.kind == kGiven) {
      for (std::size_t place = 0; place < parts_.size(); ++place) {
        parts_[place] = static_cast<Part>(dataset_.parts()[place]);
      }
      takes_validation_ = split_.config.validation_from != "none" &&
                          std::find(parts_.begin(), parts_.end(), Part::kValidation) == parts_.end();
    } else if (split_.config.kind == kGlobalTime) {
      LabelByInstants();
    } else {
      for (std::int64_t user = 0; user < log_.rows(); ++user) {
        const auto n = static_cast<std::int64_t>(End(user) - Begin(user));
        PartSizes sizes{n, 0, 0};
        if (split_.config.kind == kUserTimeRatio) {
          sizes = RatioSizes(split_.config, n);
        } else if (n >= kFewestLeaveOutItems) {
          sizes = {n - 2, 1, 1};
        }
        for (std::int64_t at = sizes.train; at < n; ++at) {
          parts_[Begin(user) + static_cast<std::size_t>(at)] =
              at < sizes.train + sizes.validation ? Part::kValidation : Part::kTest;
        }
      }
    }
  }

  void LabelByInstants() {
    std::vector<std::int64_t> times(dataset_.times().begin(), dataset_.times().end());
    if (times.empty()) {
      FailSplit("the dataset has no times; global_time needs them");
    }
    std::sort(times.begin(), times.end());
    const PartSizes sizes = RatioSizes(split_.config, dataset_.num_interactions());
    const auto from = [&times](std::int64_t rank, std::int64_t count) -> std::optional<std::int64_t> {
      return count == 0 ? std::nullopt : std::optional(times[static_cast<std::size_t>(rank)]);
    };
    const std::optional<std::int64_t> validation = from(sizes.train, sizes.validation + sizes.test);
    const std::optional<std::int64_t> test = from(sizes.train + sizes.validation, sizes.test);
    for (std::size_t place = 0; place < parts_.size(); ++place) {
      const std::int64_t time = dataset_.times()[place];
      parts_[place] = test && time >= *test               ? Part::kTest
                      : validation && time >= *validation ? Part::kValidation
                                                          : Part::kTrain;
    }
  }

  // The training events of a user, as the split has them.
  [[nodiscard]] std::span<const std::int32_t> TrainEvents(std::int64_t user) const {
    const std::int64_t row = train_row_[static_cast<std::size_t>(user)];
    if (row < 0) {
      return {};
    }
    return repeats_ && row < split_.train_sequences.rows() ? split_.train_sequences.row(row) : split_.train.row(row);
  }

  // Relabels what went to validation, as far as a length that the rule allows says that something did.
  void FindMoved(std::int64_t user) {
    std::vector<std::size_t> train;
    bool has_test = false;
    for (std::size_t place = Begin(user); place < End(user); ++place) {
      has_test = has_test || parts_[place] == Part::kTest;
      if (parts_[place] == Part::kTrain) {
        train.push_back(place);
      }
    }
    const std::span<const std::int32_t> kept = TrainEvents(user);
    const std::string& from = split_.config.validation_from;
    const auto n = static_cast<std::int64_t>(train.size());
    if (n < kFewestValidationFromItems || kept.size() == train.size()) {
      return;
    }
    if (kept.empty() && !has_test && (from == "users" || from == "auto")) {
      for (const std::size_t place : train) {
        parts_[place] = Part::kInput;
      }
      parts_[train.back()] = Part::kValidation;
    } else if (kept.size() + 1 == train.size() && (from == "last" || from == "auto")) {
      parts_[train.back()] = Part::kValidation;
    } else if (from == "random" && static_cast<std::int64_t>(kept.size()) + ValidationShare(split_.config, n) == n) {
      std::size_t met = 0;
      for (const std::size_t place : train) {
        if (met < kept.size() && local_[static_cast<std::size_t>(log_.items[place])] == kept[met]) {
          ++met;
        } else {
          parts_[place] = Part::kValidation;
        }
      }
    }
  }

  void CheckUser(std::int64_t user) {
    Items train;
    Items validation;
    Items test;
    Items before_validation;
    Items before_test;
    bool has_validation = false;
    bool has_test = false;
    for (std::size_t place = Begin(user); place < End(user); ++place) {
      const std::int32_t item = local_[static_cast<std::size_t>(log_.items[place])];
      const Part part = parts_[place];
      has_validation = has_validation || part == Part::kValidation;
      has_test = has_test || part == Part::kTest;
      if (item < 0) {
        ++cold_;
        continue;
      }
      const auto put = [item](bool belongs, Items& row) {
        if (belongs) {
          row.push_back(item);
        }
      };
      put(part == Part::kTrain, train);
      put(part == Part::kValidation, validation);
      put(part == Part::kTest, test);
      put(part == Part::kTrain || part == Part::kInput, before_validation);
      put(part != Part::kTest, before_test);
    }
    const std::int64_t row = train_row_[static_cast<std::size_t>(user)];
    Compare(user, "training", row < 0 ? std::span<const std::int32_t>() : split_.train.row(row), Distinct(train));
    if (repeats_ && row >= 0) {
      Compare(user, "the training sequence", Row(split_.train_sequences, row), train);
    }
    CheckEval(user, "validation", split_.validation, validation_row_, has_validation, before_validation, validation);
    CheckEval(user, "test", split_.test, test_row_, has_test, before_test, test);
  }

  void CheckEval(std::int64_t user, const std::string& name, const EvalSet& set,
                 const std::vector<std::int64_t>& row_of, bool held_out, const Items& events, const Items& targets) {
    const Items input = Distinct(events);
    Items target;
    for (const std::int32_t item : Distinct(targets)) {
      if (masks_ && std::find(input.begin(), input.end(), item) != input.end()) {
        ++seen_;
      } else {
        target.push_back(item);
      }
    }
    const std::int64_t row = row_of[static_cast<std::size_t>(user)];
    if (input.empty() || target.empty()) {
      left_out_ += held_out ? 1 : 0;
      if (row >= 0) {
        FailSplit("user " + QuoteUser(dataset_, user) + " has a " + name +
                  " row; the log gives it no input or no target there");
      }
      return;
    }
    if (row < 0) {
      FailSplit("user " + QuoteUser(dataset_, user) + " has no " + name + " row; the log gives it " +
                std::to_string(target.size()) + " targets there");
    }
    Compare(user, "the " + name + " input", set.input.row(row), input);
    Compare(user, "the " + name + " target", set.target.row(row), target);
    if (repeats_) {
      Compare(user, "the " + name + " sequence", Row(set.sequence, row), events);
    }
  }

  [[nodiscard]] Items Distinct(const Items& events) const { return repeats_ ? LastOccurrences(events) : events; }

  static std::span<const std::int32_t> Row(const Csr& rows, std::int64_t row) {
    return row < rows.rows() ? rows.row(row) : std::span<const std::int32_t>();
  }

  // Fails at the first place where a row is not what the rule gives.
  void Compare(std::int64_t user, const std::string& name, std::span<const std::int32_t> found,
               const Items& expected) const {
    if (std::equal(found.begin(), found.end(), expected.begin(), expected.end())) {
      return;
    }
    std::size_t at = 0;
    while (at < found.size() && at < expected.size() && found[at] == expected[at]) {
      ++at;
    }
    FailSplit(name + " of user " + QuoteUser(dataset_, user) + " has " +
              (at < found.size() ? "item " + Describe(user, found[at]) : "nothing") + " at place " +
              std::to_string(at + 1) + "; expected " +
              (at < expected.size() ? "item " + Describe(user, expected[at]) : "nothing"));
  }

  // An item with the part of the user's last event of it.
  [[nodiscard]] std::string Describe(std::int64_t user, std::int32_t item) const {
    if (item < 0 || item >= split_.num_items()) {
      return "'" + std::to_string(item) + "' (outside the catalogue)";
    }
    for (std::size_t place = End(user); place-- > Begin(user);) {
      if (log_.items[place] == split_.catalogue[static_cast<std::size_t>(item)]) {
        return QuoteItem(dataset_, split_, item) + " (" + NameOf(parts_[place]) + ")";
      }
    }
    return QuoteItem(dataset_, split_, item) + " (a pair that the dataset does not have)";
  }

  const Dataset& dataset_;
  const Split& split_;
  const CsrView log_;
  const bool repeats_;
  const bool masks_;
  std::vector<std::int32_t> local_;  // [items of the dataset] index in the catalogue, or -1
  std::vector<Part> parts_;          // [interactions]
  bool takes_validation_ = false;    // given: validation comes from training interactions
  std::vector<std::int64_t> train_row_;
  std::vector<std::int64_t> validation_row_;
  std::vector<std::int64_t> test_row_;
  std::int64_t cold_ = 0;
  std::int64_t seen_ = 0;
  std::int64_t left_out_ = 0;
};

}  // namespace

void VerifyParts(const Dataset& dataset, const Split& split) { PartsVerifier(dataset, split).Run(); }

}  // namespace recforce::data
