// SPDX-License-Identifier: Apache-2.0
// Splits: hand-made logs with the parts worked out on paper, properties over random logs, and one planted leak
// for each thing that VerifySplit promises to find.
#include "recforce/data/split.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "data/split_rules.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "support/split_logs.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::Event;
using test::Items;
using test::MakeGrid;
using test::MakeLog;
using test::Name;
using test::Row;
using test::SetRow;

TEST(SplitRulesTest, ShareOfForgivesTheRoundingOfDoubles) {
  EXPECT_LT((1.0 - 0.8) * 10, 2.0);  // the trap
  EXPECT_EQ(ShareOf(1.0 - 0.8, 10), 2);
  EXPECT_EQ(ShareOf(1.0 - 0.8, 5), 1);
  EXPECT_EQ(ShareOf(1.0 - 0.8, 9), 1);
  EXPECT_EQ(ShareOf(1.0 - 0.9, 1000), 100);
  EXPECT_EQ(ShareOf(0.1, 9), 0);
  EXPECT_EQ(ShareOf(0.0, 100), 0);
}

TEST(SplitRulesTest, RatioSizesLeaveOneForTraining) {
  SplitConfig config;
  config.validation_ratio = 0.1;
  config.test_ratio = 0.2;
  const PartSizes ten = RatioSizes(config, 10);  // floor(2.0) = 2, floor(1.0) = 1
  EXPECT_EQ(ten.test, 2);
  EXPECT_EQ(ten.validation, 1);
  EXPECT_EQ(ten.train, 7);
  const PartSizes one = RatioSizes(config, 1);
  EXPECT_EQ(one.train, 1);
}

TEST(StrongGeneralizationTest, HoldsOutWholeUsersAndAFifthOfTheirItems) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 30, 11);
  SplitConfig config;
  config.validation_users = 4;
  config.test_users = 6;
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.train.rows(), 20);
  EXPECT_EQ(split.validation.rows(), 4);
  EXPECT_EQ(split.test.rows(), 6);
  EXPECT_EQ(split.num_items(), 11);
  for (std::int64_t row = 0; row < split.test.rows(); ++row) {
    EXPECT_EQ(split.test.target.row(row).size(), 2);  // floor(0.2 * 11) = 2
    EXPECT_EQ(split.test.input.row(row).size(), 9);
  }
  EXPECT_EQ(split.users_without_targets, 0);
  EXPECT_EQ(split.cold_targets_dropped, 0);
  EXPECT_TRUE(std::is_sorted(split.train_users.begin(), split.train_users.end()));
}

TEST(StrongGeneralizationTest, HoldsOutATenthByDefault) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeGrid(dir, 39, 5), {});
  EXPECT_EQ(split.validation.rows(), 3);  // 39 / 10
  EXPECT_EQ(split.test.rows(), 3);
  EXPECT_EQ(split.train.rows(), 33);
}

// Every user has five items of everybody and one of its own. A held-out user's own item is never in training: it
// is dropped before targets are counted, so 5 items are left, and floor(0.2 * 5) = 1 of them is a target.
TEST(StrongGeneralizationTest, DropsColdItemsBeforeTargetsAreCounted) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 20; ++user) {
    for (std::int32_t item = 0; item < 5; ++item) {
      events.push_back({user, item, item});
    }
    events.push_back({user, 5 + user, 9});
  }
  SplitConfig config;
  config.validation_users = 2;
  config.test_users = 3;
  const Split split = MakeSplit(MakeLog(dir, 20, 25, events), config);
  EXPECT_EQ(split.num_items(), 5 + 15);
  EXPECT_EQ(split.cold_targets_dropped, 5);
  EXPECT_EQ(split.users_without_targets, 0);
  for (std::int64_t row = 0; row < 3; ++row) {
    EXPECT_EQ(split.test.target.row(row).size(), 1);
    EXPECT_EQ(split.test.input.row(row).size(), 4);
  }
}

