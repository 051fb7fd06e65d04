// SPDX-License-Identifier: Apache-2.0
// Which proofs a split needs, and what they share.
#include "data/verify_split.h"

#include <algorithm>
#include <cstddef>
#include <unordered_set>

#include "data/split_rules.h"
#include "recforce/base/error.h"

namespace recforce::data {

void FailSplit(const std::string& message) { throw base::Error(base::ErrorKind::kData, "split: " + message); }

std::string QuoteItem(const Dataset& dataset, const Split& split, std::int32_t item) {
  return "'" + std::string(dataset.item_ids()[split.catalogue[static_cast<std::size_t>(item)]]) + "'";
}

std::vector<std::int32_t> LastOccurrences(std::span<const std::int32_t> events) {
  std::vector<std::int32_t> items;
  std::unordered_set<std::int32_t> met;
  for (std::size_t place = events.size(); place-- > 0;) {
    if (met.insert(events[place]).second) {
      items.push_back(events[place]);
    }
  }
  std::reverse(items.begin(), items.end());
  return items;
}

void CheckCatalogueOrder(const Dataset& dataset, const Split& split) {
  std::int64_t previous = -1;
  for (const std::int32_t item : split.catalogue) {
    if (item <= previous || item >= dataset.num_items()) {
      FailSplit("the catalogue is not an ascending list of items: '" + std::to_string(item) + "' after '" +
                std::to_string(previous) + "'; the dataset has " + std::to_string(dataset.num_items()) + " items");
    }
    previous = item;
  }
}

void CheckCatalogueIsWhole(const Dataset& dataset, const Split& split) {
  if (CataloguesAll(split.config)) {
    if (split.num_items() != dataset.num_items()) {
      FailSplit("the catalogue has " + std::to_string(split.num_items()) + " of the " +
                std::to_string(dataset.num_items()) + " items of the dataset; split.catalogue is all");
    }
    return;
  }
  std::vector<char> trained(split.catalogue.size(), 0);
  for (const std::int32_t item : split.train.items) {
    trained[static_cast<std::size_t>(item)] = 1;
  }
  for (std::size_t item = 0; item < trained.size(); ++item) {
    if (trained[item] == 0) {
      FailSplit("catalogue item " + QuoteItem(dataset, split, static_cast<std::int32_t>(item)) +
                " is in no training row; the catalogue holds what training saw");
    }
  }
}

void RequireSplitCount(const char* name, std::int64_t found, std::int64_t expected, const char* meaning) {
  if (found != expected) {
    FailSplit(std::string(name) + " is " + std::to_string(found) + ", but " + std::to_string(expected) + " " + meaning +
              "; lost interactions must be counted");
  }
}

std::vector<std::int64_t> IndexSplitRows(const Dataset& dataset, const Split& split, const char* name, const Csr& rows,
                                         const std::vector<std::int32_t>& users, bool may_be_empty) {
  const std::string what = name;
  if (static_cast<std::size_t>(rows.rows()) != users.size()) {
    FailSplit("rows and users of " + what + " do not correspond: " + std::to_string(rows.rows()) + " rows and " +
              std::to_string(users.size()) + " users");
  }
  std::vector<std::int64_t> row_of(static_cast<std::size_t>(dataset.num_users()), -1);
  for (std::size_t row = 0; row < users.size(); ++row) {
    const std::int32_t user = users[row];
    if (user < 0 || user >= dataset.num_users()) {
      FailSplit(what + " names a user outside the dataset: '" + std::to_string(user) + "'; the dataset has " +
                std::to_string(dataset.num_users()) + " users");
    }
    if (row_of[static_cast<std::size_t>(user)] >= 0) {
      FailSplit("user " + QuoteUser(dataset, user) + " has two rows in " + what + "; one is allowed");
    }
    row_of[static_cast<std::size_t>(user)] = static_cast<std::int64_t>(row);
    if (!may_be_empty && rows.row(static_cast<std::int64_t>(row)).empty()) {
      FailSplit("user " + QuoteUser(dataset, user) + " has an empty row in " + what +
                "; such users must be left out and counted");
    }
    for (const std::int32_t item : rows.row(static_cast<std::int64_t>(row))) {
      if (item < 0 || item >= split.num_items()) {
        FailSplit(what + " of user " + QuoteUser(dataset, user) + " holds an item outside the catalogue: '" +
                  std::to_string(item) + "'; the catalogue has " + std::to_string(split.num_items()) + " items");
      }
    }
  }
  return row_of;
}

namespace {

// Kinds that look at interactions one by one, and strong_generalization. REQUIRES: a row a user.
void VerifyUserRows(const Dataset& dataset, const Split& split) {
  const std::string& kind = split.config.kind;
  if (kind == kGiven || (dataset.repeats() && kind != kStrongGeneralization)) {
    VerifyParts(dataset, split);
  } else {
    VerifyMarks(dataset, split);
  }
  if (kind == kRandomRows) {
    VerifyShares(dataset, split);
  }
}

}  // namespace

void VerifyShares(const Dataset& dataset, const Split& split) {
  const PartSizes sizes = RatioSizes(split.config, dataset.num_interactions());
  const auto require = [](const char* part, std::int64_t found, std::int64_t expected) {
    if (found != expected) {
      FailSplit(std::string(part) + " has " + std::to_string(found) + " interactions; random_rows gives " +
                std::to_string(expected));
    }
  };
  require("training", split.train.nnz(), sizes.train);
  require("validation", split.validation.target.nnz(), sizes.validation);
  require("test", split.test.target.nnz(), sizes.test);
}

void VerifySplit(const Dataset& dataset, const Split& split) {
  const std::string& kind = split.config.kind;
  if (kind == kSession) {
    VerifySessions(dataset, split);
  } else if (kind == kDisplays) {
    VerifyDisplays(dataset, split);
  } else if (split.config.rows == "target") {
    VerifyUserRows(dataset, VerifyTargetRows(dataset, split));
  } else {
    VerifyUserRows(dataset, split);
  }
  VerifyRowForms(dataset, split);
  if (kind != kDisplays) {
    VerifyCandidates(dataset, split);
  }
}

}  // namespace recforce::data
