// SPDX-License-Identifier: Apache-2.0
// The proof for choices among what was shown: nobody is in two parts, the choices of a part are those of the displays
// of its users, and a row knows nothing but the earlier clicks of its user and what was shown.
#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "data/verify_split.h"

namespace recforce::data {
namespace {

using Items = std::vector<std::int32_t>;

void SortDistinct(Items& items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
}

class DisplayVerifier {
 public:
  DisplayVerifier(const Dataset& dataset, const Split& split)
      : dataset_(dataset),
        split_(split),
        log_(dataset.displays()),
        among_shown_(split.candidates == kDisplays),
        place_(static_cast<std::size_t>(dataset.num_users()), kNowhere) {}

  void Run() {
    CheckCatalogueOrder(dataset_, split_);
    CheckCatalogueIsWhole(dataset_, split_);  // so that items of the split are those of the dataset
    if (split_.candidates != CandidatesOf(split_.config, dataset_.candidates().rows() != 0)) {
      FailSplit("targets are ranked among other candidates than the settings say: '" + split_.candidates + "'");
    }
    CheckChoices(split_.train_displays, kInTraining);
    CheckChoices(split_.validation_displays, kInValidation);
    CheckChoices(split_.test_displays, kInTest);
    CheckTraining();
    CheckRows(split_.validation_displays, split_.validation, "validation");
    CheckRows(split_.test_displays, split_.test, "test");
    CheckParts();
    CheckCounts();
  }

 private:
  [[nodiscard]] std::string User(std::int64_t user) const { return QuoteUser(dataset_, user); }
  [[nodiscard]] std::int64_t DisplaysOf(std::int64_t user) const {
    const auto index = static_cast<std::size_t>(user);
    return log_.user_offsets[index + 1] - log_.user_offsets[index];
  }

  void Claim(std::int64_t user, Place place) {
    Place& known = place_[static_cast<std::size_t>(user)];
    if (known != kNowhere) {
      FailSplit("user " + User(user) + " has choices in " + kPlaceNames.at(known) + " and in " + kPlaceNames.at(place) +
                "; a user is in one part only, once");
    }
    known = place;
  }

  // The offsets of a DisplaySet cut what they should, and choices lie inside displays.
  void CheckForm(const DisplaySet& set, Place place) const {
    const auto rises = [](const std::vector<std::int64_t>& offsets, std::size_t rows, std::size_t size) {
      return offsets.size() == rows + 1 && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
             offsets.back() == static_cast<std::int64_t>(size);
    };
    bool good = rises(set.user_offsets, set.users.size(), set.choice.size()) &&
                rises(set.offsets, set.choice.size(), set.items.size());
    for (std::int64_t display = 0; good && display < set.size(); ++display) {
      const std::int32_t choice = set.choice[static_cast<std::size_t>(display)];
      good = choice >= -1 && choice < static_cast<std::int32_t>(set.shown(display).size());
    }
    if (!good) {
      FailSplit(std::string("the displays of ") + kPlaceNames.at(place) +
                " do not correspond with their users and choices");
    }
  }

  void CheckChoices(const DisplaySet& set, Place place) {
    CheckForm(set, place);
    for (std::size_t row = 0; row < set.users.size(); ++row) {
      const std::int64_t user = set.users[row];
      if (user < 0 || user >= dataset_.num_users()) {
        FailSplit(std::string("displays of ") + kPlaceNames.at(place) + " name a user outside the dataset: '" +
                  std::to_string(user) + "'");
      }
      Claim(user, place);
      std::int64_t choice = set.user_offsets[row];
      for (std::int64_t display = log_.user_offsets[static_cast<std::size_t>(user)];
           display < log_.user_offsets[static_cast<std::size_t>(user) + 1]; ++display) {
        choice = CheckDisplay(set, user, display, choice, set.user_offsets[row + 1]);
      }
      if (choice != set.user_offsets[row + 1]) {
        FailSplit("user " + User(user) + " has choices that the dataset does not have, after its last display");
      }
    }
  }