// Users 0 to 9 have five items, the others four: a held-out user with four is left out and counted.
TEST(StrongGeneralizationTest, CountsUsersWithTooFewItems) {
  const test::TempDir dir;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 20; ++user) {
    for (std::int32_t item = 0; item < (user < 10 ? 5 : 4); ++item) {
      events.push_back({user, item, item});
    }
  }
  SplitConfig config;
  config.validation_users = 8;
  config.test_users = 8;
  const Split split = MakeSplit(MakeLog(dir, 20, 5, events), config);
  const auto trained_small =
      std::count_if(split.train_users.begin(), split.train_users.end(), [](std::int32_t user) { return user >= 10; });
  EXPECT_EQ(split.users_without_targets, 10 - trained_small);
  EXPECT_EQ(split.validation.rows() + split.test.rows(), 16 - split.users_without_targets);
}

// A user's targets are its own draw: another user's items do not change them.
TEST(StrongGeneralizationTest, FoldInDependsOnNoOtherUser) {
  const test::TempDir dir_a;
  const test::TempDir dir_b;
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 20; ++user) {
    for (std::int32_t item = 0; item < 10; ++item) {
      events.push_back({user, item, item});
    }
  }
  SplitConfig config;
  config.validation_users = 5;
  config.test_users = 5;
  const Split before = MakeSplit(MakeLog(dir_a, 20, 10, events), config);
  const std::int32_t changed = before.test.users[0];
  std::erase_if(events, [changed](const Event& event) { return event.user == changed && event.item < 3; });
  const Split after = MakeSplit(MakeLog(dir_b, 20, 10, events), config);
  ASSERT_EQ(after.test.users, before.test.users);
  EXPECT_NE(Row(after, after.test.input, 0), Row(before, before.test.input, 0));
  for (std::int64_t row = 1; row < 5; ++row) {
    EXPECT_EQ(Row(after, after.test.target, row), Row(before, before.test.target, row));
  }
}

TEST(StrongGeneralizationTest, TargetsAreSpreadOverTheRow) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 420, 10);
  SplitConfig config;
  config.validation_users = 10;
  config.test_users = 400;
  const Split split = MakeSplit(dataset, config);
  std::vector<int> count(10, 0);
  for (const std::int32_t item : split.test.target.items) {
    ++count[item];
  }
  // 400 users draw 2 of 10: each item 80 times on average, standard deviation sqrt(400 * 0.2 * 0.8) = 8.
  for (const int times : count) {
    EXPECT_NEAR(times, 80, 40);
  }
}

// u0: 0 1 2 3 -> train 0 1, validation 2, test 3.  u1: 3 2 -> too short, train.  u2: 0 4 1 -> validation target 4
// is cold, as nobody trains on it: dropped, no validation row, and not in the test input either.
TEST(LeaveLastOutTest, TakesTheLastTwo) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(
      dir, 3, 5, {{0, 0, 1}, {0, 1, 2}, {0, 2, 3}, {0, 3, 4}, {1, 3, 1}, {1, 2, 2}, {2, 0, 5}, {2, 4, 6}, {2, 1, 7}});
  SplitConfig config;
  config.kind = "leave_last_out";
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.catalogue, (Items{0, 1, 2, 3}));
  EXPECT_EQ(split.train_users, (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.train, 0), (Items{0, 1}));
  EXPECT_EQ(Row(split, split.train, 1), (Items{3, 2}));
  EXPECT_EQ(Row(split, split.train, 2), (Items{0}));
  EXPECT_EQ(split.validation.users, (Items{0}));
  EXPECT_EQ(Row(split, split.validation.input, 0), (Items{0, 1}));
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{2}));
  EXPECT_EQ(split.test.users, (Items{0, 2}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.test.target, 0), (Items{3}));
  EXPECT_EQ(Row(split, split.test.input, 1), (Items{0}));
  EXPECT_EQ(Row(split, split.test.target, 1), (Items{1}));
  EXPECT_EQ(split.cold_targets_dropped, 1);
  EXPECT_EQ(split.users_without_targets, 1);
}

