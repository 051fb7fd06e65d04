// SPDX-License-Identifier: Apache-2.0
// What test targets are ranked among, where that is not the whole catalogue: the targets themselves, and what the log
// lists or what a sampled negative may be, as many as asked for.
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/split_rules.h"
#include "data/verify_split.h"

namespace recforce::data {
namespace {

using Items = std::vector<std::int32_t>;

Items Sorted(std::span<const std::int32_t> items) {
  Items sorted(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted;
}

bool Has(const Items& sorted, std::int32_t item) { return std::binary_search(sorted.begin(), sorted.end(), item); }

class CandidateVerifier {
 public:
  CandidateVerifier(const Dataset& dataset, const Split& split)
      : dataset_(dataset),
        split_(split),
        sampled_(split.candidates == "sampled"),
        not_test_(sampled_ && split.config.negatives_from == "not_test"),
        distinct_(!sampled_ || split.config.negatives_distinct),
        drawable_(split.catalogue.size(), split.config.negative_sampling == "popularity" ? 0 : 1) {
    for (const std::int32_t item : split.train.items) {
      drawable_[static_cast<std::size_t>(item)] = 1;
    }
    if (not_test_) {
      targets_of_.resize(static_cast<std::size_t>(dataset.num_users()));
      for (std::int64_t row = 0; row < split.test.rows(); ++row) {
        Items& own = targets_of_[static_cast<std::size_t>(User(row))];
        const std::span<const std::int32_t> targets = split.test.target.row(row);
        own.insert(own.end(), targets.begin(), targets.end());
      }
    }
  }

  void CheckRow(std::int64_t row) {
    if (row == 0 || User(row) != User(row - 1)) {
      Forbid(User(row));
    }
    whose_ = "the candidates of user " + QuoteUser(dataset_, User(row));
    CheckForm(row);
    if (sampled_) {
      CheckNegatives(row);
    } else {
      CheckListed(row);
    }
  }

 private:
  [[nodiscard]] std::int32_t User(std::int64_t row) const { return split_.test.users[static_cast<std::size_t>(row)]; }
  [[nodiscard]] bool IsTarget(std::int64_t row, std::int32_t item) const {
    const std::span<const std::int32_t> targets = split_.test.target.row(row);
    return std::find(targets.begin(), targets.end(), item) != targets.end();
  }
  // Catalogue index of an item of the dataset, or -1.
  [[nodiscard]] std::int32_t Local(std::int32_t item) const {
    const auto found = std::lower_bound(split_.catalogue.begin(), split_.catalogue.end(), item);
    const bool known = found != split_.catalogue.end() && *found == item;
    return known ? static_cast<std::int32_t>(found - split_.catalogue.begin()) : -1;
  }

  // What no negative of the user may be, in catalogue items.
  void Forbid(std::int32_t user) {
    if (not_test_) {
      forbidden_ = Sorted(targets_of_[static_cast<std::size_t>(user)]);
    } else {
      Items own;
      for (const std::int32_t item : dataset_.interactions().row(user)) {
        if (const std::int32_t local = Local(item); local >= 0) {
          own.push_back(local);
        }
      }
      forbidden_ = Sorted(own);
    }
  }

  // Items of the catalogue, each target once, nothing masked, and no item twice unless negatives may repeat.
  void CheckForm(std::int64_t row) const {
    const std::span<const std::int32_t> candidates = split_.test.candidates.row(row);
    const Items distinct = Sorted(candidates);
    const bool inside = distinct.empty() || (distinct.front() >= 0 && distinct.back() < split_.num_items());
    if ((distinct_ && distinct.size() != candidates.size()) || !inside) {
      FailSplit(whose_ + " are not " + (distinct_ ? "distinct " : "") + "items of the catalogue");
    }
    for (const std::int32_t item : split_.test.target.row(row)) {
      const auto times = std::count(candidates.begin(), candidates.end(), item);
      if (times != 1) {
        FailSplit(whose_ + (times == 0 ? " lack the target " : " repeat the target ") +
                  QuoteItem(dataset_, split_, item));
      }
    }
    for (const std::int32_t item : split_.test.input.row(row)) {
      if (split_.test.mask_input && Has(distinct, item)) {
        FailSplit(whose_ + " hold item " + QuoteItem(dataset_, split_, item) +
                  ", which the model is shown; it would be masked. set split.mask_seen=no to rank seen items");
      }
    }
  }

  void CheckNegatives(std::int64_t row) const {
    const std::span<const std::int32_t> candidates = split_.test.candidates.row(row);
    for (const std::int32_t item : candidates) {
      if (Has(forbidden_, item) && !IsTarget(row, item)) {
        FailSplit(whose_ + " hold item " + QuoteItem(dataset_, split_, item) +
                  (not_test_ ? ", which is a test target of another row of the user; no test target is a negative"
                             : ", which the user has in the log; a negative is new to its user"));
      }
    }
    std::int64_t eligible = std::count(drawable_.begin(), drawable_.end(), 1);
    for (const std::int32_t item : forbidden_) {
      eligible -= drawable_[static_cast<std::size_t>(item)] != 0 ? 1 : 0;
    }
    const std::int64_t most = distinct_ ? eligible : eligible > 0 ? split_.config.negatives : 0;
    const std::int64_t expected = std::min(split_.config.negatives, most);
    const auto found = static_cast<std::int64_t>(candidates.size() - split_.test.target.row(row).size());
    if (found != expected) {
      FailSplit(whose_ + " are " + std::to_string(found) + " negatives; expected " + std::to_string(expected));
    }
  }

  // The targets and what the log lists for the user, and nothing else.
  void CheckListed(std::int64_t row) const {
    const std::span<const std::int32_t> candidates = split_.test.candidates.row(row);
    const Items distinct = Sorted(candidates);
    const Items given = Sorted(dataset_.candidates().row(User(row)));
    for (const std::int32_t item : candidates) {
      if (!IsTarget(row, item) && !Has(given, split_.catalogue[static_cast<std::size_t>(item)])) {
        FailSplit(whose_ + " hold item " + QuoteItem(dataset_, split_, item) + ", which the log does not list");
      }
    }
    for (const std::int32_t item : given) {
      const std::int32_t local = Local(item);
      if (local >= 0 && !Has(distinct, local)) {
        FailSplit(whose_ + " lack item '" + std::string(dataset_.item_ids()[item]) + "', which the log lists");
      }
    }
  }

  const Dataset& dataset_;
  const Split& split_;
  const bool sampled_;
  const bool not_test_;
  const bool distinct_;
  std::vector<char> drawable_;     // [catalogue] whether negatives are drawn from it at all
  std::vector<Items> targets_of_;  // [users] all test targets; only where negatives are all else
  Items forbidden_;                // of the user at hand, ascending
  std::string whose_;
};

}  // namespace

void VerifyCandidates(const Dataset& dataset, const Split& split) {
  if (split.candidates != CandidatesOf(split.config, dataset.candidates().rows() != 0)) {
    FailSplit("test targets are ranked among other candidates than the settings say: '" + split.candidates + "'");
  }
  const std::int64_t rows = split.candidates == "all" ? 0 : split.test.rows();
  if (split.validation.candidates.rows() != 0 || split.test.candidates.rows() != rows) {
    FailSplit("there are " + std::to_string(split.test.candidates.rows()) + " lists of candidates for " +
              std::to_string(split.test.rows()) + " test rows; validation ranks the whole catalogue, and test " +
              (rows == 0 ? "does, too" : "one list a row"));
  }
  CandidateVerifier verifier(dataset, split);
  for (std::int64_t row = 0; row < rows; ++row) {
    verifier.CheckRow(row);
  }
}

}  // namespace recforce::data
