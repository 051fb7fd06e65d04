// SPDX-License-Identifier: Apache-2.0
// Choices among what was shown: rows worked out on paper, what malformed displays become, and one planted leak for each
// promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "recforce/data/split.h"
#include "support/split_logs.h"

namespace recforce::data {
namespace {

using test::Display;
using test::ErrorOf;
using test::Items;
using test::MakeLog;
using test::MakeShown;
using test::Row;
using test::SetRow;

constexpr Part kT = Part::kTrain;
constexpr Part kV = Part::kValidation;
constexpr Part kE = Part::kTest;
constexpr Part kI = Part::kInput;

SplitConfig Shown() {
  SplitConfig config;
  config.kind = "displays";
  return config;
}

Items Sorted(std::span<const std::int32_t> items) {
  Items sorted(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// u0 trains; u1 validates; u2 is tested: 3 of {3, 1}, nothing of {0, 1}, 3 again and then 2 of {2, 3, 5}.
std::vector<Display> Published() {
  return {{0, 1, {{0}, {1, true}}, kT}, {0, 2, {{1}, {4, true}}, kT}, {1, 1, {{2, true}, {4}}, kV},
          {2, 5, {{3, true}, {1}}, kE}, {2, 7, {{0}, {1}}, kE},       {2, 9, {{5}, {2, true}, {3, true}}, kE}};
}

TEST(DisplaysSplitTest, HoldsOutTheUsersOfTheParts) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeShown(dir, 3, 6, Published(), true), Shown());
  EXPECT_EQ(split.catalogue, (Items{0, 1, 2, 3, 4, 5}));  // 2, 3 and 5 too, which training never saw
  EXPECT_EQ(split.train_users, Items{0});
  EXPECT_EQ(Row(split, split.train, 0), (Items{1, 4}));
  EXPECT_EQ(split.train_displays.users, Items{0});
  EXPECT_EQ(split.train_displays.user_offsets, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(split.train_displays.chosen(0), 1);
  EXPECT_EQ(split.train_displays.chosen(1), 4);
  EXPECT_EQ(split.validation_displays.users, Items{1});
  EXPECT_EQ(split.candidates, "displays");
  EXPECT_FALSE(split.test.mask_input);
  EXPECT_EQ(split.users_without_targets, 0);
}

TEST(DisplaysSplitTest, EveryClickIsARowAmongWhatWasShown) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeShown(dir, 3, 6, Published(), true), Shown());
  const DisplaySet& shown = split.test_displays;
  ASSERT_EQ(shown.size(), 4);  // one click, none, and two of one display
  EXPECT_EQ(Sorted(shown.shown(0)), (Items{1, 3}));
  EXPECT_EQ(shown.chosen(0), 3);
  EXPECT_EQ(Sorted(shown.shown(1)), (Items{0, 1}));
  EXPECT_EQ(shown.choice[1], -1);
  EXPECT_EQ(Sorted(shown.shown(2)), (Items{2, 3, 5}));
  const std::int32_t first = shown.chosen(2);
  const std::int32_t second = shown.chosen(3);
  EXPECT_EQ(Sorted(Items{first, second}), (Items{2, 3}));
  EXPECT_EQ(Sorted(shown.shown(3)), Sorted(Items{second, 5}));  // what the first click left

