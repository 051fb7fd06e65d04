// SPDX-License-Identifier: Apache-2.0
// Train, validation and test parts of a dataset, and the proof that they do not leak.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/config/field_table.h"
#include "recforce/data/csr.h"
#include "recforce/data/dataset.h"
#include "recforce/data/display_set.h"

namespace recforce::data {

struct SplitConfig {
  std::string kind = "strong_generalization";
  std::int64_t seed = 1;
  std::int64_t validation_users = 0;  // strong_generalization: 0 is a tenth, at most 10,000; given: see validation_from
  std::int64_t test_users = 0;        // likewise
  double fold_in = 0.8;               // share of a held-out user's interactions that the model sees
  double validation_ratio = 0.1;      // random_ratio, random_rows, user_time_ratio, global_time and session
  double test_ratio = 0.1;            // likewise
  std::string validation_from = "auto";       // given without validation rows: auto, last, random, users or none
  std::string catalogue = "auto";             // auto, trained or all
  std::string mask_seen = "auto";             // auto, yes or no
  std::string candidates = "auto";            // auto, all, given, sampled or displays
  std::int64_t negatives = 0;                 // sampled: how many a test row
  std::string negative_sampling = "uniform";  // uniform or popularity
  std::string negatives_from = "unseen";  // sampled: unseen (nowhere in the user's log) or not_test (no test target)
  bool negatives_distinct = true;         // sampled: no item twice in a list
  std::string rows = "user";              // test rows: one a user, or one a target
  bool swap = false;                      // displays: training and test users change places
};
const config::FieldTable& SplitFields();

// What is to be predicted. Rows of the members correspond; a user or session may have several rows.
struct EvalSet {
  std::vector<std::int32_t> users;       // dataset index of each row
  std::vector<std::int32_t> train_rows;  // row of Split::train that is this user's, -1 for a stranger
  // What the model may see: distinct items, time order. Empty in displays and random_rows only.
  Csr input;
  Csr sequence;  // the same with repeated items; no rows: nothing is repeated
  Csr target;    // what it should find; never empty for a row
  // Of the first target, into Dataset::context_names, -1: not known. Empty where the log has none; in displays, too.
  std::vector<std::int32_t> contexts;
  // What is ranked, the targets among it; no rows: the whole catalogue. A negative that stands there n times
  // (split.negatives_distinct=false) takes n places of the ranking.
  Csr candidates;
  bool mask_input = true;  // input items are not recommended again, and targets are disjoint from them
  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(users.size()); }
};

struct Split {
  SplitConfig config;
  std::vector<std::int32_t> catalogue;    // dataset index of each item that can be recommended, ascending. [I]
  std::vector<std::int32_t> train_users;  // dataset index of each row of train
  Csr train;                              // [train users] over the catalogue, distinct items
  Csr train_sequences;                    // the same with repeated items; no rows: nothing is repeated
  // Where each event of train_sequences, or of train without them, stands among the dataset's interactions; empty
  // unless it was asked for.
  std::vector<std::int64_t> train_places;
  bool with_places = false;
  EvalSet validation;
  EvalSet test;
  // Kind displays: all displays of the users of each part, those without a click too.
  DisplaySet train_displays;
  DisplaySet validation_displays;
  DisplaySet test_displays;
  std::string candidates = "all";          // what targets are ranked among: all, given, sampled (test) or displays
  std::int64_t cold_targets_dropped = 0;   // held-out interactions with items that training never saw
  std::int64_t seen_targets_dropped = 0;   // held-out interactions that repeat a masked item
  std::int64_t users_without_targets = 0;  // held-out users left out for want of a target or an input
  std::string fingerprint;                 // of dataset and all rows; equal splits compare user by user
  [[nodiscard]] std::int64_t num_items() const { return static_cast<std::int64_t>(catalogue.size()); }
};

// kind strong_generalization: whole users are held out; int((1 - fold_in) n) random items of a user with at
//   least five are targets (Liang et al. 2018; Lobel et al. 2020).
// kind leave_last_out: a user's last interaction is the test target, the one before it the validation target.
// kind global_time: two instants cut the log; REQUIRES times.
// kind user_time_ratio: the last shares of each user, in the order of time.
// kind random_ratio: per user, at random; REQUIRES a log without repeats.
// kind random_rows: shares of all interactions, at random whoever they are of, so that a held-out user or item may be
//   one that training never saw: its row is there all the same, and the catalogue holds all. REQUIRES: no repeats.
// kind session: users are sessions; the last shares of the sessions by their start are held out whole, and every
//   prefix of one is a row whose target is the item that follows.
// kind given: the parts that the log brought (Dataset::parts).
// kind displays: whole users are held out, as the parts of their displays say or else at random; a row is a choice that
//   its user made, ranked among what was shown, after the choices before. With `swap` the model learns from the test
//   users and is tested on the training users; validation stays as it is. REQUIRES: displays.
// Items that training never sees leave the catalogue, unless `catalogue` keeps them (auto: kinds given and displays
// do). Seen items are masked, unless the log repeats items (auto; kinds session and displays never mask them, and
// strong_generalization always does) or, in the test, negatives may be training items (negatives_from=not_test).
// rows=target: a test user has a row for each target, one after the other, with the same input; the user's other
// targets are not among sampled candidates, and among all others they are. Proves itself with VerifySplit before
// returning.
// with_places: fill train_places.
// Error(Usage): more held-out users than there are, unknown kind, options that contradict each other or the log;
// Error(Data): no times, no parts, no displays, a user in two parts (displays), nothing left.
Split MakeSplit(const Dataset& dataset, const SplitConfig& config, bool with_places = false);

// All displays of a dataset as kind displays makes choices of them, over the items of the dataset. Error(Data): there
// are none.
DisplaySet AllChoices(const Dataset& dataset, std::int64_t seed);

// Error(Data) that says what leaks: a held-out user in training (strong_generalization, session, displays), a masked
// target among its own input or training items, a pair that the dataset does not have, a training or input time after a
// target's (leave_last_out, user_time_ratio, global_time, session), a row that differs from the parts of the log
// (given), a choice, its candidates or its input that the displays do not have (displays), an item outside the
// catalogue, a candidate that is masked or that a sampled list may not hold, or interactions lost without being
// counted.
void VerifySplit(const Dataset& dataset, const Split& split);

}  // namespace recforce::data
