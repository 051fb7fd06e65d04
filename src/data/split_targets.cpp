// SPDX-License-Identifier: Apache-2.0
// A test row for each target: metrics are then means over targets, and a user counts as often as it has some.
#include <cstddef>
#include <span>
#include <utility>

#include "data/split_rows.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

// Every row repeats what the model is shown.
void RequireFewEvents(const EvalSet& set) {
  double sum = 0.0;
  for (std::int64_t row = 0; row < set.rows(); ++row) {
    const std::size_t seen = (set.sequence.rows() != 0 ? set.sequence : set.input).row(row).size();
    sum += static_cast<double>(set.target.row(row).size()) * static_cast<double>(seen);
  }
  if (sum > static_cast<double>(kMostPrefixEvents)) {
    ThrowSplitUsage("split.rows: a row for each target repeats too many events: '" +
                    base::FormatCount(static_cast<std::int64_t>(sum)) + "'; expected at most " +
                    base::FormatCount(kMostPrefixEvents) + ". take split.rows=user, or a smaller test part");
  }
}

}  // namespace

void SpreadTargets(Split& split) {
  RequireFewEvents(split.test);
  EvalSet spread;
  spread.mask_input = split.test.mask_input;
  for (std::int64_t row = 0; row < split.test.rows(); ++row) {
    for (const std::int32_t& target : split.test.target.row(row)) {
      spread.users.push_back(split.test.users[static_cast<std::size_t>(row)]);
      spread.input.AddRow(split.test.input.row(row));
      if (split.test.sequence.rows() != 0) {
        spread.sequence.AddRow(split.test.sequence.row(row));
      }
      spread.target.AddRow(std::span(&target, 1));
    }
  }
  split.test = std::move(spread);
}

}  // namespace recforce::data