  EXPECT_EQ(split.test.users, (Items{2, 2, 2}));
  EXPECT_EQ(split.test.train_rows, (Items{-1, -1, -1}));
  EXPECT_EQ(Row(split, split.test.input, 0), Items{});
  EXPECT_EQ(Row(split, split.test.input, 1), Items{3});
  EXPECT_EQ(Row(split, split.test.input, 2), first == 3 ? Items{3} : (Items{3, 2}));
  EXPECT_EQ(Row(split, split.test.target, 0), Items{3});
  EXPECT_EQ(Row(split, split.test.target, 1), Items{first});
  EXPECT_EQ(Row(split, split.test.target, 2), Items{second});
  for (const auto& [row, display] : std::map<int, int>{{0, 0}, {1, 2}, {2, 3}}) {
    EXPECT_TRUE(std::ranges::equal(split.test.candidates.row(row), shown.shown(display))) << row;
  }
}

// 3 is clicked at two times: sequences hold it twice, inputs once.
TEST(DisplaysSplitTest, SequencesRepeatWhatIsClickedAgain) {
  const test::TempDir dir;
  const std::vector<Display> displays = {{0, 1, {{0, true}, {1}}, kT},
                                         {1, 1, {{0, true}, {2}}, kV},
                                         {2, 1, {{3, true}, {1}}, kE},
                                         {2, 2, {{3, true}, {1}}, kE},
                                         {2, 3, {{1, true}, {0}}, kE}};
  const Split split = MakeSplit(MakeShown(dir, 3, 4, displays, true), Shown());
  ASSERT_EQ(split.test.sequence.rows(), 3);
  EXPECT_EQ(Row(split, split.test.sequence, 2), (Items{3, 3}));
  EXPECT_EQ(Row(split, split.test.input, 2), Items{3});
  EXPECT_EQ(split.validation.sequence.rows(), 0);  // nothing repeats there
}

TEST(DisplaysSplitTest, DrawsUsersWithoutParts) {
  const test::TempDir dir;
  std::vector<Display> displays;
  for (std::int32_t user = 0; user < 40; ++user) {
    displays.push_back({user, user, {{user % 5, true}, {5}, {6}}});
  }
  const Dataset dataset = MakeShown(dir, 40, 7, displays);
  SplitConfig config = Shown();
  const Split tenths = MakeSplit(dataset, config);
  EXPECT_EQ(tenths.validation_displays.num_users(), 4);
  EXPECT_EQ(tenths.test_displays.num_users(), 4);
  EXPECT_EQ(tenths.train_displays.num_users(), 32);
  EXPECT_EQ(tenths.train.rows(), 32);
  config.test_users = 10;
  config.validation_users = 5;
  const Split asked = MakeSplit(dataset, config);
  EXPECT_EQ(asked.test_displays.num_users(), 10);
  EXPECT_EQ(asked.validation_displays.num_users(), 5);
  config.seed = 2;
  EXPECT_NE(MakeSplit(dataset, config).test_displays.users, asked.test_displays.users);
}

TEST(DisplaysSplitTest, DrawsValidationWhereTheLogHasNone) {
  const test::TempDir dir;
  std::vector<Display> displays;
  for (std::int32_t user = 0; user < 40; ++user) {
    displays.push_back({user, user, {{user % 5, true}, {5}}, user < 30 ? kT : kE});
  }
  const Dataset dataset = MakeShown(dir, 40, 6, displays, true);
  const Split split = MakeSplit(dataset, Shown());
  EXPECT_EQ(split.validation_displays.num_users(), 3);
  EXPECT_EQ(split.train_displays.num_users(), 27);
  EXPECT_EQ(split.test_displays.num_users(), 10);
  SplitConfig config = Shown();
  config.test_users = 3;
  EXPECT_EQ(ErrorOf([&] { MakeSplit(dataset, config); }),
            "Usage: split.test_users: the parts of the displays say who is held out: '3'; expected 0");
  config.test_users = 0;
  config.validation_users = 30;
  EXPECT_EQ(ErrorOf([&] { MakeSplit(dataset, config); }),
            "Usage: split.validation_users: holds out too many users: '30' of 30 with displays for training; at least "
            "one must be left");
}

TEST(DisplaysSplitTest, TheOrderOfTheLogIsForgotten) {
  std::vector<Display> displays;
  for (std::int32_t user = 0; user < 60; ++user) {
    for (std::int32_t time = 0; time < 5; ++time) {
      displays.push_back({user, time, {{(user + time) % 7}, {7}, {8}, {9}, {10 + user % 3, true}}});
    }
  }
  std::vector<Display> reversed = displays;
  for (Display& display : reversed) {
    std::reverse(display.items.begin(), display.items.end());
  }
  const test::TempDir dir;
  const test::TempDir other;
  const Split split = MakeSplit(MakeShown(dir, 60, 13, displays), Shown());
  const Split again = MakeSplit(MakeShown(other, 60, 13, reversed), Shown());
  EXPECT_EQ(split.train_displays.items, again.train_displays.items);
  EXPECT_EQ(split.train_displays.choice, again.train_displays.choice);
  EXPECT_EQ(split.test.candidates.items, again.test.candidates.items);
  EXPECT_NE(split.fingerprint, again.fingerprint);  // of other datasets
  std::array<int, 5> places = {};
  for (const std::int32_t choice : split.train_displays.choice) {
    ++places.at(static_cast<std::size_t>(choice));
  }
  for (const int count : places) {  // 240 choices: 48 a place, with a standard deviation of 6.2
    EXPECT_GT(count, 24);
    EXPECT_LT(count, 72);
  }
}

TEST(DisplaysSplitTest, AnItemShownTwiceIsOneItem) {
  const test::TempDir dir;
  std::vector<Display> displays = Published();
  displays.push_back({2, 11, {{4}, {0}, {4, true}, {0}, {4, true}}, kE});
  const Split split = MakeSplit(MakeShown(dir, 3, 6, displays, true), Shown());
  ASSERT_EQ(split.test_displays.size(), 5);
  EXPECT_EQ(Sorted(split.test_displays.shown(4)), (Items{0, 4}));
  EXPECT_EQ(split.test_displays.chosen(4), 4);
}

TEST(DisplaysSplitTest, UsersWithoutClicksAndWithoutDisplaysAreCounted) {
  const test::TempDir dir;
  std::vector<Display> displays = Published();
  displays.push_back({3, 1, {{0}, {1}}, kE});  // shown, never clicked
  const std::vector<test::Event> events = {{0, 1, 1, kT}, {0, 4, 2, kT}, {1, 2, 1, kV}, {2, 3, 5, kE},
                                           {2, 3, 9, kE}, {2, 2, 9, kE}, {4, 0, 1, kT}, {5, 0, 1, kE}};
  const Split split =
      MakeSplit(MakeLog(dir, 6, 6, events, {.parts = true, .repeats = true, .displays = displays}), Shown());
  EXPECT_EQ(split.test_displays.users, (Items{2, 3}));
  EXPECT_EQ(split.test.users, (Items{2, 2, 2}));
  EXPECT_EQ(split.train_users, (Items{0, 4}));  // u4 was shown nothing, and is no test user
  EXPECT_EQ(split.train_displays.users, Items{0});
  EXPECT_EQ(split.users_without_targets, 2);  // u3 and u5
}

TEST(DisplaysSplitTest, RanksTheWholeCatalogueWhenAsked) {
  const test::TempDir dir;
  const Dataset dataset = MakeShown(dir, 3, 6, Published(), true);
  SplitConfig config = Shown();
  config.candidates = "all";
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.candidates, "all");
  EXPECT_EQ(split.test.rows(), 3);
  EXPECT_EQ(split.test.candidates.rows(), 0);
  EXPECT_NE(split.fingerprint, MakeSplit(dataset, Shown()).fingerprint);
}

