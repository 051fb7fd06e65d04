// SPDX-License-Identifier: Apache-2.0
// Splits by the parts of the log: rows worked out on paper, validation taken from training, logs with repeats, random
// logs against sets, and one planted leak for each promise.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "data/split_rules.h"
#include "recforce/data/split.h"
#include "support/split_logs.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::Event;
using test::Items;
using test::MakeLog;
using test::Row;
using test::SetRow;

constexpr Part kT = Part::kTrain;
constexpr Part kV = Part::kValidation;
constexpr Part kE = Part::kTest;
constexpr Part kI = Part::kInput;

SplitConfig Given(const std::string& validation_from = "auto") {
  SplitConfig config;
  config.kind = "given";
  config.validation_from = validation_from;
  return config;
}

// u0: 0 1 2 | test 3. u1: 1 4, shown 2 | test 0. u2: test 1 only. u3: shown 4 0 | test 5, which nobody trains on.
std::vector<Event> Published() {
  return {{0, 0, 1, kT}, {0, 1, 2, kT}, {0, 2, 3, kT}, {0, 3, 4, kE}, {1, 1, 1, kT}, {1, 4, 2, kT},
          {1, 2, 3, kI}, {1, 0, 4, kE}, {2, 1, 1, kE}, {3, 4, 1, kI}, {3, 0, 2, kI}, {3, 5, 3, kE}};
}

TEST(GivenSplitTest, TakesThePartsOfTheLog) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeLog(dir, 4, 6, Published(), {.parts = true}), Given("none"));
  EXPECT_EQ(split.num_items(), 6);  // the whole dataset: 3 and 5 can be recommended untrained
  EXPECT_EQ(split.train_users, (Items{0, 1}));
  EXPECT_EQ(Row(split, split.train, 0), (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.train, 1), (Items{1, 4}));
  EXPECT_EQ(split.validation.rows(), 0);
  EXPECT_EQ(split.test.users, (Items{0, 1, 3}));
  EXPECT_EQ(split.test.train_rows, (Items{0, 1, -1}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.test.input, 1), (Items{1, 4, 2}));
  EXPECT_EQ(Row(split, split.test.input, 2), (Items{4, 0}));
  EXPECT_EQ(Row(split, split.test.target, 2), (Items{5}));
  EXPECT_EQ(split.users_without_targets, 1);  // u2 shows nothing
  EXPECT_EQ(split.cold_targets_dropped, 0);
  EXPECT_TRUE(split.test.mask_input);
  EXPECT_EQ(split.candidates, "all");
}

TEST(GivenSplitTest, ACatalogueOfTrainedItemsDropsTheOthers) {
  const test::TempDir dir;
  SplitConfig config = Given("none");
  config.catalogue = "trained";
  const Split split = MakeSplit(MakeLog(dir, 4, 6, Published(), {.parts = true}), config);
  EXPECT_EQ(split.catalogue, (Items{0, 1, 2, 4}));
  EXPECT_EQ(split.test.users, (Items{1}));
  EXPECT_EQ(split.cold_targets_dropped, 2);   // 3 of u0, 5 of u3
  EXPECT_EQ(split.users_without_targets, 3);  // u0, u2, u3
}

TEST(GivenSplitTest, TakesTheLastTrainingInteractionsForValidation) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 4, 6, Published(), {.parts = true});
  const Split split = MakeSplit(dataset, Given());  // most test users are known: auto is last
  EXPECT_EQ(Row(split, split.train, 0), (Items{0, 1}));
  EXPECT_EQ(Row(split, split.train, 1), (Items{1}));
  EXPECT_EQ(split.validation.users, (Items{0, 1}));
  EXPECT_EQ(Row(split, split.validation.input, 0), (Items{0, 1}));
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{2}));
  EXPECT_EQ(Row(split, split.validation.input, 1), (Items{1, 2}));  // training and what is shown
  EXPECT_EQ(Row(split, split.validation.target, 1), (Items{4}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{0, 1, 2}));  // validation targets are known at the test
  EXPECT_EQ(MakeSplit(dataset, Given("last")).fingerprint, split.fingerprint);
  SplitConfig one = Given();
  one.validation_users = 1;
  EXPECT_EQ(MakeSplit(dataset, one).validation.rows(), 1);
}

