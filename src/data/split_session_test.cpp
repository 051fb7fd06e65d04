// SPDX-License-Identifier: Apache-2.0
// Next-item evaluation of sessions, and candidates for every kind of split.
#include <gtest/gtest.h>

#include <algorithm>
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

// Ten sessions, the first item of session s at time 100 - s: u0000 starts last and is the test, u0001 validation.
std::vector<Event> TenSessions() {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 10; ++user) {
    std::int64_t time = 100 - user;
    for (const std::int32_t item : user == 0   ? Items{1, 2, 1, 9, 3, 3}  // nobody else has item 9
                                   : user == 1 ? Items{2, 3}
                                               : Items{1, 2, 3}) {
      events.push_back({user, item, time++});
    }
  }
  return events;
}

SplitConfig Sessions() {
  SplitConfig config;
  config.kind = "session";
  return config;
}

TEST(SessionSplitTest, EveryPrefixIsARow) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeLog(dir, 10, 10, TenSessions(), {.repeats = true}), Sessions());
  EXPECT_EQ(split.catalogue, (Items{1, 2, 3}));
  EXPECT_EQ(split.train.rows(), 8);
  EXPECT_EQ(split.validation.users, (Items{1}));
  EXPECT_EQ(Row(split, split.validation.input, 0), (Items{2}));
  EXPECT_EQ(Row(split, split.validation.target, 0), (Items{3}));
  EXPECT_EQ(split.test.users, (Items{0, 0, 0, 0}));
  EXPECT_EQ(split.test.train_rows, (Items{-1, -1, -1, -1}));
  EXPECT_EQ(Row(split, split.test.input, 0), (Items{1}));
  EXPECT_EQ(Row(split, split.test.target, 0), (Items{2}));
  EXPECT_EQ(Row(split, split.test.target, 1), (Items{1}));  // seen before, and ranked
  EXPECT_EQ(Row(split, split.test.sequence, 2), (Items{1, 2, 1}));
  EXPECT_EQ(Row(split, split.test.input, 2), (Items{2, 1}));
  EXPECT_EQ(Row(split, split.test.target, 2), (Items{3}));
  EXPECT_EQ(Row(split, split.test.sequence, 3), (Items{1, 2, 1, 3}));
  EXPECT_FALSE(split.test.mask_input);
  EXPECT_EQ(split.cold_targets_dropped, 1);
  EXPECT_EQ(split.users_without_targets, 0);
}

TEST(SessionSplitTest, MaskingDropsTargetsThatWereSeen) {
  const test::TempDir dir;
  SplitConfig config = Sessions();
  config.mask_seen = "yes";
  const Split split = MakeSplit(MakeLog(dir, 10, 10, TenSessions(), {.repeats = true}), config);
  EXPECT_EQ(split.test.rows(), 2);
  EXPECT_EQ(split.seen_targets_dropped, 2);  // the second 1 and the second 3
}

// Without times sessions follow the numbers of their ids: 9 < 10 < 11.
TEST(SessionSplitTest, TakesTheOrderOfNumbersWithoutTimes) {
  const test::TempDir dir;
  Columns columns;
  columns.user_ids = {"10", "11", "9"};
  columns.item_ids = {"a", "b"};
  columns.user = {0, 0, 1, 1, 2, 2};
  columns.item = {0, 1, 0, 1, 0, 1};
  WriteDataset(base::RealFileSystem(), dir.path(), std::move(columns), {});
  SplitConfig config = Sessions();
  config.validation_ratio = config.test_ratio = 0.34;
  const Dataset dataset = Dataset::Open(dir.path());
  Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.train_users, (Items{2}));
  EXPECT_EQ(split.validation.users, (Items{0}));
  EXPECT_EQ(split.test.users, (Items{1}));
  std::swap(split.validation, split.test);
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: a session of training or validation starts after one of the test; the test sessions are the "
            "last");
}

// `ids` in bytewise order; every session has items a and b. A third of them is the test.
std::vector<std::string> TestSessions(const test::TempDir& dir, const std::vector<std::string>& ids) {
  Columns columns;
  columns.user_ids = ids;
  columns.item_ids = {"a", "b"};
  for (std::int32_t user = 0; user < static_cast<std::int32_t>(ids.size()); ++user) {
    columns.user.insert(columns.user.end(), {user, user});
    columns.item.insert(columns.item.end(), {0, 1});
  }
  WriteDataset(base::RealFileSystem(), dir.path(), std::move(columns), {});
  SplitConfig config = Sessions();
  config.validation_ratio = config.test_ratio = 0.34;
  const Split split = MakeSplit(Dataset::Open(dir.path()), config);
  std::vector<std::string> test;
  for (const std::int32_t user : split.test.users) {
    test.push_back(ids[static_cast<std::size_t>(user)]);
  }
  return test;
}