TEST(LeaveLastOutTest, TakesTheOrderOfTheLogWithoutTimes) {
  const test::TempDir dir;
  SplitConfig config;
  config.kind = "leave_last_out";
  const Split split =
      MakeSplit(MakeLog(dir, 2, 3, {{0, 2, 0}, {0, 1, 0}, {0, 0, 0}, {1, 0, 0}, {1, 1, 0}}, {.times = false}), config);
  EXPECT_EQ(Row(split, split.train, 0), (Items{2}));
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{1}));
  EXPECT_EQ(Row(split, split.test.target, 0), (Items{0}));
}

// Ten interactions, ratios 0.2 and 0.2: test is the last 2, times >= 9; validation the 2 before, times >= 6. Time
// 6 is there twice more than asked, and all of an instant goes to the later side.
//   u0: i0@1 i1@2 i2@6 i3@9     train 0 1, validation 2, test 3
//   u1: i1@3 i0@6 i2@9          train 1, validation 0, test 2
//   u2: i3@4 i2@5               train 3 2
//   u3: i1@6                    no input: left out
TEST(GlobalTimeTest, CutsAtInstants) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(
      dir, 4, 4,
      {{0, 0, 1}, {0, 1, 2}, {0, 2, 6}, {0, 3, 9}, {1, 1, 3}, {1, 0, 6}, {1, 2, 9}, {2, 3, 4}, {2, 2, 5}, {3, 1, 6}});
  SplitConfig config;
  config.kind = "global_time";
  config.validation_ratio = 0.2;
  config.test_ratio = 0.2;
  const Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.train_users, (Items{0, 1, 2}));
  EXPECT_EQ(Row(split, split.train, 2), (Items{3, 2}));
  EXPECT_EQ(split.validation.users, (Items{0, 1}));
  EXPECT_EQ(Row(split, split.validation.input, 1), (Items{1}));
  EXPECT_EQ(Row(split, split.validation.target, 1), (Items{0}));
  EXPECT_EQ(split.test.users, (Items{0, 1}));
  EXPECT_EQ(Row(split, split.test.input, 1), (Items{1, 0}));
  EXPECT_EQ(Row(split, split.test.target, 1), (Items{2}));
  EXPECT_EQ(split.users_without_targets, 1);
  EXPECT_EQ(split.cold_targets_dropped, 0);
}

TEST(GlobalTimeTest, NeedsTimes) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 1, 3, {{0, 0, 0}, {0, 1, 0}, {0, 2, 0}}, {.times = false});
  SplitConfig config;
  config.kind = "global_time";
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, config); }),
            "Data: split.kind: the dataset has no times: 'global_time'; allowed without times: "
            "strong_generalization, leave_last_out (takes the order of the log), user_time_ratio (likewise), "
            "random_ratio, random_rows, session, given");
}

TEST(RandomRatioTest, FloorsPerUserAndTestsOnTheRest) {
  const test::TempDir dir;
  SplitConfig config;
  config.kind = "random_ratio";
  config.validation_ratio = 0.1;
  config.test_ratio = 0.25;
  const Split split = MakeSplit(MakeGrid(dir, 12, 10), config);
  ASSERT_EQ(split.test.rows(), 12);
  for (std::int64_t row = 0; row < 12; ++row) {
    EXPECT_EQ(split.test.target.row(row).size(), 2);        // floor(2.5)
    EXPECT_EQ(split.validation.target.row(row).size(), 1);  // floor(1.0)
    EXPECT_EQ(split.train.row(row).size(), 7);
    EXPECT_EQ(split.test.input.row(row).size(), 8);
  }
}