TEST(GivenSplitTest, TakesAShareOfTheTrainingInteractionsForValidation) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t item = 0; item < 10; ++item) {
    events.push_back({0, item, item, kT});
  }
  events.push_back({0, 10, 10, kE});
  SplitConfig config = Given("random");
  config.validation_ratio = 0.3;
  const Dataset dataset = MakeLog(dir, 1, 11, events, {.parts = true});
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.train.row(0).size(), 7);
  EXPECT_EQ(split.validation.target.row(0).size(), 3);
  EXPECT_EQ(split.test.input.row(0).size(), 10);
  config.seed = 2;
  EXPECT_NE(MakeSplit(dataset, config).fingerprint, split.fingerprint);
}

// Twelve users to train on and three strangers to test: a tenth of 12 is one, who is held out whole.
TEST(GivenSplitTest, TakesWholeUsersForValidationWhenTestUsersAreStrangers) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 15; ++user) {
    for (std::int32_t item = 0; item < 4; ++item) {
      events.push_back({user, item, item, user < 12 ? kT : item < 3 ? kI : kE});
    }
  }
  const Dataset dataset = MakeLog(dir, 15, 4, events, {.parts = true});
  const Split split = MakeSplit(dataset, Given());
  EXPECT_EQ(split.train.rows(), 11);
  ASSERT_EQ(split.validation.rows(), 1);
  EXPECT_EQ(Row(split, split.validation.input, 0), (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{3}));
  EXPECT_EQ(split.validation.train_rows, (Items{-1}));
  SplitConfig all = Given();
  all.validation_users = 12;
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, all); }),
            "Usage: split.validation_users: more users than can be held out for validation: '12' of 12 with at least 2 "
            "training interactions and no test ones; expected fewer, or split.validation_from=none");
}

TEST(GivenSplitTest, KeepsTheValidationOfTheLog) {
  const test::TempDir dir;
  const Dataset dataset =
      MakeLog(dir, 1, 4, {{0, 0, 1, kT}, {0, 1, 2, kV}, {0, 2, 3, kT}, {0, 3, 4, kE}}, {.parts = true});
  const Split split = MakeSplit(dataset, Given());
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{1}));
  EXPECT_EQ(Row(split, split.validation.input, 0), (Items{0, 2}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{0, 1, 2}));
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, Given("last")); }),
            "Usage: split.validation_from: the log has validation interactions of its own: 'last'; expected auto");
}

TEST(GivenSplitTest, NeedsParts) {
  const test::TempDir dir;
  const Dataset dataset = test::MakeGrid(dir, 3, 4);
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, Given()); }),
            "Data: split.kind: the log does not say which interactions are for training and which for test: 'given'; "
            "it needs a format with parts. take another kind");
}

// A test session that clicks 1 again: 1 2 1 3 | 1. Training rows keep the last occurrence.
std::vector<Event> Sessions() {
  std::vector<Event> events;
  const std::vector<Items> train = {{1, 2, 1}, {3, 3, 2}, {2, 1}};
  for (std::int32_t user = 0; user < 3; ++user) {
    for (std::size_t place = 0; place < train[user].size(); ++place) {
      events.push_back({user, train[user][place], static_cast<std::int64_t>(place), kT});
    }
  }
  for (const std::int32_t item : {1, 2, 1, 3}) {
    events.push_back({3, item, 0, kI});
  }
  events.push_back({3, 1, 0, kE});
  return events;
}

TEST(GivenSplitTest, RepeatsStayInSequencesAndMayBeTargets) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 4, 4, Sessions(), {.parts = true, .repeats = true});
  const Split split = MakeSplit(dataset, Given("none"));
  EXPECT_EQ(Row(split, split.train, 0), (Items{2, 1}));
  EXPECT_EQ(Row(split, split.train_sequences, 0), (Items{1, 2, 1}));
  EXPECT_EQ(Row(split, split.train, 1), (Items{3, 2}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{2, 1, 3}));
  EXPECT_EQ(Row(split, split.test.sequence, 0), (Items{1, 2, 1, 3}));
  EXPECT_EQ(Row(split, split.test.target, 0), (Items{1}));
  EXPECT_FALSE(split.test.mask_input);
  SplitConfig masked = Given("none");
  masked.mask_seen = "yes";
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, masked); }),
            "Data: split: nothing is left for test: 'given' left out 1 held-out users and 0 interactions with items "
            "that training never sees; expected at least one user");
}

