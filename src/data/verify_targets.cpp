// SPDX-License-Identifier: Apache-2.0
// The proof for rows=target: the rows of a user differ in their one target alone, so that together they are the row
// that the other proofs know.
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/split_rules.h"
#include "data/verify_split.h"

namespace recforce::data {
namespace {

bool SameRow(const Csr& rows, std::int64_t a, std::int64_t b) {
  return rows.rows() == 0 || std::ranges::equal(rows.row(a), rows.row(b));
}

void CheckForm(const Dataset& dataset, const EvalSet& test) {
  const bool has_sequences = test.sequence.rows() != 0;
  if (test.input.rows() != test.rows() || test.target.rows() != test.rows() ||
      (has_sequences && test.sequence.rows() != test.rows())) {
    FailSplit("users, inputs and targets of the test do not correspond: " + std::to_string(test.rows()) + " users, " +
              std::to_string(test.input.rows()) + " inputs and " + std::to_string(test.target.rows()) + " targets");
  }
  std::vector<char> met(static_cast<std::size_t>(dataset.num_users()), 0);
  for (std::int64_t row = 0; row < test.rows(); ++row) {
    const std::int32_t user = test.users[static_cast<std::size_t>(row)];
    if (user < 0 || user >= dataset.num_users()) {
      FailSplit("the test names a user outside the dataset: '" + std::to_string(user) + "'; the dataset has " +
                std::to_string(dataset.num_users()) + " users");
    }
    const std::string whose = "a test row of user " + QuoteUser(dataset, user);
    if (test.target.row(row).size() != 1) {
      FailSplit(whose + " has " + std::to_string(test.target.row(row).size()) +
                " targets; split.rows=target gives each row one");
    }
    if (row > 0 && test.users[static_cast<std::size_t>(row) - 1] == user) {
      if (!SameRow(test.input, row - 1, row) || !SameRow(test.sequence, row - 1, row)) {
        FailSplit(whose + " shows something else than the row before; all rows of a user show the same");
      }
      continue;
    }
    if (met[static_cast<std::size_t>(user)] != 0) {
      FailSplit(whose + " stands apart from the others; rows of a user stand together");
    }
    met[static_cast<std::size_t>(user)] = 1;
  }
}

}  // namespace

Split VerifyTargetRows(const Dataset& dataset, const Split& split) {
  CheckForm(dataset, split.test);
  Split merged = split;
  EvalSet& test = merged.test = {};
  test.mask_input = split.test.mask_input;
  std::vector<std::int32_t> targets;
  for (std::int64_t row = 0; row < split.test.rows(); ++row) {
    const std::span<const std::int32_t> own = split.test.target.row(row);
    targets.insert(targets.end(), own.begin(), own.end());
    const auto at = static_cast<std::size_t>(row);
    if (at + 1 < split.test.users.size() && split.test.users[at + 1] == split.test.users[at]) {
      continue;
    }
    test.users.push_back(split.test.users[at]);
    test.input.AddRow(split.test.input.row(row));
    if (split.test.sequence.rows() != 0) {
      test.sequence.AddRow(split.test.sequence.row(row));
    }
    test.target.AddRow(targets);
    targets.clear();
  }
  return merged;
}

}  // namespace recforce::data