TEST(MakeSplitTest, SeedAndKindChangeTheFingerprint) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 40, 10);
  std::set<std::string> seen;
  for (const char* kind : {"strong_generalization", "random_ratio"}) {
    for (const std::int64_t seed : {1, 2}) {
      SplitConfig config;
      config.kind = kind;
      config.seed = seed;
      const std::string fingerprint = MakeSplit(dataset, config).fingerprint;
      EXPECT_EQ(MakeSplit(dataset, config).fingerprint, fingerprint);
      seen.insert(fingerprint);
    }
  }
  EXPECT_EQ(seen.size(), 4);
}

TEST(MakeSplitTest, RefusesBadSettings) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 30, 5);
  const auto error = [&](const std::function<void(SplitConfig&)>& change) {
    SplitConfig config;
    change(config);
    return ErrorOf([&] { (void)MakeSplit(dataset, config); });
  };
  EXPECT_EQ(error([](SplitConfig& config) { config.kind = "leave_last_ou"; }),
            "Usage: split.kind: no such split: 'leave_last_ou'; allowed: strong_generalization, leave_last_out, "
            "global_time, user_time_ratio, random_ratio, random_rows, session, given, displays; did you mean "
            "'leave_last_out'?");
  EXPECT_EQ(error([](SplitConfig& config) { config.validation_users = 29; }),
            "Usage: split.validation_users and split.test_users: hold out too many users: '29' and '3' of 30; at "
            "least one user must be left for training");
  EXPECT_EQ(error([](SplitConfig& config) { config.test_users = -1; }),
            "Usage: split.test_users: is negative: '-1'; expected 0 (a tenth of the users) or a count");
  EXPECT_EQ(error([](SplitConfig& config) { config.fold_in = 1.0; }),
            "Usage: split.fold_in: is out of range: '1'; expected a number between 0 and 1, both excluded");
  EXPECT_EQ(error([](SplitConfig& config) { config.test_ratio = -0.5; }),
            "Usage: split.test_ratio: is out of range: '-0.5'; expected a number from 0 to below 1");
  EXPECT_EQ(error([](SplitConfig& config) { config.validation_ratio = config.test_ratio = 0.5; }),
            "Usage: split.validation_ratio and split.test_ratio: leave nothing for training: '0.5' and '0.5'; their "
            "sum must be below 1");
}

TEST(MakeSplitTest, SaysWhenNothingIsLeft) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 10, 1);
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, {}); }),
            "Data: split: nothing is left for validation: 'strong_generalization' left out 2 held-out users and 0 "
            "interactions with items that training never sees; expected at least one user");
  SplitConfig config;
  config.kind = "global_time";  // every interaction at the same instant
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, config); }),
            "Data: split: nothing is left for training: 'global_time' left out 10 held-out users and 10 interactions "
            "with items that training never sees; expected at least one user");
}

TEST(SplitFieldsTest, DescribesEveryMember) {
  const config::FieldTable& fields = SplitFields();
  ASSERT_EQ(fields.size(), 17);
  EXPECT_EQ(fields[0].key, "kind");
  EXPECT_EQ(fields[0].allowed,
            "strong_generalization|leave_last_out|global_time|user_time_ratio|random_ratio|random_rows|session|given|"
            "displays");
  SplitConfig config;
  EXPECT_EQ(fields[2].set(&config, "150"), "");
  EXPECT_EQ(config.validation_users, 150);
}