// A log of random parts, in which each kind of validation is possible.
std::vector<Event> RandomEvents(std::int32_t users, std::int32_t items, bool repeats, bool with_validation) {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < users; ++user) {
    const auto length = *rc::gen::inRange(0, 12);
    std::set<std::int32_t> own;
    for (int place = 0; place < length; ++place) {
      const auto item = *rc::gen::inRange<std::int32_t>(0, items);
      if (own.insert(item).second || repeats) {
        const auto part = *rc::gen::weightedElement<Part>({{6, kT}, {with_validation ? 2 : 0, kV}, {2, kE}, {1, kI}});
        events.push_back({user, item, *rc::gen::inRange<std::int64_t>(0, 6), part});
      }
    }
  }
  return events;
}

// MakeSplit proves itself; here the parts are counted once more, with sets.
TEST(GivenSplitTest, RowsAreTheParts) {
  const auto holds = rc::check("rows are the parts of the log", [] {
    const auto users = *rc::gen::inRange<std::int32_t>(4, 14);
    const auto items = *rc::gen::inRange<std::int32_t>(3, 9);
    const bool repeats = *rc::gen::arbitrary<bool>();
    const bool with_validation = *rc::gen::arbitrary<bool>();
    const std::vector<Event> events = RandomEvents(users, items, repeats, with_validation);
    SplitConfig config =
        Given(with_validation ? "auto" : *rc::gen::element<std::string>("auto", "last", "random", "users", "none"));
    config.validation_ratio = 0.01 * *rc::gen::inRange(5, 60);
    config.mask_seen = *rc::gen::element<std::string>("auto", "yes", "no");
    config.catalogue = *rc::gen::element<std::string>("auto", "trained");
    const test::TempDir dir;
    const Dataset dataset = MakeLog(dir, users, items, events, {.parts = true, .repeats = repeats});
    Split split;
    try {
      split = MakeSplit(dataset, config);
    } catch (const base::Error& error) {
      const std::string message = error.what();
      RC_LOG() << config.validation_from << " " << config.mask_seen << " " << config.catalogue << ": " << message;
      RC_ASSERT(message.find("split: nothing is left for ") == 0 || message.find("has no interactions") < 50 ||
                message.find("split.validation_users: more users than can be") == 0 ||
                message.find("split.validation_from: would put repeats") == 0);
      RC_TAG(std::string("refused"));
      return;
    }
    std::set<std::pair<std::int32_t, std::int32_t>> test_pairs;
    std::set<std::pair<std::int32_t, std::int32_t>> pairs;
    for (const Event& event : events) {
      (event.part == kE ? test_pairs : pairs).insert({event.user, event.item});
    }
    for (std::int64_t row = 0; row < split.test.rows(); ++row) {
      for (const std::int32_t item : Row(split, split.test.target, row)) {
        RC_ASSERT(test_pairs.count({split.test.users[row], item}) == 1);
      }
      for (const std::int32_t item : Row(split, split.test.input, row)) {
        RC_ASSERT(pairs.count({split.test.users[row], item}) == 1);
      }
    }
    std::int64_t training_events = 0;
    for (const Event& event : events) {
      training_events += event.part == kT ? 1 : 0;
    }
    const std::int64_t kept = repeats ? split.train_sequences.nnz() : split.train.nnz();
    const bool all_stay =
        config.validation_from == "none" ||
        std::any_of(events.begin(), events.end(), [](const Event& event) { return event.part == kV; });
    RC_ASSERT((all_stay ? kept == training_events : kept < training_events));
  });
  EXPECT_TRUE(holds);
}

class GivenLeakTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Verify(const Split& split) const {
    return ErrorOf([&] { VerifySplit(dataset_, split); });
  }
  test::TempDir dir_;
  Dataset dataset_ = MakeLog(dir_, 4, 6, Published(), {.parts = true});
  Split split_ = MakeSplit(dataset_, Given());
};

