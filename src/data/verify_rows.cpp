// SPDX-License-Identifier: Apache-2.0
// What holds for the rows of every kind of split: masks, training rows and sequences.
#include <algorithm>
#include <cstddef>
#include <span>

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

void CheckTrainRows(const Dataset& dataset, const Split& split, const EvalSet& set, const std::string& name) {
  std::vector<std::int32_t> row_of(static_cast<std::size_t>(dataset.num_users()), -1);
  for (std::size_t row = 0; row < split.train_users.size(); ++row) {
    row_of[static_cast<std::size_t>(split.train_users[row])] = static_cast<std::int32_t>(row);
  }
  for (std::size_t row = 0; row < set.users.size(); ++row) {
    const std::int32_t expected = row_of[static_cast<std::size_t>(set.users[row])];
    if (row >= set.train_rows.size() || set.train_rows[row] != expected) {
      FailSplit("the " + name + " row of user " + QuoteUser(dataset, set.users[row]) +
                " names another training row: expected " + std::to_string(expected));
    }
  }
}

// Sequences are there exactly when the log repeats; each is its row with repeats. Of users held out whole it is all
// events of the row's items, which VerifyMarks cannot see. Held-out sessions without repeats need none, nor do choices
// before which nothing repeats: VerifySessions and VerifyDisplays prove that their inputs are all that they hold.
void CheckSequences(const Dataset& dataset, const Split& split, const std::vector<std::int32_t>& users, const Csr& rows,
                    const Csr& sequences, const std::string& name) {
  const bool held_out = &rows != &split.train;
  const bool omitted = split.config.kind == kSession && held_out && sequences.rows() == 0;
  // What people choose among what they are shown may repeat in a log whose interactions do not.
  const bool repeats = split.config.kind == kDisplays && held_out ? sequences.rows() != 0 : dataset.repeats();
  const std::int64_t expected_rows = repeats && !omitted ? rows.rows() : 0;
  if (sequences.rows() != expected_rows) {
    FailSplit(name + " has " + std::to_string(sequences.rows()) + " sequences; expected " +
              std::to_string(expected_rows));
  }
  for (std::int64_t row = 0; row < expected_rows; ++row) {
    const std::span<const std::int32_t> distinct = rows.row(row);
    const std::span<const std::int32_t> events = sequences.row(row);
    const Items last = LastOccurrences(events);
    bool same = std::equal(last.begin(), last.end(), distinct.begin(), distinct.end());
    if (same && split.config.kind == kStrongGeneralization) {
      const Items own = Sorted(distinct);
      Items all;
      for (const std::int32_t item : dataset.interactions().row(users[static_cast<std::size_t>(row)])) {
        const auto found = std::lower_bound(split.catalogue.begin(), split.catalogue.end(), item);
        const auto local = static_cast<std::int32_t>(found - split.catalogue.begin());
        if (found != split.catalogue.end() && *found == item && Has(own, local)) {
          all.push_back(local);
        }
      }
      same = std::equal(all.begin(), all.end(), events.begin(), events.end());
    }
    if (!same) {
      FailSplit(name + " of user " + QuoteUser(dataset, users[static_cast<std::size_t>(row)]) +
                " has a sequence of other events than its items");
    }
  }
}

}  // namespace

void VerifyRowForms(const Dataset& dataset, const Split& split) {
  const bool masks = MasksSeen(split.config, dataset.repeats());
  const bool masks_in_test = MasksSeenInTest(split.config, dataset.repeats());
  if (split.validation.mask_input != masks || split.test.mask_input != masks_in_test) {
    const bool ranked = split.validation.mask_input == masks ? masks_in_test : masks;
    FailSplit(std::string("seen items are ") +
              (ranked ? "ranked; they are to be masked" : "masked; they may come again"));
  }
  CheckTrainRows(dataset, split, split.validation, "validation");
  CheckTrainRows(dataset, split, split.test, "test");
  CheckSequences(dataset, split, split.train_users, split.train, split.train_sequences, "training");
  CheckSequences(dataset, split, split.validation.users, split.validation.input, split.validation.sequence,
                 "the validation input");
  CheckSequences(dataset, split, split.test.users, split.test.input, split.test.sequence, "the test input");
}

}  // namespace recforce::data
