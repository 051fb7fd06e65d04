// SPDX-License-Identifier: Apache-2.0
// The proof for logs without repeats, and for users held out whole: every row item is found again in the dataset and
// marked with the part that claims it, and the marks are then checked for leaks, for order in time and, last, for
// interactions that no part accounts for. Of a log with repeats each item counts where it stands last.
#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "data/split_rules.h"
#include "data/verify_split.h"

namespace recforce::data {
namespace {

// What claims an interaction; bits of a mark.
enum Role : std::uint8_t { kTrain = 1, kValidationInput = 2, kValidationTarget = 4, kTestInput = 8, kTestTarget = 16 };

struct RoleRows {
  Role role;
  const char* name;
  const Csr* rows;
  const std::vector<std::int32_t>* users;
};

[[noreturn]] void Fail(const std::string& message) { FailSplit(message); }

class MarkVerifier {
 public:
  // REQUIRES: items of a row of `log` distinct.
  MarkVerifier(const Dataset& dataset, const Split& split, const CsrView& log)
      : dataset_(dataset),
        split_(split),
        log_(log),
        by_user_(split.config.kind == kStrongGeneralization),
        roles_{{{kTrain, "training", &split.train, &split.train_users},
                {kValidationInput, "the validation input", &split.validation.input, &split.validation.users},
                {kValidationTarget, "the validation target", &split.validation.target, &split.validation.users},
                {kTestInput, "the test input", &split.test.input, &split.test.users},
                {kTestTarget, "the test target", &split.test.target, &split.test.users}}} {}

  void Run() {
    CheckCatalogueOrder(dataset_, split_);
    for (std::size_t role = 0; role < roles_.size(); ++role) {
      IndexRows(role);
    }
    marks_.assign(log_.items.size(), 0);
    owner_.assign(static_cast<std::size_t>(dataset_.num_items()), -1);
    place_.assign(owner_.size(), 0);
    for (std::int64_t user = 0; user < log_.rows(); ++user) {
      MarkUser(user);
      CheckUserLeaks(user);
    }
    CheckCatalogueIsWhole(dataset_, split_);
    if (split_.config.kind == kGlobalTime) {
      CheckInstants();
    }
    CheckNothingLost();
  }

 private:
  [[nodiscard]] std::string User(std::int64_t user) const { return QuoteUser(dataset_, user); }
  [[nodiscard]] std::string ItemAt(std::int64_t place) const {
    return "'" + std::string(dataset_.item_ids()[log_.items[static_cast<std::size_t>(place)]]) + "'";
  }
  [[nodiscard]] std::int64_t Begin(std::int64_t user) const { return log_.offsets[static_cast<std::size_t>(user)]; }
  [[nodiscard]] std::int64_t End(std::int64_t user) const { return log_.offsets[static_cast<std::size_t>(user) + 1]; }
  [[nodiscard]] std::uint8_t Mark(std::int64_t place) const { return marks_[static_cast<std::size_t>(place)]; }
  [[nodiscard]] bool HasRow(std::int64_t user, Role role) const {
    for (std::size_t index = 0; index < roles_.size(); ++index) {
      if (roles_[index].role == role) {
        return row_of_[index][static_cast<std::size_t>(user)] >= 0;
      }
    }
    return false;
  }
  [[nodiscard]] bool IsWarm(std::int64_t place) const {
    return std::binary_search(split_.catalogue.begin(), split_.catalogue.end(),
                              log_.items[static_cast<std::size_t>(place)]);
  }
  [[nodiscard]] static const char* NameOf(std::uint8_t mark) {
    return (mark & kTrain) != 0             ? "training"
           : (mark & kValidationInput) != 0 ? "the validation input"
                                            : "the test input";
  }

  void IndexRows(std::size_t index) {
    const RoleRows& role = roles_[index];
    const bool may_be_empty = split_.config.kind == kRandomRows && (role.role & (kValidationInput | kTestInput)) != 0;
    row_of_[index] = IndexSplitRows(dataset_, split_, role.name, *role.rows, *role.users, may_be_empty);
  }

  // Finds the items of all rows of a user in the dataset and marks them.
  void MarkUser(std::int64_t user) {
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      const auto item = static_cast<std::size_t>(log_.items[static_cast<std::size_t>(place)]);
      owner_[item] = user;
      place_[item] = place;
    }
    for (std::size_t index = 0; index < roles_.size(); ++index) {
      const std::int64_t row = row_of_[index][static_cast<std::size_t>(user)];
      if (row >= 0) {
        MarkRow(user, roles_[index], roles_[index].rows->row(row));
      }
    }
  }