TEST_F(GivenLeakTest, FindsATestItemInTraining) {
  SetRow(split_.train, 0, {0, 1, 3});
  EXPECT_EQ(
      Verify(split_),
      "Data: split: training of user 'u0000' has item 'i0003' (test) at place 3; expected item 'i0002' (training)");
}

TEST_F(GivenLeakTest, FindsATestItemAmongTheInput) {
  SetRow(split_.test.input, 0, {0, 1, 2, 3});
  EXPECT_EQ(Verify(split_),
            "Data: split: the test input of user 'u0000' has item 'i0003' (test) at place 4; expected nothing");
}

TEST_F(GivenLeakTest, FindsAValidationTargetThatIsTested) {
  SetRow(split_.validation.target, 0, {3});
  EXPECT_EQ(Verify(split_),
            "Data: split: the validation target of user 'u0000' has item 'i0003' (test) at place 1; expected item "
            "'i0002' (validation)");
}

TEST_F(GivenLeakTest, FindsAValidationTargetInTraining) {
  SetRow(split_.train, 0, {0, 1, 2});
  EXPECT_EQ(Verify(split_),
            "Data: split: user 'u0000' has a validation row; the log gives it no input or no target there");
}

TEST_F(GivenLeakTest, FindsWhatIsShownInTraining) {
  SetRow(split_.train, 1, {1, 2});
  EXPECT_EQ(
      Verify(split_),
      "Data: split: training of user 'u0001' has item 'i0002' (input) at place 2; expected item 'i0004' (training)");
}

TEST_F(GivenLeakTest, FindsAnInventedPair) {
  SetRow(split_.train, 1, {5});
  EXPECT_EQ(
      Verify(split_),
      "Data: split: training of user 'u0001' has item 'i0005' (a pair that the dataset does not have) at place 1; "
      "expected item 'i0001' (training)");
}

TEST_F(GivenLeakTest, FindsAMissingRow) {
  split_.test.users.pop_back();
  split_.test.train_rows.pop_back();
  split_.test.input = {};
  split_.test.target = {};
  for (const Items& row : {Items{0, 1, 2}, Items{1, 4, 2}}) {
    split_.test.input.AddRow(row);
  }
  split_.test.target.AddRow(Items{3});
  split_.test.target.AddRow(Items{0});
  EXPECT_EQ(Verify(split_), "Data: split: user 'u0003' has no test row; the log gives it 1 targets there");
}

TEST_F(GivenLeakTest, FindsAWrongTrainingRowMaskOrCatalogue) {
  Split changed = split_;
  changed.test.train_rows[0] = 1;
  EXPECT_EQ(Verify(changed), "Data: split: the test row of user 'u0000' names another training row: expected 0");
  changed = split_;
  changed.test.mask_input = false;
  EXPECT_EQ(Verify(changed), "Data: split: seen items are ranked; they are to be masked");
  changed = split_;
  changed.catalogue.pop_back();
  EXPECT_EQ(Verify(changed),
            "Data: split: the test target of user 'u0003' holds an item outside the catalogue: '5'; the "
            "catalogue has 5 items");
}

// With repeats the sequences are proved, too.
TEST(GivenRepeatsLeakTest, FindsTheTargetInItsSequence) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 4, 4, Sessions(), {.parts = true, .repeats = true});
  Split split = MakeSplit(dataset, Given("none"));
  SetRow(split.test.sequence, 0, {1, 2, 1, 3, 1});
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: the test sequence of user 'u0003' has item 'i0001' (test) at place 5; expected nothing");
}