// What a reader of the contract would count, with sets and maps.
void CheckAgainstSets(const Dataset& dataset, const Split& split) {
  std::set<std::pair<std::int32_t, std::int32_t>> all;
  std::set<std::pair<std::int32_t, std::int32_t>> placed;
  const auto add = [&](const std::vector<std::int32_t>& users, const Csr& rows, bool fresh) {
    for (std::size_t row = 0; row < users.size(); ++row) {
      for (const std::int32_t item : Row(split, rows, row)) {
        const bool inserted = placed.insert({users[row], item}).second;
        RC_ASSERT(inserted || !fresh);
      }
    }
  };
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    for (const std::int32_t item : dataset.interactions().row(user)) {
      all.insert({static_cast<std::int32_t>(user), item});
    }
  }
  add(split.train_users, split.train, true);
  add(split.validation.users, split.validation.target, true);
  add(split.test.users, split.test.target, true);
  const bool by_user = split.config.kind == "strong_generalization";
  add(split.validation.users, split.validation.input, by_user);
  add(split.test.users, split.test.input, by_user);
  RC_ASSERT(std::includes(all.begin(), all.end(), placed.begin(), placed.end()));
  const std::set<std::int32_t> trained(split.catalogue.begin(), split.catalogue.end());
  std::int64_t cold = 0;
  std::int64_t lost = 0;
  std::set<std::int32_t> losers;
  for (const auto& [user, item] : all) {
    if (placed.count({user, item}) == 0) {
      cold += trained.count(item) == 0 ? 1 : 0;
      if (trained.count(item) != 0) {
        ++lost;
        losers.insert(user);
      }
    }
  }
  RC_ASSERT(cold == split.cold_targets_dropped);
  RC_ASSERT(static_cast<std::int64_t>(losers.size()) <= split.users_without_targets);
  RC_ASSERT(static_cast<std::int64_t>(placed.size()) + cold + lost == dataset.num_interactions());
}

TEST(MakeSplitTest, PartsAndCountedLossesMakeUpTheDataset) {
  const auto holds = rc::check("parts and counted losses make up the dataset", [] {
    const auto users = *rc::gen::inRange<std::int32_t>(10, 30);
    const auto items = *rc::gen::inRange<std::int32_t>(8, 25);
    const auto instants = *rc::gen::inRange<std::int64_t>(20, 80);
    const auto absent = *rc::gen::inRange<std::int64_t>(0, instants);  // negative times: no interaction
    std::vector<Event> events;
    for (std::int32_t user = 0; user < users; ++user) {
      const auto when = *rc::gen::container<std::vector<std::int64_t>>(
          static_cast<std::size_t>(items), rc::gen::inRange<std::int64_t>(-absent, instants));
      for (std::int32_t item = 0; item < items; ++item) {
        if (when[item] >= 0) {
          events.push_back({user, item, when[item]});
        }
      }
    }
    SplitConfig config;
    config.kind = *rc::gen::element<std::string>("strong_generalization", "leave_last_out", "global_time",
                                                 "user_time_ratio", "random_ratio", "random_rows");
    config.seed = *rc::gen::inRange<std::int64_t>(0, 1000);
    config.validation_ratio = 0.01 * *rc::gen::inRange(15, 45);
    config.test_ratio = 0.01 * *rc::gen::inRange(15, 45);
    config.fold_in = 0.01 * *rc::gen::inRange(20, 95);
    const test::TempDir dir;
    const Dataset dataset = MakeLog(dir, users, items, events);
    try {
      CheckAgainstSets(dataset, MakeSplit(dataset, config));
    } catch (const base::Error& error) {
      const std::string message = error.what();
      RC_ASSERT(message.find("split: nothing is left for ") == 0 ||
                message == "split: the dataset has no interactions; expected at least one");
      RC_TAG(std::string("nothing left"));
    }
  });
  EXPECT_TRUE(holds);
}

TEST(MakeSplitTest, IsTheSameOnAnyNumberOfThreads) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 2500, 8);
  const int before = base::Threads();
  for (const char* kind :
       {"strong_generalization", "leave_last_out", "global_time", "user_time_ratio", "random_ratio", "session"}) {
    SplitConfig config;
    config.kind = kind;
    config.validation_ratio = config.test_ratio = 0.2;
    base::SetThreads(1);
    const std::string one = MakeSplit(dataset, config).fingerprint;
    base::SetThreads(3);
    EXPECT_EQ(MakeSplit(dataset, config).fingerprint, one) << kind;
  }
  base::SetThreads(before);
}