TEST(DisplaysSplitTest, RefusesWhatDoesNotGoTogether) {
  const test::TempDir dir;
  const Dataset dataset = MakeShown(dir, 3, 6, Published(), true);
  const auto refused = [&](auto change) {
    SplitConfig config = Shown();
    change(config);
    return ErrorOf([&] { MakeSplit(dataset, config); });
  };
  EXPECT_EQ(refused([](SplitConfig& config) { config.catalogue = "trained"; }),
            "Usage: split.catalogue: does not go with split.kind=displays: 'trained'; expected auto or all, because "
            "displays show items that training never saw");
  EXPECT_EQ(refused([](SplitConfig& config) { config.mask_seen = "yes"; }),
            "Usage: split.mask_seen: does not go with split.kind=displays: 'yes'; expected auto or no, because people "
            "choose items again that they have");
  EXPECT_EQ(refused([](SplitConfig& config) { config.negatives = 5; }),
            "Usage: split.negatives: does not go with split.kind=displays: '5'; expected what was shown beside the "
            "choice (split.candidates=auto), or all");
  EXPECT_EQ(refused([](SplitConfig& config) { config.kind = "leave_last_out", config.candidates = "displays"; }),
            "Usage: split.candidates: only choices among what was shown have such lists: 'leave_last_out' in "
            "split.kind; expected displays");
}