// Files of sessions give the ids s1, s2, ... by line, and t1, t2, ... to test cases.
TEST(SessionSplitTest, TakesTheOrderOfLinesWithoutTimes) {
  const test::TempDir dir;
  EXPECT_EQ(TestSessions(dir, {"s10", "s11", "s9"}), std::vector<std::string>{"s11"});
  EXPECT_EQ(TestSessions(dir, {"s10", "s9", "t2"}), std::vector<std::string>{"t2"});
  EXPECT_EQ(TestSessions(dir, {"-5", "-50", "10"}), std::vector<std::string>{"10"});
  // Other forms, and forms that differ, are texts.
  EXPECT_EQ(TestSessions(dir, {"10", "11", "s9"}), std::vector<std::string>{"s9"});
  EXPECT_EQ(TestSessions(dir, {"s-10", "s-11", "s-9"}), std::vector<std::string>{"s-9"});
  EXPECT_EQ(TestSessions(dir, {"1a10", "1a11", "1a9"}), std::vector<std::string>{"1a9"});
  EXPECT_EQ(TestSessions(dir, {"s10", "s11", "s99999999999999999999"}),
            std::vector<std::string>{"s99999999999999999999"});
}

TEST(SessionSplitTest, AnEarlierLineInTheTestIsFound) {
  const test::TempDir dir;
  (void)TestSessions(dir, {"s10", "s11", "s9"});
  SplitConfig config = Sessions();
  config.validation_ratio = config.test_ratio = 0.34;
  const Dataset dataset = Dataset::Open(dir.path());
  Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.train_users, (Items{2}));
  std::swap(split.validation, split.test);
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: a session of training or validation starts after one of the test; the test sessions are the "
            "last");
}

// Without repeats in the held-out sessions their prefixes are stored once, whatever training has; a row that repeats
// brings the sequences of all rows.
TEST(SessionSplitTest, StoresPrefixesOnceWhereNothingRepeats) {
  const test::TempDir dir;
  std::vector<Event> events = TenSessions();
  events.push_back({9, 1, 1000});
  const Dataset dataset = MakeLog(dir, 10, 10, events, {.repeats = true});
  Split split = MakeSplit(dataset, Sessions());
  EXPECT_EQ(split.train_sequences.rows(), 8);
  EXPECT_EQ(split.validation.sequence.rows(), 0);
  EXPECT_EQ(split.test.sequence.rows(), 4);
  EXPECT_EQ(Row(split, split.test.sequence, 0), (Items{1}));
  EXPECT_EQ(Row(split, split.test.sequence, 1), (Items{1, 2}));
  split.test.sequence = {};
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: the test input of session 'u0000' is not its prefix of 3 events; nothing else may be seen");
}

TEST(SessionSplitTest, RefusesSessionsWhosePrefixesFillTheMemory) {
  const test::TempDir dir;
  std::vector<Event> events = TenSessions();
  for (std::int64_t time = 0; time < 70000; ++time) {
    events.push_back({0, 1, 1000 + time});
  }
  const Dataset dataset = MakeLog(dir, 10, 10, events, {.repeats = true});
  EXPECT_EQ(
      ErrorOf([&] { (void)MakeSplit(dataset, Sessions()); }),
      "Usage: split.kind: the prefixes of the held-out sessions hold too many events: '2,450,350,014'; expected at "
      "most 2,147,483,648. the longest session is 'u0000' with 70,005 events");
}

class SessionLeakTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string Verify(const Split& split) const {
    return ErrorOf([&] { VerifySplit(dataset_, split); });
  }
  test::TempDir dir_;
  Dataset dataset_ = MakeLog(dir_, 10, 10, TenSessions(), {.repeats = true});
  Split split_ = MakeSplit(dataset_, Sessions());
};

TEST_F(SessionLeakTest, FindsATestSessionInTraining) {
  split_.train_users.push_back(0);
  split_.train.AddRow(Items{1, 0, 2});
  EXPECT_EQ(Verify(split_),
            "Data: split: the training row of session 'u0000' is not the session; a session is in training whole");
  split_ = MakeSplit(dataset_, Sessions());
  split_.train_users.push_back(1);
  split_.train.AddRow(Items{1, 2});
  EXPECT_EQ(Verify(split_),
            "Data: split: session 'u0001' is in training and in validation; a session is in one part only");
}

