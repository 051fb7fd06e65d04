// SPDX-License-Identifier: Apache-2.0
// Cuts a dataset into train, validation and test. strong_generalization, session and displays hold out users; the other
// kinds label every interaction with its part and share the assembly. Rows keep the time order of the dataset. All
// steps are linear in the size of what they write, and what happens to one user depends on no other user's draws.
#include "recforce/data/split.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

// Which row of the training users each evaluated user is.
void FindTrainRows(const Split& split, EvalSet& set) {
  for (const std::int32_t user : set.users) {
    const auto found = std::lower_bound(split.train_users.begin(), split.train_users.end(), user);
    const bool known = found != split.train_users.end() && *found == user;
    set.train_rows.push_back(known ? static_cast<std::int32_t>(found - split.train_users.begin()) : -1);
  }
}

void RequireRows(const Split& split) {
  const bool by_ratio = ByRatio(split.config.kind);
  const bool may_lack_validation = (by_ratio && split.config.validation_ratio == 0.0) ||
                                   (split.config.kind == kGiven && split.config.validation_from == "none");
  std::string empty;
  if (split.train.rows() == 0) {
    empty = "training";
  } else if (split.validation.rows() == 0 && !may_lack_validation) {
    empty = "validation";
  } else if (split.test.rows() == 0 && !(by_ratio && split.config.test_ratio == 0.0)) {
    empty = "test";
  }
  if (!empty.empty()) {
    ThrowSplitData("split: nothing is left for " + empty + ": '" + split.config.kind + "' left out " +
                   std::to_string(split.users_without_targets) + " held-out users and " +
                   std::to_string(split.cold_targets_dropped) +
                   " interactions with items that training never sees; expected at least one user");
  }
}

template <class T>
void HashArray(base::Hasher& hasher, const std::vector<T>& values) {
  const std::uint64_t count = values.size();
  hasher.Add(std::as_bytes(std::span(&count, 1)));
  hasher.Add(std::as_bytes(std::span(values)));
}

// The input with repeats, which is not stored where nothing in it repeats; fingerprints do not depend on that.
const Csr& Sequence(const Dataset& dataset, const EvalSet& set) {
  return dataset.repeats() && set.sequence.rows() == 0 ? set.input : set.sequence;
}

void HashDisplays(base::Hasher& hasher, const DisplaySet& displays) {
  HashArray(hasher, displays.users);
  HashArray(hasher, displays.user_offsets);
  HashArray(hasher, displays.offsets);
  HashArray(hasher, displays.items);
  HashArray(hasher, displays.choice);
}

std::string Fingerprint(const Dataset& dataset, const Split& split) {
  base::Hasher hasher;
  hasher.Add(std::string_view(dataset.fingerprint()));
  hasher.Add(std::string_view(split.config.kind));
  HashArray(hasher, split.catalogue);
  HashArray(hasher, split.train_users);
  for (const EvalSet* set : {&split.validation, &split.test}) {
    HashArray(hasher, set->users);
  }
  for (const Csr* rows :
       {&split.train, &split.validation.input, &split.validation.target, &split.test.input, &split.test.target}) {
    HashArray(hasher, rows->offsets);
    HashArray(hasher, rows->items);
  }
  // What only some splits have comes last and only there, so that the others keep their fingerprints.
  for (const Csr* rows : {&split.train_sequences, &Sequence(dataset, split.validation), &Sequence(dataset, split.test),
                          &split.validation.candidates, &split.test.candidates}) {
    if (rows->rows() != 0) {
      HashArray(hasher, rows->offsets);
      HashArray(hasher, rows->items);
    }
  }
  if (!split.test.mask_input) {
    hasher.Add(std::string_view("seen items are ranked"));
  }
  if (split.config.kind == kDisplays) {
    HashDisplays(hasher, split.train_displays);
    HashDisplays(hasher, split.validation_displays);
    HashDisplays(hasher, split.test_displays);
  }
  return hasher.Hex();
}

}  // namespace

Split MakeSplit(const Dataset& dataset, const SplitConfig& config, bool with_places) {
  ValidateSplit(config);
  if (dataset.num_interactions() == 0) {
    ThrowSplitData("split: the dataset has no interactions; expected at least one");
  }
  Split split;
  split.config = config;
  split.with_places = with_places;
  split.candidates = CandidatesOf(config, dataset.candidates().rows() != 0);
  split.validation.mask_input = MasksSeen(config, dataset.repeats());
  split.test.mask_input = MasksSeenInTest(config, dataset.repeats());
  if (config.kind == kStrongGeneralization) {
    SplitUsers(dataset, split);
  } else if (config.kind == kSession) {
    SplitSessions(dataset, split);
  } else if (config.kind == kDisplays) {
    SplitDisplays(dataset, split);
  } else {
    SplitInteractions(dataset, split);
  }
  RequireRows(split);
  if (config.rows == "target") {
    SpreadTargets(split);
  }
  FindTrainRows(split, split.validation);
  FindTrainRows(split, split.test);
  AddCandidates(dataset, split);
  AddContexts(dataset, split);
  split.fingerprint = Fingerprint(dataset, split);
  VerifySplit(dataset, split);
  return split;
}

}  // namespace recforce::data