TEST(DisplaysSplitTest, RefusesAHistoryThatFillsTheMemory) {
  const test::TempDir dir;
  std::vector<Display> displays = Published();
  for (std::int32_t time = 0; time < 66000; ++time) {
    displays.push_back({3, time, {{0, true}, {1}}, kE});
  }
  EXPECT_EQ(ErrorOf([&] { MakeSplit(MakeShown(dir, 4, 6, displays, true), Shown()); }),
            "Usage: split.kind: the choices before those of the held-out users are too many: '2,178,000,008'; expected "
            "at most 2,147,483,648. user 'u0003' alone has 66,000");
}

TEST(DisplaysSplitTest, SaysWhatIsWrongWithTheDisplays) {
  const test::TempDir none;
  EXPECT_EQ(ErrorOf([&] { MakeSplit(test::MakeGrid(none, 20, 5), Shown()); }),
            "Data: split.kind: the dataset does not say what was shown: 'displays'; it needs a log of displays "
            "(`recforce data convert --format displays`). `recforce data displays` makes them of interactions");
  const auto fails = [](const std::vector<Display>& displays) {
    const test::TempDir dir;
    return ErrorOf([&] { MakeSplit(MakeShown(dir, 4, 6, displays, true), Shown()); });
  };
  std::vector<Display> displays = Published();
  displays.push_back({0, 9, {{0, true}, {1}}, kE});
  EXPECT_EQ(fails(displays),
            "Data: split.kind: displays holds out whole users, and user 'u0000' has displays in two parts of the log; "
            "expected one part for each user. where `recforce data displays` made them, --no-parts leaves the parts "
            "out");
  displays = Published();
  displays.push_back({3, 9, {{0, true}, {1}}, kI});
  EXPECT_EQ(fails(displays),
            "Data: split.kind: displays has no use for a part that is only shown: user 'u0003'; expected training, "
            "validation or test");
  displays = Published();
  displays.push_back({2, 11, {}, kE});
  EXPECT_EQ(fails(displays),
            "Data: split.kind: a display of user 'u0002' shows nothing: '0' items; expected at least one");
  displays = Published();
  displays.pop_back();
  displays.pop_back();
  displays.pop_back();  // no test user is left
  EXPECT_NE(fails(displays).find("Data: split: nothing is left for test"), std::string::npos) << fails(displays);
}

// Plants a fault in a good split and returns what the proof says of it.
class DisplaysLeakTest : public testing::Test {
 protected:
  template <class Change>
  std::string After(Change change) {
    Split split = split_;
    change(split);
    return ErrorOf([&] { VerifySplit(dataset_, split); });
  }
  test::TempDir dir_;
  Dataset dataset_ = MakeShown(dir_, 3, 6, Published(), true);
  Split split_ = MakeSplit(dataset_, Shown());
};

