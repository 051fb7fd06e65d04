// SPDX-License-Identifier: Apache-2.0
// How split rows are put together: the catalogue, distinct items, rows of an EvalSet; and what each kind of split
// offers to MakeSplit. Internal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/data/split.h"

namespace recforce::data {

// Dataset items to catalogue items.
class CatalogueBuilder {
 public:
  // With `all` every item of the dataset is in the catalogue.
  CatalogueBuilder(const Dataset& dataset, bool all)
      : index_(static_cast<std::size_t>(dataset.num_items()), all ? 0 : -1) {}
  void Train(std::int32_t item) { index_[static_cast<std::size_t>(item)] = 0; }
  // Numbers the items of the catalogue in ascending order and returns them.
  std::vector<std::int32_t> Finish();
  // Catalogue index after Finish; -1 for an item that is not in it.
  [[nodiscard]] std::int32_t operator[](std::int32_t item) const { return index_[static_cast<std::size_t>(item)]; }

 private:
  std::vector<std::int32_t> index_;
};

// Writes rows of one split: events with repeats in, distinct items and, where the log repeats, sequences out.
// Keeps its memory from row to row.
class RowWriter {
 public:
  RowWriter(std::int64_t num_items, bool repeats, bool mask)
      : stamp_(static_cast<std::size_t>(num_items), 0), repeats_(repeats), mask_(mask) {}

  // From here on an EvalSet has sequences only once a row repeats an item: prefixes of long sessions are large, and two
  // equal copies of them twice as large.
  void OmitEqualSequences() { omits_equal_ = true; }
  // From here on an EvalSet takes rows with nothing in their input: a first choice among what was shown, a user whom
  // training never saw.
  void TakeEmptyInputs() { takes_empty_ = true; }
  // places: of the events among the dataset's interactions, kept where the split asks for them.
  void AddTrain(Split& split, std::int64_t user, std::span<const std::int32_t> events,
                std::span<const std::int64_t> places);
  // Adds a row unless nothing would be in its target, or in its input; returns whether it did. Targets that the input
  // holds are dropped and counted when seen items are masked.
  bool AddEval(EvalSet& set, std::int64_t user, std::span<const std::int32_t> input,
               std::span<const std::int32_t> target, std::int64_t& seen_targets_dropped);

 private:
  // Each item where it stands last.
  std::span<const std::int32_t> DistinctLast(std::span<const std::int32_t> events, std::vector<std::int32_t>& out);

  std::vector<std::int64_t> stamp_;  // [items] the last call of DistinctLast that met the item
  std::int64_t call_ = 0;
  bool repeats_;
  bool mask_;
  bool omits_equal_ = false;
  bool takes_empty_ = false;
  std::vector<std::int32_t> input_;
  std::vector<std::int32_t> target_;
  std::vector<std::int32_t> kept_;
};

[[noreturn]] void ThrowSplitUsage(const std::string& message);
[[noreturn]] void ThrowSplitData(const std::string& message);

// Of the rows of a part together: 8 GiB, and as much again where items repeat.
inline constexpr std::int64_t kMostPrefixEvents = std::int64_t{1} << 31U;

// How much the rows of held-out users hold where each of a user's n events is preceded by all of its events before:
// n^2 / 2. A few users with very many events would fill any memory.
class PrefixEvents {
 public:
  void Add(std::int64_t user, std::int64_t events);
  [[nodiscard]] bool TooMany() const;
  [[nodiscard]] std::string Describe() const;  // "'N'; expected at most M"
  [[nodiscard]] std::int64_t longest_user() const { return longest_user_; }
  [[nodiscard]] std::int64_t longest() const { return longest_; }  // the events of that user

 private:
  double sum_ = 0.0;
  std::int64_t longest_user_ = 0;
  std::int64_t longest_ = 0;
};

// min(10,000, a tenth), at least 1, where nothing is asked.
std::int64_t HeldOutCount(std::int64_t asked, std::int64_t users);
// [num_users] the part of every user: `users` in a random order, whose end is test and the stretch before it
// validation; training for all others. Error(Usage) when nobody would be left for training.
std::vector<Part> HoldOutUsers(std::vector<std::int32_t> users, std::int64_t num_users, const SplitConfig& config);

const std::vector<std::string>& SplitKinds();
// Error(Usage) for values out of range or in contradiction.
void ValidateSplit(const SplitConfig& config);

// Fill catalogue, training, validation and test of a split whose config is set.
void SplitUsers(const Dataset& dataset, Split& split);         // strong_generalization
void SplitSessions(const Dataset& dataset, Split& split);      // session
void SplitDisplays(const Dataset& dataset, Split& split);      // displays; candidates, too
void SplitInteractions(const Dataset& dataset, Split& split);  // all others
// The part of every interaction for SplitInteractions. A validation row without training rows of its user sees the
// kInput ones.
std::vector<Part> LabelInteractions(const Dataset& dataset, const SplitConfig& config);
std::vector<Part> LabelGiven(const Dataset& dataset, const SplitConfig& config);
// Gives every test target a row of its own. Error(Usage): the rows would fill any memory.
void SpreadTargets(Split& split);
// Fills contexts of both sets from those of the log.
void AddContexts(const Dataset& dataset, Split& split);
// Fills test.candidates with what split.candidates says of other kinds than displays.
void AddCandidates(const Dataset& dataset, Split& split);

}  // namespace recforce::data
