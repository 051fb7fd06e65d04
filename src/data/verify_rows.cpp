// SPDX-License-Identifier: Apache-2.0
// What holds for the rows of every kind of split: masks, training rows, sequences and candidates.
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

// How many items the negatives of a user can be drawn from.
std::int64_t Eligible(const Split& split, const std::vector<char>& trained, const Items& own) {
  const bool by_popularity = split.config.negative_sampling == "popularity";
  const auto drawable = [&](std::size_t item) { return !by_popularity || trained[item] != 0; };
  std::int64_t count = by_popularity ? std::count(trained.begin(), trained.end(), 1) : split.num_items();
  for (const std::int32_t item : own) {
    const auto found = std::lower_bound(split.catalogue.begin(), split.catalogue.end(), item);
    if (found != split.catalogue.end() && *found == item &&
        drawable(static_cast<std::size_t>(found - split.catalogue.begin()))) {
      --count;
    }
  }
  return count;
}

void CheckCandidateRow(const Dataset& dataset, const Split& split, std::int64_t row, const std::vector<char>& trained) {
  const std::int64_t user = split.test.users[static_cast<std::size_t>(row)];
  const std::string whose = "the candidates of user " + QuoteUser(dataset, user);
  const std::span<const std::int32_t> candidates = split.test.candidates.row(row);
  const std::span<const std::int32_t> targets = split.test.target.row(row);
  const std::span<const std::int32_t> input = split.test.input.row(row);
  const Items distinct = Sorted(candidates);
  if (distinct.size() != candidates.size() || (!distinct.empty() && distinct.front() < 0) ||
      (!distinct.empty() && distinct.back() >= split.num_items())) {
    FailSplit(whose + " are not distinct items of the catalogue");
  }
  for (const std::int32_t item : targets) {
    if (!Has(distinct, item)) {
      FailSplit(whose + " lack the target " + QuoteItem(dataset, split, item));
    }
  }
  for (const std::int32_t item : input) {
    if (split.test.mask_input && Has(distinct, item)) {
      FailSplit(whose + " hold item " + QuoteItem(dataset, split, item) +
                ", which the model is shown; it would be masked. set split.mask_seen=no to rank seen items");
    }
  }
  const bool sampled = split.candidates == "sampled";
  const std::span<const std::int32_t> log = dataset.interactions().row(user);
  const std::span<const std::int32_t> listed =
      sampled ? std::span<const std::int32_t>() : dataset.candidates().row(user);
  const Items own = Sorted(log);
  const Items given = Sorted(listed);
  for (const std::int32_t item : candidates) {
    const std::int32_t original = split.catalogue[static_cast<std::size_t>(item)];
    const bool is_target = std::find(targets.begin(), targets.end(), item) != targets.end();
    if (!is_target && (sampled ? Has(own, original) : !Has(given, original))) {
      FailSplit(whose + " hold item " + QuoteItem(dataset, split, item) +
                (sampled ? ", which the user has in the log; a negative is new to its user"
                         : ", which the log does not list"));
    }
  }
  if (sampled) {
    const std::int64_t expected = std::min(split.config.negatives, Eligible(split, trained, own));
    if (static_cast<std::int64_t>(candidates.size() - targets.size()) != expected) {
      FailSplit(whose + " are " + std::to_string(candidates.size() - targets.size()) + " negatives; expected " +
                std::to_string(expected));
    }
  } else {
    for (const std::int32_t item : given) {
      const auto found = std::lower_bound(split.catalogue.begin(), split.catalogue.end(), item);
      const bool known = found != split.catalogue.end() && *found == item;
      if (known && !Has(distinct, static_cast<std::int32_t>(found - split.catalogue.begin()))) {
        FailSplit(whose + " lack item '" + std::string(dataset.item_ids()[item]) + "', which the log lists");
      }
    }
  }
}

}  // namespace

void VerifyRowForms(const Dataset& dataset, const Split& split) {
  const bool masks = MasksSeen(split.config, dataset.repeats());
  if (split.validation.mask_input != masks || split.test.mask_input != masks) {
    FailSplit(std::string("seen items are ") +
              (masks ? "ranked; they are to be masked" : "masked; they may come again"));
  }
  CheckTrainRows(dataset, split, split.validation, "validation");
  CheckTrainRows(dataset, split, split.test, "test");
  CheckSequences(dataset, split, split.train_users, split.train, split.train_sequences, "training");
  CheckSequences(dataset, split, split.validation.users, split.validation.input, split.validation.sequence,
                 "the validation input");
  CheckSequences(dataset, split, split.test.users, split.test.input, split.test.sequence, "the test input");
}

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
  std::vector<char> trained(split.catalogue.size(), 0);
  for (const std::int32_t item : split.train.items) {
    trained[static_cast<std::size_t>(item)] = 1;
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    CheckCandidateRow(dataset, split, row, trained);
  }
}

}  // namespace recforce::data
