// SPDX-License-Identifier: Apache-2.0
// The settings of a split: their table, and which values and combinations make sense.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using Choices = std::vector<std::string>;
const Choices& ValidationChoices() {
  static const Choices choices = {"auto", "last", "random", "users", "none"};
  return choices;
}
const Choices& CatalogueChoices() {
  static const Choices choices = {"auto", "trained", "all"};
  return choices;
}
const Choices& MaskChoices() {
  static const Choices choices = {"auto", "yes", "no"};
  return choices;
}
const Choices& CandidateChoices() {
  static const Choices choices = {"auto", "all", "given", "sampled", "displays"};
  return choices;
}
const Choices& SamplingChoices() {
  static const Choices choices = {"uniform", "popularity"};
  return choices;
}

const Choices& NegativesFromChoices() {
  static const Choices choices = {"unseen", "not_test"};
  return choices;
}
const Choices& RowsChoices() {
  static const Choices choices = {"user", "target"};
  return choices;
}

void ValidateCount(const std::string& key, std::int64_t count) {
  if (count < 0) {
    ThrowSplitUsage(key + ": is negative: '" + std::to_string(count) +
                    "'; expected 0 (a tenth of the users) or a count");
  }
}

void ValidateRatio(const std::string& key, double ratio) {
  if (!(ratio >= 0.0 && ratio < 1.0)) {
    ThrowSplitUsage(key + ": is out of range: '" + base::FormatReal(ratio) + "'; expected a number from 0 to below 1");
  }
}

void ValidateChoice(const std::string& key, const std::string& value, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
    ThrowSplitUsage(key + ": no such choice: '" + value + "'; allowed: " + base::Join(allowed, ", ") +
                    base::DidYouMean(value, allowed));
  }
}

void ValidateCandidates(const SplitConfig& config) {
  ValidateChoice("split.candidates", config.candidates, CandidateChoices());
  ValidateChoice("split.negative_sampling", config.negative_sampling, SamplingChoices());
  if (config.negatives < 0) {
    ThrowSplitUsage("split.negatives: is negative: '" + std::to_string(config.negatives) + "'; expected a count");
  }
  if (config.candidates == "sampled" && config.negatives == 0) {
    ThrowSplitUsage("split.candidates: sampled lists need a length: '0' in split.negatives; expected at least 1");
  }
  if (config.negatives > 0 && config.candidates != "auto" && config.candidates != "sampled") {
    ThrowSplitUsage("split.negatives: nothing is sampled with split.candidates: '" + config.candidates +
                    "'; expected sampled, or split.negatives=0");
  }
  if (config.candidates == "given" && config.kind != kGiven) {
    ThrowSplitUsage("split.candidates: the lists of the log belong to its own test targets: '" + config.kind +
                    "' in split.kind; expected given");
  }
  if (config.candidates == "displays" && config.kind != kDisplays) {
    ThrowSplitUsage("split.candidates: only choices among what was shown have such lists: '" + config.kind +
                    "' in split.kind; expected displays");
  }
}

// What only sampled lists have, and what would leave them without the negatives that they are for.
void ValidateNegatives(const SplitConfig& config) {
  ValidateChoice("split.negatives_from", config.negatives_from, NegativesFromChoices());
  const bool from_all = config.negatives_from == "not_test";
  if (config.negatives == 0 && (from_all || !config.negatives_distinct)) {
    ThrowSplitUsage(std::string("split.") + (from_all ? "negatives_from" : "negatives_distinct") +
                    ": nothing is sampled: '" + (from_all ? config.negatives_from : "false") +
                    "' with split.negatives=0; expected " + (from_all ? "unseen" : "true") +
                    ", or split.negatives of at least 1");
  }
  if (from_all && config.mask_seen == "yes") {
    ThrowSplitUsage(
        "split.mask_seen: masks negatives that are training items: 'yes' with split.negatives_from=not_test; expected "
        "auto or no, or split.negatives_from=unseen");
  }
}

void ValidateRows(const SplitConfig& config) {
  ValidateChoice("split.rows", config.rows, RowsChoices());
  if (config.rows == "target" && (config.kind == kSession || config.kind == kDisplays)) {
    ThrowSplitUsage("split.rows: every row has one target already: 'target' with split.kind=" + config.kind +
                    "; expected user");
  }
  if (config.kind == kRandomRows && config.catalogue == "trained") {
    ThrowSplitUsage(
        "split.catalogue: does not go with split.kind=random_rows: 'trained'; expected auto or all, because any "
        "interaction may be held out, those of new items, too");
  }
}

// Kind displays: users choose among what they are shown, all of it, whether they have it or not.
void ValidateDisplays(const SplitConfig& config) {
  if (config.kind != kDisplays) {
    if (config.swap) {
      ThrowSplitUsage("split.swap: only splits of displays let training and test users change places: '" + config.kind +
                      "' in split.kind; expected displays");
    }
    return;
  }
  const auto refuse = [](const std::string& key, const std::string& found, const std::string& allowed) {
    ThrowSplitUsage("split." + key + ": does not go with split.kind=displays: '" + found + "'; expected " + allowed);
  };
  if (config.catalogue == "trained") {
    refuse("catalogue", config.catalogue, "auto or all, because displays show items that training never saw");
  }
  if (config.mask_seen == "yes") {
    refuse("mask_seen", config.mask_seen, "auto or no, because people choose items again that they have");
  }
  if (config.candidates == "sampled" || config.negatives > 0) {
    refuse(config.negatives > 0 ? "negatives" : "candidates",
           config.negatives > 0 ? std::to_string(config.negatives) : config.candidates,
           "what was shown beside the choice (split.candidates=auto), or all");
  }
}

}  // namespace