TEST_F(SessionLeakTest, FindsTheFutureInAPrefix) {
  SetRow(split_.test.sequence, 0, {0, 1});
  SetRow(split_.test.input, 0, {0, 1});
  EXPECT_EQ(Verify(split_),
            "Data: split: the test input of session 'u0000' is not its prefix of 1 events; nothing else may be seen");
  split_ = MakeSplit(dataset_, Sessions());
  SetRow(split_.test.target, 0, {2});
  EXPECT_EQ(Verify(split_),
            "Data: split: the test target of session 'u0000' is not the item after its first 1 events: "
            "expected 'i0002'");
}

TEST_F(SessionLeakTest, FindsLosses) {
  split_.cold_targets_dropped = 0;
  EXPECT_EQ(Verify(split_),
            "Data: split: cold_targets_dropped is 0, but 1 held-out interactions have items that training never sees; "
            "lost interactions must be counted");
}

// Users u0 .. u19 have items u mod 10 .. u mod 10 + 5 of 40; leave-last-out.
std::vector<Event> Ring() {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 20; ++user) {
    for (std::int32_t place = 0; place < 6; ++place) {
      events.push_back({user, (2 * user + place) % 40, place});
    }
  }
  return events;
}

TEST(SampledCandidatesTest, AreNewToTheUserDistinctAndSeeded) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 20, 40, Ring());
  for (const char* sampling : {"uniform", "popularity"}) {
    SplitConfig config;
    config.kind = "leave_last_out";
    config.negatives = 10;
    config.negative_sampling = sampling;
    const Split split = MakeSplit(dataset, config);
    EXPECT_EQ(split.candidates, "sampled");
    EXPECT_EQ(split.validation.candidates.rows(), 0);
    ASSERT_EQ(split.test.candidates.rows(), split.test.rows());
    for (std::int64_t row = 0; row < split.test.rows(); ++row) {
      Items list = Row(split, split.test.candidates, row);
      EXPECT_EQ(list.size(), 11);
      EXPECT_EQ(list[0], Row(split, split.test.target, row)[0]);
      std::sort(list.begin(), list.end());
      EXPECT_EQ(std::unique(list.begin(), list.end()), list.end());
    }
    EXPECT_EQ(MakeSplit(dataset, config).fingerprint, split.fingerprint);
    config.seed = 2;
    EXPECT_NE(MakeSplit(dataset, config).fingerprint, split.fingerprint);
    config.negatives = 0;
    EXPECT_EQ(MakeSplit(dataset, config).candidates, "all");
  }
}

TEST(SampledCandidatesTest, TakeEverythingWhenThereIsNoMore) {
  const test::TempDir dir;
  SplitConfig config;
  config.kind = "leave_last_out";
  config.negatives = 1000;
  const Split split = MakeSplit(MakeLog(dir, 20, 40, Ring()), config);
  EXPECT_EQ(split.test.candidates.row(0).size(), split.num_items() - 6 + 1);
}

// Users who have nearly the whole catalogue, and lists longer than it, end at once: drawing by chance alone would try
// again 16 times for each item that is not there.
TEST(SampledCandidatesTest, LengthsBeyondTheCatalogueEndAtOnce) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 20, 40, Ring());
  SplitConfig config;
  config.kind = "leave_last_out";
  for (const char* sampling : {"uniform", "popularity"}) {
    config.negative_sampling = sampling;
    config.negatives = 2147483647;
    const Split all = MakeSplit(dataset, config);
    config.negatives = all.num_items();
    EXPECT_EQ(MakeSplit(dataset, config).test.candidates.items, all.test.candidates.items);
  }
}

// 600 users share items 0 to 4 and are tested; item 9 + j is trained on by 2 j users who have nothing else. A
// negative of the 600 is item 9 + j with probability j / 45.
TEST(SampledCandidatesTest, PopularItemsAreDrawnInProportion) {
  const test::TempDir dir;
  std::vector<Event> events;
  std::int32_t user = 0;
  for (; user < 600; ++user) {
    for (std::int32_t item = 0; item < 5; ++item) {
      events.push_back({user, (item + user) % 5, item});
    }
  }
  for (std::int32_t j = 1; j < 10; ++j) {
    for (std::int32_t n = 0; n < 2 * j; ++n, ++user) {
      events.push_back({user, 9 + j, 0});
    }
  }
  SplitConfig config;
  config.kind = "leave_last_out";
  config.negatives = 1;
  config.negative_sampling = "popularity";
  const Split split = MakeSplit(MakeLog(dir, user, 19, events), config);
  ASSERT_EQ(split.test.rows(), 600);
  std::vector<int> count(19, 0);
  for (std::int64_t row = 0; row < 600; ++row) {
    ++count[Row(split, split.test.candidates, row)[1]];
  }
  for (int j = 1; j < 10; ++j) {
    const double p = j / 45.0;
    EXPECT_NEAR(count[9 + j], 600 * p, 4 * std::sqrt(600 * p * (1 - p))) << j;
  }
}