// Planted leaks. Six users and eight items: at step s and time 10 s + u, user u takes item (s + u) mod 8. User 5
// takes seven steps only and so lacks item 4. All kinds train on all items: catalogue and dataset indices agree.
class VerifySplitTest : public ::testing::Test {
 protected:
  Split Make(const std::string& kind) const {
    SplitConfig config;
    config.kind = kind;
    config.validation_users = 2;
    config.test_users = 2;
    config.validation_ratio = config.test_ratio = 0.25;
    Split split = MakeSplit(dataset_, config);
    EXPECT_EQ(split.num_items(), 8);
    return split;
  }
  [[nodiscard]] std::string Verify(const Split& split) const {
    return ErrorOf([&] { VerifySplit(dataset_, split); });
  }
  static std::string User(std::int32_t user) { return "'" + Name("u", user) + "'"; }
  static std::string Item(std::int32_t item) { return "'" + Name("i", item) + "'"; }

  // Adds an item to a row of `user` at its place in time.
  static void Insert(Csr& rows, std::int64_t row, std::int32_t user, std::int32_t item) {
    Items items(rows.row(row).begin(), rows.row(row).end());
    const auto step = [user](std::int32_t other) { return (other - user + 8) % 8; };
    items.push_back(item);
    std::sort(items.begin(), items.end(), [&](std::int32_t a, std::int32_t b) { return step(a) < step(b); });
    SetRow(rows, row, items);
  }
  static void Remove(Csr& rows, std::int64_t row, std::int32_t item) {
    Items items(rows.row(row).begin(), rows.row(row).end());
    std::erase(items, item);
    SetRow(rows, row, items);
  }
  static void RemoveEvalRow(EvalSet& set, std::int64_t row) {
    EvalSet kept;
    for (std::int64_t old = 0; old < set.rows(); ++old) {
      if (old != row) {
        kept.users.push_back(set.users[old]);
        kept.train_rows.push_back(set.train_rows[old]);
        kept.input.AddRow(set.input.row(old));
        kept.target.AddRow(set.target.row(old));
      }
    }
    set = kept;
  }

  test::TempDir dir_;
  Dataset dataset_ = [this] {
    std::vector<Event> events;
    for (std::int32_t user = 0; user < 6; ++user) {
      for (std::int32_t step = 0; step < (user < 5 ? 8 : 7); ++step) {
        events.push_back({user, (step + user) % 8, 10 * step + user});
      }
    }
    return MakeLog(dir_, 6, 8, events);
  }();
};

TEST_F(VerifySplitTest, AcceptsWhatMakeSplitMakes) {
  for (const char* kind :
       {"strong_generalization", "leave_last_out", "global_time", "user_time_ratio", "random_ratio", "session"}) {
    EXPECT_EQ(Verify(Make(kind)), "") << kind;
  }
}

TEST_F(VerifySplitTest, FindsAHeldOutUserInTwoParts) {
  Split split = Make("strong_generalization");
  const std::int32_t user = split.test.users[0];
  split.train_users.push_back(user);
  split.train.AddRow(split.test.input.row(0));
  EXPECT_EQ(Verify(split), "Data: split: user " + User(user) +
                               " is held out for test and also in training; a held-out user may not be trained on");
  split = Make("strong_generalization");
  const std::int32_t twice = split.validation.users[0];
  split.test = split.validation;
  EXPECT_EQ(Verify(split), "Data: split: user " + User(twice) +
                               " is held out for validation and also for test; a user is in one part only");
}