const std::vector<std::string>& SplitKinds() {
  static const std::vector<std::string> kinds = {
      kStrongGeneralization, kLeaveLastOut, kGlobalTime, kUserTimeRatio, kRandomRatio,
      kRandomRows,           kSession,      kGiven,      kDisplays};
  return kinds;
}

void ValidateSplit(const SplitConfig& config) {
  if (std::find(SplitKinds().begin(), SplitKinds().end(), config.kind) == SplitKinds().end()) {
    ThrowSplitUsage("split.kind: no such split: '" + config.kind + "'; allowed: " + base::Join(SplitKinds(), ", ") +
                    base::DidYouMean(config.kind, SplitKinds()));
  }
  ValidateCount("split.validation_users", config.validation_users);
  ValidateCount("split.test_users", config.test_users);
  if (!(config.fold_in > 0.0 && config.fold_in < 1.0)) {
    ThrowSplitUsage("split.fold_in: is out of range: '" + base::FormatReal(config.fold_in) +
                    "'; expected a number between 0 and 1, both excluded");
  }
  ValidateRatio("split.validation_ratio", config.validation_ratio);
  ValidateRatio("split.test_ratio", config.test_ratio);
  if (config.validation_ratio + config.test_ratio > 1.0 - 1e-9) {
    ThrowSplitUsage("split.validation_ratio and split.test_ratio: leave nothing for training: '" +
                    base::FormatReal(config.validation_ratio) + "' and '" + base::FormatReal(config.test_ratio) +
                    "'; their sum must be below 1");
  }
  ValidateChoice("split.validation_from", config.validation_from, ValidationChoices());
  ValidateChoice("split.catalogue", config.catalogue, CatalogueChoices());
  ValidateChoice("split.mask_seen", config.mask_seen, MaskChoices());
  ValidateCandidates(config);
  ValidateNegatives(config);
  ValidateRows(config);
  ValidateDisplays(config);
}

const config::FieldTable& SplitFields() {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  static const config::FieldTable table =
      config::Fields<SplitConfig>()
          .Choice("kind", &SplitConfig::kind, SplitKinds(),
                  "How the log is cut into training, validation and test parts.")
          .Int("seed", &SplitConfig::seed, 0, std::numeric_limits<std::int64_t>::max(),
               "Seed of the random choices of a split; runs are comparable when it is the same.")
          .Int("validation_users", &SplitConfig::validation_users, 0, kMost,
               "Users held out for validation (strong_generalization; given without validation rows; displays without "
               "validation users); 0 means a tenth, at most 10,000, and for validation_from last and random all, at "
               "most 10,000.")
          .Alias("valid_users")
          .Int("test_users", &SplitConfig::test_users, 0, kMost,
               "Users held out for testing (strong_generalization; displays without parts); 0 means a tenth, at most "
               "10,000.")
          .Real(
              "fold_in", &SplitConfig::fold_in, 0.0, 1.0,
              "Share of a held-out user's interactions that the model sees, 0 and 1 excluded (strong_generalization).")
          .Real("validation_ratio", &SplitConfig::validation_ratio, 0.0, 1.0,
                "Share of the interactions, or of the sessions, for validation (global_time, user_time_ratio, "
                "random_ratio, random_rows, session).")
          .Alias("valid_ratio")
          .Real("test_ratio", &SplitConfig::test_ratio, 0.0, 1.0,
                "Share of the interactions, or of the sessions, for testing (likewise).")
          .Choice("validation_from", &SplitConfig::validation_from, ValidationChoices(),
                  "Where validation targets come from when a given split has none: the last or random training "
                  "interactions of users, whole users, or none; auto takes users when the test users are strangers, "
                  "else last.")
          .Choice("catalogue", &SplitConfig::catalogue, CatalogueChoices(),
                  "The items that are ranked: those of training, or all of the dataset; auto is all for given, "
                  "displays and random_rows.")
          .Choice("mask_seen", &SplitConfig::mask_seen, MaskChoices(),
                  "Leave items that the model was shown out of rankings; auto is no for session, displays and logs "
                  "that keep repeats, and in the test where negatives_from is not_test, else yes.")
          .Choice("candidates", &SplitConfig::candidates, CandidateChoices(),
                  "What test targets are ranked among: all of the catalogue, the lists that the log gives, sampled "
                  "negatives, or what was shown beside the choice; auto is displays for kind displays, sampled with "
                  "negatives, given where a given split has lists, else all.")
          .Int("negatives", &SplitConfig::negatives, 0, kMost,
               "Sampled items that a test target is ranked among; 0 means the whole catalogue. Sampled metrics do not "
               "order models reliably (Krichene and Rendle, 2020).")
          .Choice("negative_sampling", &SplitConfig::negative_sampling, SamplingChoices(),
                  "How negatives are drawn: all alike, or in proportion to the training users that have them.")
          .Choice("negatives_from", &SplitConfig::negatives_from, NegativesFromChoices(),
                  "What negatives are drawn from: the items that the user has nowhere in the log, or all that are no "
                  "test target of the user, training items among them, which punishes models for knowing these.")
          .Bool("negatives_distinct", &SplitConfig::negatives_distinct,
                "Draw no item twice for a test row; without it an item that is drawn n times takes n places of the "
                "ranking.")
          .Choice("rows", &SplitConfig::rows, RowsChoices(),
                  "What a test row, which metrics are means over, is: a user with all targets, or one target.")
          .Bool("swap", &SplitConfig::swap,
                "Training and test users change places (displays): for a second model of users, learnt from people "
                "that the first never saw.")
          .Take();
  return table;
}

}  // namespace recforce::data