TEST(SampledCandidatesTest, RefusesContradictions) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 20, 40, Ring());
  const auto error = [&](const std::string& kind, const std::string& candidates, std::int64_t negatives) {
    SplitConfig config;
    config.kind = kind;
    config.candidates = candidates;
    config.negatives = negatives;
    return ErrorOf([&] { (void)MakeSplit(dataset, config); });
  };
  EXPECT_EQ(error("leave_last_out", "sampled", 0),
            "Usage: split.candidates: sampled lists need a length: '0' in split.negatives; expected at least 1");
  EXPECT_EQ(error("leave_last_out", "all", 5),
            "Usage: split.negatives: nothing is sampled with split.candidates: 'all'; expected sampled, or "
            "split.negatives=0");
  EXPECT_EQ(error("leave_last_out", "given", 0),
            "Usage: split.candidates: the lists of the log belong to its own test targets: 'leave_last_out' in "
            "split.kind; expected given");
  EXPECT_EQ(error("leave_last_out", "some", 0),
            "Usage: split.candidates: no such choice: 'some'; allowed: auto, all, given, sampled, displays");
}

TEST(SampledCandidatesTest, LeaksAreFound) {
  const test::TempDir dir;
  const Dataset dataset = MakeLog(dir, 20, 40, Ring());
  SplitConfig config;
  config.kind = "leave_last_out";
  config.negatives = 3;
  const Split split = MakeSplit(dataset, config);
  const auto error = [&](const Items& list) {
    Split changed = split;
    SetRow(changed.test.candidates, 0, list);
    return ErrorOf([&] { VerifySplit(dataset, changed); });
  };
  // User 0 has 0 .. 5; 5 is the target.
  const std::string whose = "Data: split: the candidates of user 'u0000' ";
  EXPECT_EQ(error({5, 20, 20, 21}), whose + "are not distinct items of the catalogue");
  EXPECT_EQ(error({20, 21, 22, 23}), whose + "lack the target 'i0005'");
  EXPECT_EQ(error({5, 20, 21, 3}),
            whose +
                "hold item 'i0003', which the model is shown; it would be masked. set split.mask_seen=no to rank "
                "seen items");
  EXPECT_EQ(error({5, 20, 21}), whose + "are 2 negatives; expected 3");
}

constexpr Part kT = Part::kTrain;
constexpr Part kE = Part::kTest;

// User 0's list holds the target itself (as 156 lists of the NCF files do) and names item 4 twice.
TEST(GivenCandidatesTest, AreTheTargetAndTheListedItemsOnce) {
  const test::TempDir dir;
  const std::vector<Event> events = {{0, 0, 1, kT}, {0, 1, 2, kT}, {0, 2, 3, kE},
                                     {1, 1, 1, kT}, {1, 2, 2, kT}, {1, 3, 3, kE}};
  const Dataset dataset = MakeLog(dir, 2, 6, events, {.parts = true, .candidates = {{4, 2, 4, 3}, {0, 5}}});
  SplitConfig config;
  config.kind = "given";
  Split split = MakeSplit(dataset, config);
  EXPECT_EQ(split.candidates, "given");
  EXPECT_EQ(Row(split, split.test.candidates, 0), (Items{2, 4, 3}));
  EXPECT_EQ(Row(split, split.test.candidates, 1), (Items{3, 0, 5}));
  EXPECT_EQ(split.validation.candidates.rows(), 0);
  SetRow(split.test.candidates, 0, {2, 4, 3, 5});
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: the candidates of user 'u0000' hold item 'i0005', which the log does not list");
  SetRow(split.test.candidates, 0, {2, 4});
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: the candidates of user 'u0000' lack item 'i0003', which the log lists");
  config.candidates = "all";
  EXPECT_EQ(MakeSplit(dataset, config).test.candidates.rows(), 0);
}

TEST(GivenCandidatesTest, SeenItemsAreRefused) {
  const test::TempDir dir;
  const std::vector<Event> events = {{0, 0, 1, kT}, {0, 1, 2, kT}, {0, 2, 3, kE}};
  const Dataset dataset = MakeLog(dir, 1, 4, events, {.parts = true, .candidates = {{1, 3}}});
  SplitConfig config;
  config.kind = "given";
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(dataset, config); }),
            "Data: split: the candidates of user 'u0000' hold item 'i0001', which the model is shown; it would be "
            "masked. set split.mask_seen=no to rank seen items");
  config.mask_seen = "no";
  EXPECT_EQ(MakeSplit(dataset, config).test.candidates.row(0).size(), 3);
}

}  // namespace
}  // namespace recforce::data