  void MarkRow(std::int64_t user, const RoleRows& role, std::span<const std::int32_t> row) {
    std::int64_t previous = -1;
    for (const std::int32_t local : row) {
      const std::int32_t item = split_.catalogue[static_cast<std::size_t>(local)];
      if (owner_[static_cast<std::size_t>(item)] != user) {
        Fail(std::string(role.name) + " of user " + User(user) + " holds item '" +
             std::string(dataset_.item_ids()[item]) + "', a pair that the dataset does not have");
      }
      const std::int64_t place = place_[static_cast<std::size_t>(item)];
      std::uint8_t& mark = marks_[static_cast<std::size_t>(place)];
      if ((mark & role.role) != 0) {
        Fail(std::string(role.name) + " of user " + User(user) + " holds item " + ItemAt(place) +
             " twice; items of a row are distinct");
      }
      if (place < previous) {
        Fail(std::string(role.name) + " of user " + User(user) + " is out of time order: item " + ItemAt(place) +
             " comes after item " + ItemAt(previous));
      }
      mark = static_cast<std::uint8_t>(mark | role.role);
      previous = place;
    }
  }

  void CheckUserLeaks(std::int64_t user) const {
    if (by_user_) {
      CheckHeldOut(user);
    }
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      const std::uint8_t mark = Mark(place);
      if ((mark & kValidationTarget) != 0 && (mark & (kTrain | kValidationInput)) != 0) {
        FailTarget("validation", user, place, NameOf(mark));
      }
      if ((mark & kTestTarget) != 0 && (mark & kValidationTarget) != 0) {
        FailTarget("test", user, place, "the validation target");
      }
      if ((mark & kTestTarget) != 0 && (mark & (kTrain | kValidationInput | kTestInput)) != 0) {
        FailTarget("test", user, place, NameOf(mark));
      }
    }
    if (!by_user_) {
      CheckInputs(user);
    }
    if (split_.config.kind == kLeaveLastOut || split_.config.kind == kUserTimeRatio) {
      CheckOrder(user);
    }
  }

  [[noreturn]] void FailTarget(const char* part, std::int64_t user, std::int64_t place, const char* where) const {
    Fail(std::string("item ") + ItemAt(place) + " of user " + User(user) + " is a " + part + " target and also in " +
         where + "; a target may not be seen before");
  }

  // strong_generalization: a user is in one part only.
  void CheckHeldOut(std::int64_t user) const {
    const bool train = HasRow(user, kTrain);
    const bool validation = HasRow(user, kValidationTarget);
    const bool test = HasRow(user, kTestTarget);
    if (train && (validation || test)) {
      Fail("user " + User(user) + " is held out for " + (validation ? "validation" : "test") +
           " and also in training; a held-out user may not be trained on");
    }
    if (validation && test) {
      Fail("user " + User(user) + " is held out for validation and also for test; a user is in one part only");
    }
  }