TEST_F(DisplaysLeakTest, HeldOutUsersInTrainingAreFound) {
  EXPECT_EQ(After([](Split&) {}), "");
  EXPECT_EQ(After([](Split& split) {
              split.train_users.push_back(2);
              split.train.AddRow(Items{3, 2});
              split.train_sequences.AddRow(Items{3, 3, 2});
            }),
            "Data: split: user 'u0002' is held out for test and also in training; a held-out user may not be trained "
            "on");
  EXPECT_EQ(After([](Split& split) { split.validation_displays.users[0] = 0; }),
            "Data: split: user 'u0000' has choices in training and in validation; a user is in one part only, once");
  EXPECT_EQ(After([](Split& split) {
              std::swap(split.validation_displays, split.test_displays);
              std::swap(split.validation, split.test);
            }),
            "Data: split: user 'u0001' is in test, and the log says otherwise");
}

TEST_F(DisplaysLeakTest, OtherItemsThanThoseShownAreFound) {
  EXPECT_EQ(After([](Split& split) { split.test_displays.items[0] = 5; }).substr(0, 68),
            "Data: split: choice 1 of display 3 of user 'u0002' is not among the ");
  EXPECT_EQ(After([](Split& split) { split.test_displays.choice[0] = 1 - split.test_displays.choice[0]; }),
            "Data: split: choice 1 of display 3 of user 'u0002' is 'i0001', which is not what was clicked");
  EXPECT_EQ(After([](Split& split) {
              split.test_displays.choice[1] = 0;
            }).find("Data: split: choice 1 of display 4 of user 'u0002' is 'i000"),
            0U);
  EXPECT_EQ(After([](Split& split) {
              SetRow(split.test.candidates, 0, {3, 5});
            }),
            "Data: split: the test row of choice 1 of user 'u0002' ranks other items than those shown");
  EXPECT_EQ(After([](Split& split) { SetRow(split.test.target, 0, {1}); }),
            "Data: split: the test row of choice 1 of user 'u0002' has another target than what was clicked: expected "
            "'i0003'");
}

TEST_F(DisplaysLeakTest, InputsThatKnowMoreAreFound) {
  EXPECT_EQ(After([](Split& split) { SetRow(split.test.input, 0, {3}); }),
            "Data: split: the test row of choice 1 of user 'u0002' knows something else than the 0 clicks before; "
            "nothing else may be seen");
  EXPECT_EQ(After([](Split& split) { SetRow(split.test.sequence, 2, {3}); }),
            "Data: split: the test row of choice 3 of user 'u0002' knows something else than the 2 clicks before; "
            "nothing else may be seen");
}

TEST_F(DisplaysLeakTest, WhatIsLostIsFound) {
  EXPECT_EQ(After([](Split& split) { split.users_without_targets = 1; }),
            "Data: split: users_without_targets is 1, but 0 held-out users have no row; lost interactions must be "
            "counted");
  EXPECT_EQ(After([](Split& split) { split.train_displays = {}; }),
            "Data: split: the displays of user 'u0000' are in no part; choices may not get lost");
  EXPECT_EQ(After([](Split& split) {
              split.train_users.clear();
              split.train = {};
              split.train_sequences = {};
            }),
            "Data: split: the interactions of user 'u0000' are in no part; interactions may not get lost");
  EXPECT_EQ(After([](Split& split) {
              split.test_displays.user_offsets.back() = 3;
              split.test_displays.offsets.pop_back();
              split.test_displays.choice.pop_back();
              split.test_displays.items.resize(static_cast<std::size_t>(split.test_displays.offsets.back()));
            }),
            "Data: split: choice 2 of display 5 of user 'u0002' is missing; choices may not get lost");
  EXPECT_EQ(After([](Split& split) { split.test.users.pop_back(); }),
            "Data: split: the test row of choice 3 of user 'u0002' is missing");
  EXPECT_EQ(After([](Split& split) { split.candidates = "all"; }),
            "Data: split: targets are ranked among other candidates than the settings say: 'all'");
}

}  // namespace
}  // namespace recforce::data