  // Takes the choices that a display of the log makes, from `choice` on; returns the one after them.
  std::int64_t CheckDisplay(const DisplaySet& set, std::int64_t user, std::int64_t display, std::int64_t choice,
                            std::int64_t end) const {
    Items left;
    Items clicked;
    for (auto place = static_cast<std::size_t>(log_.offsets[static_cast<std::size_t>(display)]);
         place < static_cast<std::size_t>(log_.offsets[static_cast<std::size_t>(display) + 1]); ++place) {
      left.push_back(log_.items[place]);
      if (log_.clicked[place] != 0) {
        clicked.push_back(log_.items[place]);
      }
    }
    SortDistinct(left);
    SortDistinct(clicked);
    const std::size_t expected = std::max<std::size_t>(1, clicked.size());
    for (std::size_t n = 0; n < expected; ++n, ++choice) {
      const std::string where =
          "choice " + std::to_string(n + 1) + " of display " + std::to_string(display) + " of user " + User(user);
      if (choice >= end) {
        FailSplit(where + " is missing; choices may not get lost");
      }
      Items shown(set.shown(choice).begin(), set.shown(choice).end());
      std::sort(shown.begin(), shown.end());
      if (shown != left) {
        FailSplit(where + " is not among the items that were shown and not clicked before");
      }
      const std::int32_t chosen = set.chosen(choice);
      const auto click = std::find(clicked.begin(), clicked.end(), chosen);
      if (chosen < 0 ? !clicked.empty() : click == clicked.end()) {
        FailSplit(where + " is '" + (chosen < 0 ? "nothing" : std::string(dataset_.item_ids()[chosen])) +
                  "', which is not what was clicked");
      }
      if (chosen >= 0) {
        clicked.erase(click);
        left.erase(std::lower_bound(left.begin(), left.end(), chosen));
      }
    }
    return choice;
  }

  // Training rows are the interactions of users that are not held out.
  void CheckTraining() const {
    const std::vector<std::int64_t> row_of =
        IndexSplitRows(dataset_, split_, "training", split_.train, split_.train_users);
    for (std::int64_t user = 0; user < dataset_.num_users(); ++user) {
      const std::int64_t row = row_of[static_cast<std::size_t>(user)];
      const Place place = place_[static_cast<std::size_t>(user)];
      if (row >= 0 && place > kInTraining) {
        FailSplit("user " + User(user) + " is held out for " + kPlaceNames.at(place) +
                  " and also in training; a held-out user may not be trained on");
      }
      const std::span<const std::int32_t> events = dataset_.interactions().row(user);
      if (row < 0 && place == kInTraining && !events.empty()) {
        FailSplit("the interactions of user " + User(user) + " are in no part; interactions may not get lost");
      }
      if (row >= 0 && !(std::ranges::equal(split_.train.row(row), LastOccurrences(events)) &&
                        (!dataset_.repeats() || (row < split_.train_sequences.rows() &&
                                                 std::ranges::equal(split_.train_sequences.row(row), events))))) {
        FailSplit("the training row of user " + User(user) + " is not what the user did; it is in training whole");
      }
    }
  }

  // One row a click, in the order of the choices: the input is the clicks before, the candidates are what was shown.
  void CheckRows(const DisplaySet& choices, const EvalSet& set, const std::string& name) const {
    std::int64_t row = 0;
    Items before;
    for (std::size_t user = 0; user < choices.users.size(); ++user) {
      before.clear();
      for (std::int64_t display = choices.user_offsets[user]; display < choices.user_offsets[user + 1]; ++display) {
        const std::int32_t chosen = choices.chosen(display);
        if (chosen >= 0) {
          CheckRow(set, row++, choices.users[user], before, chosen, choices.shown(display), name);
          before.push_back(chosen);
        }
      }
    }
    const std::int64_t lists = among_shown_ ? row : 0;
    if (set.rows() != row || set.input.rows() != row || set.target.rows() != row || set.candidates.rows() != lists) {
      FailSplit("there are " + std::to_string(set.rows()) + " " + name + " rows and " +
                std::to_string(set.candidates.rows()) + " lists of candidates for " + std::to_string(row) +
                " choices; expected " + (among_shown_ ? "one of each" : "one row and no list each"));
    }
  }

  void CheckRow(const EvalSet& set, std::int64_t row, std::int32_t user, const Items& before, std::int32_t chosen,
                std::span<const std::int32_t> shown, const std::string& name) const {
    const std::string whose =
        "the " + name + " row of choice " + std::to_string(before.size() + 1) + " of user " + User(user);
    if (row >= set.rows() || set.users[static_cast<std::size_t>(row)] != user) {
      FailSplit(whose + " is missing");
    }
    const auto same = [row](const Csr& rows, std::span<const std::int32_t> expected) {
      return row < rows.rows() && std::ranges::equal(rows.row(row), expected);
    };
    const Csr& sequences = set.sequence.rows() == 0 ? set.input : set.sequence;
    if (!same(set.input, LastOccurrences(before)) || !same(sequences, before)) {
      FailSplit(whose + " knows something else than the " + std::to_string(before.size()) +
                " clicks before; nothing else may be seen");
    }
    if (!same(set.target, std::span(&chosen, 1))) {
      FailSplit(whose + " has another target than what was clicked: expected " + QuoteItem(dataset_, split_, chosen));
    }
    if (among_shown_ && !same(set.candidates, shown)) {
      FailSplit(whose + " ranks other items than those shown");
    }
  }