TEST_F(VerifySplitTest, FindsATargetAmongItsInput) {
  Split split = Make("strong_generalization");
  const std::int32_t user = split.test.users[0];
  const std::int32_t target = split.test.target.row(0)[0];
  Insert(split.test.input, 0, user, target);
  EXPECT_EQ(Verify(split), "Data: split: item " + Item(target) + " of user " + User(user) +
                               " is a test target and also in the test input; a target may not be seen before");
}

TEST_F(VerifySplitTest, FindsATargetInTraining) {
  Split split = Make("random_ratio");
  const std::int32_t target = split.validation.target.row(0)[0];
  Insert(split.train, 0, 0, target);
  EXPECT_EQ(Verify(split), "Data: split: item " + Item(target) +
                               " of user 'u0000' is a validation target and also in training; a target may not be seen "
                               "before");
  split = Make("random_ratio");
  const std::int32_t later = split.test.target.row(0)[0];
  Insert(split.validation.target, 0, 0, later);
  EXPECT_EQ(Verify(split),
            "Data: split: item " + Item(later) +
                " of user 'u0000' is a test target and also in the validation target; a target may not be "
                "seen before");
}

TEST_F(VerifySplitTest, FindsAPairThatTheDatasetDoesNotHave) {
  Split split = Make("leave_last_out");
  SetRow(split.train, 5, {5, 6, 7, 0, 4});
  EXPECT_EQ(Verify(split),
            "Data: split: training of user 'u0005' holds item 'i0004', a pair that the dataset does not have");
}

TEST_F(VerifySplitTest, FindsAnItemOutsideTheCatalogue) {
  Split split = Make("leave_last_out");
  split.train.items[0] = 8;
  EXPECT_EQ(
      Verify(split),
      "Data: split: training of user 'u0000' holds an item outside the catalogue: '8'; the catalogue has 8 items");
  split = Make("leave_last_out");
  split.catalogue.push_back(7);
  EXPECT_EQ(Verify(split),
            "Data: split: the catalogue is not an ascending list of items: '7' after '7'; the dataset has 8 items");
  split = Make("strong_generalization");
  for (std::int64_t row = 0; row < split.train.rows(); ++row) {
    Remove(split.train, row, 3);
  }
  EXPECT_EQ(Verify(split),
            "Data: split: catalogue item 'i0003' is in no training row; the catalogue holds what training saw");
}

TEST_F(VerifySplitTest, FindsDisorderAndRepeats) {
  Split split = Make("leave_last_out");
  std::swap(split.train.items[0], split.train.items[1]);
  EXPECT_EQ(Verify(split),
            "Data: split: training of user 'u0000' is out of time order: item 'i0000' comes after item 'i0001'");
  split.train.items[1] = split.train.items[0];
  EXPECT_EQ(Verify(split),
            "Data: split: training of user 'u0000' holds item 'i0001' twice; items of a row are distinct");
}

TEST_F(VerifySplitTest, FindsRowsThatDoNotFitTogether) {
  Split split = Make("leave_last_out");
  split.train_users.pop_back();
  EXPECT_EQ(Verify(split), "Data: split: rows and users of training do not correspond: 6 rows and 5 users");
  split = Make("leave_last_out");
  split.train_users[1] = 0;
  EXPECT_EQ(Verify(split), "Data: split: user 'u0000' has two rows in training; one is allowed");
  split.train_users[1] = 6;
  EXPECT_EQ(Verify(split), "Data: split: training names a user outside the dataset: '6'; the dataset has 6 users");
  split = Make("leave_last_out");
  SetRow(split.test.target, 2, {});
  EXPECT_EQ(Verify(split),
            "Data: split: user 'u0002' has an empty row in the test target; such users must be left out "
            "and counted");
}

// User 0: training 0..5, validation 6, test 7. Exchanging 5 and 6 shows the model the future.
TEST_F(VerifySplitTest, FindsTheFutureInLeaveLastOut) {
  Split split = Make("leave_last_out");
  SetRow(split.train, 0, {0, 1, 2, 3, 4, 6});
  SetRow(split.validation.input, 0, {0, 1, 2, 3, 4, 6});
  SetRow(split.validation.target, 0, {5});
  EXPECT_EQ(Verify(split),
            "Data: split: item 'i0006' of user 'u0000' is in training and later than the validation target "
            "'i0005'; nothing seen may be later than a target");
}