  // The other kinds: what the model sees is training, and before the test also what validation held out.
  void CheckInputs(std::int64_t user) const {
    const bool validation = HasRow(user, kValidationTarget);
    const bool test = HasRow(user, kTestTarget);
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      const std::uint8_t mark = Mark(place);
      const bool in_train = (mark & kTrain) != 0;
      if (validation && in_train != ((mark & kValidationInput) != 0)) {
        Fail("the validation input of user " + User(user) + " differs from the user's training row at item " +
             ItemAt(place) + "; they must be equal");
      }
      const bool before_test = in_train || (mark & kValidationTarget) != 0;
      if (test && before_test && (mark & kTestInput) == 0) {
        Fail("the test input of user " + User(user) + " lacks item " + ItemAt(place) +
             ", which is in training or a validation target");
      }
      if (test && HasRow(user, kTrain) && !before_test && (mark & kTestInput) != 0) {
        Fail("the test input of user " + User(user) + " holds item " + ItemAt(place) +
             ", which is neither in training nor a validation target");
      }
    }
  }

  // leave_last_out, user_time_ratio: everything seen lies before the targets, in the order of the log.
  void CheckOrder(std::int64_t user) const {
    constexpr std::uint8_t kBeforeValidation = kTrain | kValidationInput;
    constexpr std::uint8_t kBeforeTest = kBeforeValidation | kValidationTarget | kTestInput;
    std::int64_t validation = -1;
    std::int64_t test = -1;
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      const std::uint8_t mark = Mark(place);
      if (test >= 0 && (mark & kBeforeTest) != 0) {
        FailOrder(user, place, (mark & kValidationTarget) != 0 ? "the validation target" : NameOf(mark), "test", test);
      }
      if (validation >= 0 && (mark & kBeforeValidation) != 0) {
        FailOrder(user, place, NameOf(mark), "validation", validation);
      }
      validation = (mark & kValidationTarget) != 0 ? place : validation;
      test = (mark & kTestTarget) != 0 ? place : test;
    }
  }

  [[noreturn]] void FailOrder(std::int64_t user, std::int64_t place, const char* where, const char* part,
                              std::int64_t target) const {
    Fail("item " + ItemAt(place) + " of user " + User(user) + " is in " + where + " and later than the " + part +
         " target " + ItemAt(target) + "; nothing seen may be later than a target");
  }

  // The places of the earliest and the latest interaction whose mark has a bit of `roles`.
  struct Extremes {
    std::int64_t earliest = -1;
    std::int64_t latest = -1;
  };
  [[nodiscard]] Extremes FindExtremes(std::uint8_t roles) const {
    Extremes found;
    for (std::int64_t place = 0; place < dataset_.num_interactions(); ++place) {
      if ((Mark(place) & roles) != 0) {
        found.earliest = found.earliest < 0 || Time(place) < Time(found.earliest) ? place : found.earliest;
        found.latest = found.latest < 0 || Time(place) > Time(found.latest) ? place : found.latest;
      }
    }
    return found;
  }
  [[nodiscard]] std::int64_t Time(std::int64_t place) const {
    return dataset_.times()[static_cast<std::size_t>(place)];
  }
  [[nodiscard]] std::string Describe(std::int64_t place) const {
    const auto user = std::upper_bound(log_.offsets.begin(), log_.offsets.end(), place) - log_.offsets.begin() - 1;
    return ItemAt(place) + " of user " + User(user) + " at time " + std::to_string(Time(place));
  }

  // global_time: every instant is on one side of each cut.
  void CheckInstants() const {
    if (dataset_.times().empty()) {
      Fail("the dataset has no times; global_time needs them");
    }
    RequireBefore(kTrain | kValidationInput, "training or the validation input", kValidationTarget, "validation");
    RequireBefore(kTrain | kValidationInput | kValidationTarget | kTestInput, "training, validation or the test input",
                  kTestTarget, "test");
  }

  void RequireBefore(int seen, const char* where, Role target, const char* part) const {
    const std::int64_t last = FindExtremes(static_cast<std::uint8_t>(seen)).latest;
    const std::int64_t first = FindExtremes(target).earliest;
    if (last >= 0 && first >= 0 && Time(last) >= Time(first)) {
      Fail(std::string(where) + " holds item " + Describe(last) + ", not before the " + part + " target " +
           Describe(first));
    }
  }

  // How many interactions of each user belong to each part, by the definition of the kind.
  [[nodiscard]] PartSizes ExpectedSizes(std::int64_t user) const {
    const std::int64_t n = End(user) - Begin(user);
    if (split_.config.kind == kRandomRatio || split_.config.kind == kUserTimeRatio) {
      return RatioSizes(split_.config, n);
    }
    if (split_.config.kind == kRandomRows) {  // VerifyShares counts for all users together
      return {CountMarked(user, kTrain), CountMarked(user, kValidationTarget), CountMarked(user, kTestTarget)};
    }
    if (split_.config.kind == kLeaveLastOut) {
      return n < kFewestLeaveOutItems ? PartSizes{n, 0, 0} : PartSizes{n - 2, 1, 1};
    }
    PartSizes sizes;
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      const bool held_out = validation_begin_ && Time(place) >= *validation_begin_;
      const bool test = test_begin_ && Time(place) >= *test_begin_;
      ++(test ? sizes.test : held_out ? sizes.validation : sizes.train);
    }
    return sizes;
  }

  void FindCuts() {
    std::vector<std::int64_t> times(dataset_.times().begin(), dataset_.times().end());
    const auto time_of_rank = [&times](std::int64_t rank) {
      std::nth_element(times.begin(), times.begin() + rank, times.end());
      return times[static_cast<std::size_t>(rank)];
    };
    const PartSizes sizes = RatioSizes(split_.config, dataset_.num_interactions());
    if (sizes.test > 0) {
      test_begin_ = time_of_rank(sizes.train + sizes.validation);
    }
    if (sizes.validation + sizes.test > 0) {
      validation_begin_ = time_of_rank(sizes.train);
    }
  }

  void CheckNothingLost() {
    if (split_.config.kind == kGlobalTime) {
      FindCuts();
    }
    std::int64_t cold = 0;
    std::int64_t left_out = 0;
    for (std::int64_t user = 0; user < log_.rows(); ++user) {
      if (Begin(user) == End(user)) {
        continue;
      }
      left_out += by_user_ ? CountLeftOutUser(user) : CountLeftOutRows(user);
      cold += CountCold(user);
    }
    RequireSplitCount("cold_targets_dropped", split_.cold_targets_dropped, cold,
                      "held-out interactions have items that training never sees");
    RequireSplitCount("users_without_targets", split_.users_without_targets, left_out, "held-out users have no row");
  }

  [[nodiscard]] std::int64_t CountMarked(std::int64_t user, int roles) const {
    return std::count_if(marks_.begin() + Begin(user), marks_.begin() + End(user),
                         [roles](std::uint8_t mark) { return (mark & roles) != 0; });
  }

  // strong_generalization: 1 when the user is in no part at all.
  [[nodiscard]] std::int64_t CountLeftOutUser(std::int64_t user) const {
    if (HasRow(user, kTrain) || HasRow(user, kValidationTarget) || HasRow(user, kTestTarget)) {
      RequireWarmMarked(user);
      return 0;
    }
    return 1;
  }

  // The other kinds: how many of the user's two evaluation rows are missing.
  [[nodiscard]] std::int64_t CountLeftOutRows(std::int64_t user) const {
    const PartSizes expected = ExpectedSizes(user);
    RequireSize(user, "training", CountMarked(user, kTrain), expected.train, true);
    RequireSize(user, "validation", CountMarked(user, kValidationTarget), expected.validation, false);
    RequireSize(user, "test", CountMarked(user, kTestTarget), expected.test, false);
    const bool lacks_validation = expected.validation > 0 && !HasRow(user, kValidationTarget);
    const bool lacks_test = expected.test > 0 && !HasRow(user, kTestTarget);
    // Only a user whom training does not know may lose items it knows, and only when no test row holds them.
    if (expected.train > 0 || HasRow(user, kTestTarget)) {
      RequireWarmMarked(user);
    }
    return (lacks_validation ? 1 : 0) + (lacks_test ? 1 : 0);
  }

  void RequireSize(std::int64_t user, const char* part, std::int64_t found, std::int64_t expected, bool exact) const {
    if (found > expected || (exact && found != expected)) {
      Fail("user " + User(user) + " has " + std::to_string(found) + " interactions in " + part + "; " +
           split_.config.kind + " gives " + (exact ? "" : "at most ") + std::to_string(expected));
    }
  }

  void RequireWarmMarked(std::int64_t user) const {
    for (std::int64_t place = Begin(user); place < End(user); ++place) {
      if (Mark(place) == 0 && IsWarm(place)) {
        Fail("item " + ItemAt(place) + " of user " + User(user) + " is in no part; interactions may not get lost");
      }
    }
  }

  // Events, repeated ones too: a row can hold no item that the catalogue lacks.
  [[nodiscard]] std::int64_t CountCold(std::int64_t user) const {
    const std::span<const std::int32_t> events = dataset_.interactions().row(user);
    return std::count_if(events.begin(), events.end(), [this](std::int32_t item) {
      return !std::binary_search(split_.catalogue.begin(), split_.catalogue.end(), item);
    });
  }

  const Dataset& dataset_;
  const Split& split_;
  const CsrView log_;  // distinct items
  const bool by_user_;
  const std::array<RoleRows, 5> roles_;
  std::array<std::vector<std::int64_t>, 5> row_of_;  // [role][user], -1 for none
  std::vector<std::uint8_t> marks_;                  // [interactions], bits of Role
  std::vector<std::int64_t> owner_;                  // [items], the last user seen with the item
  std::vector<std::int64_t> place_;                  // [items], where in the log that was
  std::optional<std::int64_t> validation_begin_;     // global_time: the first held-out instant
  std::optional<std::int64_t> test_begin_;
};

}  // namespace

void VerifyMarks(const Dataset& dataset, const Split& split) {
  if (!dataset.repeats()) {
    MarkVerifier(dataset, split, dataset.interactions()).Run();
    return;
  }
  Csr distinct;
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    distinct.AddRow(LastOccurrences(dataset.interactions().row(user)));
  }
  MarkVerifier(dataset, split, distinct.view()).Run();
}

}  // namespace recforce::data