  // Where the users are whom the settings call those of a part.
  [[nodiscard]] Place PlaceOf(Part part) const {
    switch (part) {
      case Part::kTrain:
        return split_.config.swap ? kInTest : kInTraining;
      case Part::kTest:
        return split_.config.swap ? kInTraining : kInTest;
      default:
        return static_cast<Place>(static_cast<int>(kInTraining) + static_cast<int>(part));
    }
  }

  // Users are in the parts of their displays, or so many are drawn as asked.
  void CheckParts() const {
    const std::set<std::uint8_t> parts(log_.parts.begin(), log_.parts.end());
    const bool by_log = parts.size() > 1;
    std::array<std::int64_t, 4> users = {};
    std::int64_t drawn_validation = 0;
    for (std::int64_t user = 0; user < dataset_.num_users(); ++user) {
      if (DisplaysOf(user) == 0) {
        continue;
      }
      const Place place = place_[static_cast<std::size_t>(user)];
      if (place == kNowhere) {
        FailSplit("the displays of user " + User(user) + " are in no part; choices may not get lost");
      }
      ++users.at(place);
      for (std::int64_t display = log_.user_offsets[static_cast<std::size_t>(user)];
           by_log && display < log_.user_offsets[static_cast<std::size_t>(user) + 1]; ++display) {
        const auto part = static_cast<Part>(log_.parts[static_cast<std::size_t>(display)]);
        const Place expected = PlaceOf(part);
        if (place != expected && !(place == kInValidation && part == Part::kTrain)) {
          FailSplit("user " + User(user) + " is in " + kPlaceNames.at(place) + ", and the log says otherwise");
        }
        drawn_validation += place != expected ? 1 : 0;
      }
    }
    const bool has_validation = parts.count(static_cast<std::uint8_t>(Part::kValidation)) != 0;
    if (by_log && has_validation && drawn_validation > 0) {
      FailSplit("training users of the log are in validation, and the log has validation users of its own");
    }
    const std::int64_t tested = users.at(PlaceOf(Part::kTest));
    const std::int64_t all = users.at(PlaceOf(Part::kTrain)) + users[kInValidation] + (by_log ? 0 : tested);
    if ((!by_log || !has_validation) && users[kInValidation] != HeldOutCount(split_.config.validation_users, all)) {
      FailSplit("validation has " + std::to_string(users[kInValidation]) + " users; expected " +
                std::to_string(HeldOutCount(split_.config.validation_users, all)));
    }
    if (!by_log && tested != HeldOutCount(split_.config.test_users, all)) {
      FailSplit(std::string(kPlaceNames.at(PlaceOf(Part::kTest))) + " has " + std::to_string(tested) +
                " users; expected " + std::to_string(HeldOutCount(split_.config.test_users, all)));
    }
  }

  void CheckCounts() const {
    std::vector<char> has_row(static_cast<std::size_t>(dataset_.num_users()), 0);
    for (const EvalSet* set : {&split_.validation, &split_.test}) {
      for (const std::int32_t user : set->users) {
        has_row[static_cast<std::size_t>(user)] = 1;
      }
    }
    for (const std::int32_t user : split_.train_users) {
      has_row[static_cast<std::size_t>(user)] = 1;
    }
    std::int64_t without = 0;
    for (std::size_t user = 0; user < has_row.size(); ++user) {
      const auto index = static_cast<std::int64_t>(user);
      const bool held_out =
          place_[user] > kInTraining || (place_[user] == kNowhere && !dataset_.interactions().row(index).empty());
      without += held_out && has_row[user] == 0 ? 1 : 0;
    }
    RequireSplitCount("users_without_targets", split_.users_without_targets, without, "held-out users have no row");
    RequireSplitCount("cold_targets_dropped", split_.cold_targets_dropped, 0, "choices are of items outside");
    RequireSplitCount("seen_targets_dropped", split_.seen_targets_dropped, 0, "choices are masked");
  }

  const Dataset& dataset_;
  const Split& split_;
  const Displays& log_;
  const bool among_shown_;
  std::vector<Place> place_;  // [users] whose displays are where
};

}  // namespace

void VerifyDisplays(const Dataset& dataset, const Split& split) { DisplayVerifier(dataset, split).Run(); }

}  // namespace recforce::data