TEST(UserTimeRatioTest, TakesTheLastSharesOfEachUser) {
  const test::TempDir dir;
  SplitConfig config;
  config.kind = "user_time_ratio";
  config.validation_ratio = 0.1;
  config.test_ratio = 0.25;
  const Split split = MakeSplit(test::MakeGrid(dir, 12, 10), config);
  ASSERT_EQ(split.test.rows(), 12);
  EXPECT_EQ(Row(split, split.train, 3), (Items{3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(Row(split, split.validation.target, 3), (Items{0}));  // floor(1.0)
  EXPECT_EQ(Row(split, split.test.target, 3), (Items{1, 2}));     // floor(2.5)
  EXPECT_EQ(Row(split, split.test.input, 3), (Items{3, 4, 5, 6, 7, 8, 9, 0}));
}

TEST(UserTimeRatioTest, FindsTheFuture) {
  const test::TempDir dir;
  const Dataset dataset = test::MakeGrid(dir, 4, 10);
  SplitConfig config;
  config.kind = "user_time_ratio";
  Split split = MakeSplit(dataset, config);  // user 0: training 0 .. 7, validation 8, test 9
  SetRow(split.train, 0, {0, 1, 2, 3, 4, 5, 6, 8});
  SetRow(split.validation.input, 0, {0, 1, 2, 3, 4, 5, 6, 8});
  SetRow(split.validation.target, 0, {7});
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: item 'i0008' of user 'u0000' is in training and later than the validation target 'i0007'; "
            "nothing seen may be later than a target");
}

// Kinds that know no repeats of their own, over logs that have them: user 0 plays 0 1 0 2 0.
TEST(RepeatsTest, LeaveLastOutRanksWhatWasSeen) {
  const test::TempDir dir;
  std::vector<Event> events;
  const Items plays = {0, 1, 0, 2, 0};
  for (std::int32_t user = 0; user < 3; ++user) {
    for (std::size_t place = 0; place < plays.size(); ++place) {
      events.push_back({user, (plays[place] + user) % 3, static_cast<std::int64_t>(place)});
    }
  }
  const Dataset dataset = MakeLog(dir, 3, 3, events, {.repeats = true});
  SplitConfig config;
  config.kind = "leave_last_out";
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(Row(split, split.train, 0), (Items{1, 0}));
  EXPECT_EQ(Row(split, split.train_sequences, 0), (Items{0, 1, 0}));
  EXPECT_EQ(Row(split, split.test.target, 0), (Items{0}));
  EXPECT_EQ(Row(split, split.test.sequence, 0), (Items{0, 1, 0, 2}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{1, 0, 2}));
  EXPECT_FALSE(split.test.mask_input);
  config.kind = "random_ratio";
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, config); }),
            "Usage: split.kind: would put repeats of one interaction into training and into test: 'random_ratio'; the "
            "log keeps repeats (--duplicates keep). take user_time_ratio, or convert the log with --duplicates last");
}

TEST(RepeatsTest, AllKindsProveThemselves) {
  const auto holds = rc::check("splits of logs with repeats prove themselves", [] {
    const auto users = *rc::gen::inRange<std::int32_t>(4, 16);
    const auto items = *rc::gen::inRange<std::int32_t>(6, 12);
    std::vector<Event> events;
    for (std::int32_t user = 0; user < users; ++user) {
      const auto length = *rc::gen::inRange(0, 25);
      for (int place = 0; place < length; ++place) {
        events.push_back({user, *rc::gen::inRange<std::int32_t>(0, items), *rc::gen::inRange<std::int64_t>(0, 40)});
      }
    }
    SplitConfig config;
    config.kind = *rc::gen::element<std::string>("strong_generalization", "leave_last_out", "global_time",
                                                 "user_time_ratio", "session");
    config.validation_ratio = config.test_ratio = 0.01 * *rc::gen::inRange(10, 45);
    config.mask_seen = *rc::gen::element<std::string>("auto", "yes", "no");
    const test::TempDir dir;
    const Dataset dataset = MakeLog(dir, users, items, events, {.repeats = true});
    try {
      const Split split = MakeSplit(dataset, config);
      // Sessions leave their sequences out where nothing is repeated.
      RC_ASSERT(split.test.sequence.rows() == split.test.rows() ||
                (config.kind == "session" && split.test.sequence.rows() == 0));
      for (std::int64_t row = 0; row < split.test.rows() && split.test.mask_input; ++row) {
        const std::span<const std::int32_t> input = split.test.input.row(row);
        for (const std::int32_t target : split.test.target.row(row)) {
          RC_ASSERT(std::find(input.begin(), input.end(), target) == input.end());
        }
      }
    } catch (const base::Error& error) {
      const std::string message = error.what();
      RC_LOG() << config.kind << ": " << message;
      RC_ASSERT(message.find("split: nothing is left for ") == 0 || message.find("has no interactions") < 50);
      RC_TAG(std::string("refused"));
    }
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace recforce::data