// Global time: of 47 interactions floor(11.75) = 11 are test and 11 before them validation. Training is steps 0 to 3
// and user 0 at step 4, time 40. Validation begins with user 1 at step 4, item (4 + 1) mod 8 at time 41.
TEST_F(VerifySplitTest, FindsTheFutureInGlobalTime) {
  Split split = Make("global_time");
  ASSERT_EQ(split.train.nnz(), 25);
  ASSERT_EQ(split.validation.users[1], 1);
  // User 5, validation at step 4, time 45, item (4 + 5) mod 8 = 1, moves into training, later than 41.
  Insert(split.train, 5, 5, 1);
  Insert(split.validation.input, 5, 5, 1);
  Remove(split.validation.target, 5, 1);
  EXPECT_EQ(Verify(split),
            "Data: split: training or the validation input holds item 'i0001' of user 'u0005' at time 45, "
            "not before the validation target 'i0005' of user 'u0001' at time 41");
}

TEST_F(VerifySplitTest, FindsInputsThatAreNotThePast) {
  Split split = Make("random_ratio");
  const std::int32_t first = split.train.row(0)[0];
  Remove(split.validation.input, 0, first);
  EXPECT_EQ(Verify(split),
            "Data: split: the validation input of user 'u0000' differs from the user's training row at "
            "item " +
                Item(first) + "; they must be equal");
  split = Make("random_ratio");
  Remove(split.test.input, 0, first);
  EXPECT_EQ(Verify(split), "Data: split: the test input of user 'u0000' lacks item " + Item(first) +
                               ", which is in training or a validation target");
  split = Make("random_ratio");
  const std::int32_t target = split.test.target.row(0)[0];
  Remove(split.test.target, 0, target);
  Insert(split.test.input, 0, 0, target);
  EXPECT_EQ(Verify(split), "Data: split: the test input of user 'u0000' holds item " + Item(target) +
                               ", which is neither in training nor a validation target");
}

TEST_F(VerifySplitTest, FindsLossesThatNobodyCounted) {
  Split split = Make("strong_generalization");
  const std::int32_t user = split.test.users[0];
  const std::int32_t seen = split.test.input.row(0)[0];
  Remove(split.test.input, 0, seen);
  EXPECT_EQ(Verify(split), "Data: split: item " + Item(seen) + " of user " + User(user) +
                               " is in no part; interactions may not get lost");
  split = Make("strong_generalization");
  RemoveEvalRow(split.test, 0);
  EXPECT_EQ(Verify(split),
            "Data: split: users_without_targets is 0, but 1 held-out users have no row; lost "
            "interactions must be counted");
  split.users_without_targets = 1;
  EXPECT_EQ(Verify(split), "");
  split.cold_targets_dropped = 2;
  EXPECT_EQ(Verify(split),
            "Data: split: cold_targets_dropped is 2, but 0 held-out interactions have items that "
            "training never sees; lost interactions must be counted");
  split = Make("random_ratio");
  const std::int32_t target = split.test.target.row(0)[0];
  Remove(split.test.target, 0, target);
  EXPECT_EQ(Verify(split),
            "Data: split: item " + Item(target) + " of user 'u0000' is in no part; interactions may not get lost");
  split = Make("leave_last_out");
  Remove(split.train, 0, 0);
  Remove(split.validation.input, 0, 0);
  Remove(split.test.input, 0, 0);
  EXPECT_EQ(Verify(split), "Data: split: user 'u0000' has 5 interactions in training; leave_last_out gives 6");
}

}  // namespace
}  // namespace recforce::data
