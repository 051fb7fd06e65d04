// SPDX-License-Identifier: Apache-2.0
// Displays whose training and test users change places, and displays of everybody.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "recforce/data/split.h"
#include "support/split_logs.h"

namespace recforce::data {
namespace {

using test::Display;
using test::ErrorOf;
using test::Items;
using test::MakeShown;

// Forty users, the last fifteen for testing where `parts` count.
Dataset FortyUsers(const test::TempDir& dir, bool parts) {
  std::vector<Display> displays;
  for (std::int32_t user = 0; user < 40; ++user) {
    displays.push_back({user, user, {{user % 5, true}, {5}}, user < 25 ? Part::kTrain : Part::kTest});
  }
  return MakeShown(dir, 40, 6, displays, parts);
}

SplitConfig Drawn(bool parts) { return {.kind = "displays", .validation_users = 5, .test_users = parts ? 0 : 12}; }

TEST(SwapTest, TrainingAndTestUsersChangePlaces) {
  for (const bool parts : {true, false}) {  // of the log, or drawn
    const test::TempDir dir;
    const Dataset dataset = FortyUsers(dir, parts);
    SplitConfig config = Drawn(parts);
    const Split split = MakeSplit(dataset, config);
    config.swap = true;
    const Split swapped = MakeSplit(dataset, config);
    EXPECT_EQ(swapped.train_users, split.test_displays.users);
    EXPECT_EQ(swapped.train_displays.users, split.test_displays.users);
    EXPECT_EQ(swapped.train_displays.items, split.test_displays.items);
    EXPECT_EQ(swapped.test_displays.users, split.train_displays.users);
    EXPECT_EQ(swapped.test_displays.choice, split.train_displays.choice);
    EXPECT_EQ(swapped.validation_displays.users, split.validation_displays.users);
    EXPECT_EQ(swapped.validation.target.items, split.validation.target.items);
    EXPECT_NE(swapped.fingerprint, split.fingerprint);
  }
}

TEST(SwapTest, APartThatChangedUnaskedIsFound) {
  for (const bool parts : {true, false}) {
    const test::TempDir dir;
    const Dataset dataset = FortyUsers(dir, parts);
    SplitConfig config = Drawn(parts);
    config.swap = true;
    Split split = MakeSplit(dataset, config);
    split.config.swap = false;
    const std::string message = ErrorOf([&] { VerifySplit(dataset, split); });
    EXPECT_NE(message.find(parts ? "is in test, and the log says otherwise" : "test has 23 users; expected 12"),
              std::string::npos)
        << message;
  }
}

TEST(SwapTest, OnlyDisplaysChangePlaces) {
  const test::TempDir dir;
  EXPECT_EQ(ErrorOf([&] { MakeSplit(test::MakeGrid(dir, 20, 5), {.swap = true}); }),
            "Usage: split.swap: only splits of displays let training and test users change places: "
            "'strong_generalization' in split.kind; expected displays");
}

TEST(AllChoicesTest, DisplaysOfEverybodyAreThoseOfTheParts) {
  const test::TempDir dir;
  const Dataset dataset = FortyUsers(dir, true);
  const DisplaySet all = AllChoices(dataset, 1);
  EXPECT_EQ(all.num_users(), 40);
  const Split split = MakeSplit(dataset, Drawn(true));
  const DisplaySet& test = split.test_displays;
  EXPECT_TRUE(std::ranges::equal(std::span(all.items).last(test.items.size()), test.items));
  EXPECT_TRUE(std::ranges::equal(std::span(all.choice).last(test.choice.size()), test.choice));
}

TEST(AllChoicesTest, ALogWithoutDisplaysIsRefused) {
  const test::TempDir dir;
  EXPECT_EQ(ErrorOf([&] { AllChoices(test::MakeGrid(dir, 20, 5), 1); }),
            "Data: " + dir.path().string() +
                ": the dataset does not say what was shown: '0' displays; it needs a log of displays (`recforce data "
                "convert --format displays`). `recforce data displays` makes them of interactions");
}

}  // namespace
}  // namespace recforce::data
