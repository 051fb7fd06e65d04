// SPDX-License-Identifier: Apache-2.0
// Rows drawn from the log whoever they are of, a row for each target, and what sampled negatives may be.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/data/split.h"
#include "support/split_logs.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::Event;
using test::Items;
using test::MakeGrid;
using test::MakeLog;
using test::Row;
using test::SetRow;

// 37 interactions: user u has items u .. u + 8, of the last user only the first, over 12 items.
Dataset ThirtySeven(const test::TempDir& dir) {
  std::vector<Event> events;
  for (std::int32_t user = 0; user < 5; ++user) {
    for (std::int32_t place = 0; place < (user < 4 ? 9 : 1); ++place) {
      events.push_back({user, user + place, place});
    }
  }
  return MakeLog(dir, 5, 12, events);
}

SplitConfig RandomRows() { return {.kind = "random_rows", .validation_ratio = 0.1, .test_ratio = 0.25}; }

// floor(0.25 * 37) = 9 for testing, floor(0.1 * 37) = 3 for validation, whoever they are of.
TEST(RandomRowsTest, TakesSharesOfTheWholeLog) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  std::set<std::size_t> of_first;
  for (std::int64_t seed = 1; seed <= 30; ++seed) {
    SplitConfig config = RandomRows();
    config.seed = seed;
    const Split split = MakeSplit(dataset, config);
    EXPECT_EQ(split.test.target.nnz(), 9);
    EXPECT_EQ(split.validation.target.nnz(), 3);
    EXPECT_EQ(split.train.nnz(), 25);
    EXPECT_EQ(split.num_items(), 12);
    EXPECT_EQ(split.users_without_targets, 0);
    of_first.insert(split.test.target.row(0).size());
  }
  EXPECT_GT(of_first.size(), 2U);  // random_ratio would give every user the same number each time
}

// Each of 37 is one of the 9 in 400 draws 97 times, standard deviation sqrt(400 * 0.243 * 0.757) = 8.6.
TEST(RandomRowsTest, EveryInteractionIsAsLikely) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  std::map<std::pair<std::int32_t, std::int32_t>, int> times;
  for (std::int64_t seed = 1; seed <= 400; ++seed) {
    SplitConfig config = RandomRows();
    config.seed = seed;
    const Split split = MakeSplit(dataset, config);
    for (std::int64_t row = 0; row < split.test.rows(); ++row) {
      for (const std::int32_t item : split.test.target.row(row)) {
        ++times[{split.test.users[static_cast<std::size_t>(row)], item}];
      }
    }
  }
  EXPECT_EQ(times.size(), 37U);
  for (const auto& [pair, count] : times) {
    EXPECT_NEAR(count, 97, 43) << pair.first << " " << pair.second;
  }
}

// User 4 has one interaction; where it is held out nobody trained on the user, and the model is shown nothing.
TEST(RandomRowsTest, AUserWithoutTrainingIsTestedAllTheSame) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  int met = 0;
  for (std::int64_t seed = 1; seed <= 40; ++seed) {
    SplitConfig config = RandomRows();
    config.seed = seed;
    const Split split = MakeSplit(dataset, config);
    if (split.test.users.back() == 4) {
      ++met;
      EXPECT_EQ(split.test.train_rows.back(), -1);
      EXPECT_TRUE(split.test.input.row(split.test.rows() - 1).empty());
      EXPECT_EQ(Row(split, split.test.target, split.test.rows() - 1), (Items{4}));
      EXPECT_EQ(split.train.rows(), 4);
    }
  }
  EXPECT_GT(met, 2);
}

TEST(RandomRowsTest, FindsAnotherShareAndALostInteraction) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  Split split = MakeSplit(dataset, RandomRows());
  split.config.test_ratio = 0.3;
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: training has 25 interactions; random_rows gives 23");
  split.config.test_ratio = 0.25;
  std::int64_t row = 0;
  while (split.test.target.row(row).size() < 2) {
    ++row;
  }
  Items targets(split.test.target.row(row).begin(), split.test.target.row(row).end());
  const std::string lost = "'" + test::Name("i", targets.back()) + "' of user '" +
                           test::Name("u", split.test.users[static_cast<std::size_t>(row)]) + "'";
  targets.pop_back();
  SetRow(split.test.target, row, targets);
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, split); }),
            "Data: split: item " + lost + " is in no part; interactions may not get lost");
}

// Users have ten of ten items in turn; the last 0.3 are for testing.
SplitConfig Targets() {
  return {.kind = "user_time_ratio", .validation_ratio = 0.1, .test_ratio = 0.3, .rows = "target"};
}

TEST(TargetRowsTest, EachTargetHasARowWithTheSameInput) {
  const test::TempDir dir;
  const Split split = MakeSplit(MakeGrid(dir, 6, 10), Targets());
  EXPECT_EQ(split.test.users, (Items{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5}));
  EXPECT_EQ(split.test.train_rows, split.test.users);
  for (std::int64_t row = 3; row < 6; ++row) {
    EXPECT_EQ(Row(split, split.test.input, row), (Items{1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(Row(split, split.test.target, row), (Items{static_cast<std::int32_t>((row + 5) % 10)}));  // 8, 9, 0
  }
  EXPECT_EQ(split.validation.rows(), 6);  // a row a user there
}

TEST(TargetRowsTest, FindsRowsThatAreNotOneUsersTargets) {
  const test::TempDir dir;
  const Dataset dataset = MakeGrid(dir, 6, 10);
  const Split split = MakeSplit(dataset, Targets());
  const auto error = [&](const std::function<void(EvalSet&)>& change) {
    Split changed = split;
    change(changed.test);
    return ErrorOf([&] { VerifySplit(dataset, changed); });
  };
  EXPECT_EQ(error([](EvalSet& test) {
              SetRow(test.target, 1, {8, 9});
            }),
            "Data: split: a test row of user 'u0000' has 2 targets; split.rows=target gives each row one");
  EXPECT_EQ(error([](EvalSet& test) {
              SetRow(test.input, 1, {0, 1, 2, 3, 4, 5, 7});
            }),
            "Data: split: a test row of user 'u0000' shows something else than the row before; all rows of a user "
            "show the same");
  EXPECT_EQ(error([](EvalSet& test) {
              std::swap(test.users[2], test.users[3]);
              for (const std::int64_t row : {2, 3}) {  // so that neighbours show the same
                SetRow(test.input, row, row == 2 ? Items{1, 2, 3, 4, 5, 6, 7} : Items{0, 1, 2, 3, 4, 5, 6});
              }
            }),
            "Data: split: a test row of user 'u0000' stands apart from the others; rows of a user stand together");
  EXPECT_EQ(error([](EvalSet& test) { SetRow(test.target, 1, {7}); }),
            "Data: split: the test target of user 'u0000' holds item 'i0007' twice; items of a row are distinct");
}

Items SortedRow(const Split& split, std::int64_t row) {
  Items items = Row(split, split.test.candidates, row);
  std::sort(items.begin(), items.end());
  return items;
}

// User 0 has 0 .. 8 of twelve items. With more negatives than there are, lists are all that a negative may be.
TEST(NegativesTest, AreNewToTheUserOrNoTestTarget) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  SplitConfig config = RandomRows();
  config.rows = "target";
  config.negatives = 100;
  config.test_ratio = 0.5;
  const Split unseen = MakeSplit(dataset, config);
  ASSERT_EQ(unseen.test.users[0], 0);
  const std::int32_t target = Row(unseen, unseen.test.target, 0)[0];
  EXPECT_EQ(SortedRow(unseen, 0), (Items{target, 9, 10, 11}));
  EXPECT_TRUE(unseen.test.mask_input);

  config.negatives_from = "not_test";
  const Split any = MakeSplit(dataset, config);
  Items expected = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::int64_t own = 0;
  for (; any.test.users[static_cast<std::size_t>(own)] == 0; ++own) {
    std::erase(expected, Row(any, any.test.target, own)[0]);
  }
  ASSERT_GT(own, 1);
  expected.insert(std::lower_bound(expected.begin(), expected.end(), target), target);
  EXPECT_EQ(SortedRow(any, 0), expected);
  EXPECT_FALSE(any.test.mask_input);
  EXPECT_TRUE(any.validation.mask_input);  // which ranks the whole catalogue
}

// Of user 0 the items 9, 10 and 11 are left: 300 draws give each 100 times, standard deviation 8.2.
TEST(NegativesTest, MayComeSeveralTimes) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  SplitConfig config = RandomRows();
  config.negatives = 300;
  config.negatives_distinct = false;
  const Split split = MakeSplit(dataset, config);
  const Items list = Row(split, split.test.candidates, 0);
  EXPECT_EQ(list.size(), 300 + split.test.target.row(0).size());
  for (const std::int32_t item : {9, 10, 11}) {
    EXPECT_NEAR(std::count(list.begin(), list.end(), item), 100, 41);
  }
  EXPECT_EQ(Row(split, split.test.candidates, 0), Row(MakeSplit(dataset, config), split.test.candidates, 0));

  // Everybody has everything: there is nothing to draw.
  const test::TempDir full;
  config.kind = "user_time_ratio";
  const Split none = MakeSplit(MakeGrid(full, 6, 10), config);
  EXPECT_EQ(none.test.candidates.items, none.test.target.items);
}

TEST(NegativesTest, FindsWhatNoNegativeMayBe) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  SplitConfig config = RandomRows();
  config.rows = "target";
  config.negatives = 4;
  config.test_ratio = 0.5;
  config.negatives_from = "not_test";
  config.negatives_distinct = false;
  const Split split = MakeSplit(dataset, config);
  ASSERT_EQ(split.test.users[1], 0);
  const std::int32_t own = split.test.target.row(0)[0];
  const std::int32_t other = split.test.target.row(1)[0];
  const std::string other_name = "'" + test::Name("i", other) + "'";
  const auto error = [&](const Items& list) {
    Split changed = split;
    SetRow(changed.test.candidates, 0, list);
    return ErrorOf([&] { VerifySplit(dataset, changed); });
  };
  EXPECT_EQ(error({own, 11, 11, 11, 11}), "");
  EXPECT_EQ(error({own, 11, 11, 11, other}),
            "Data: split: the candidates of user 'u0000' hold item " + other_name +
                ", which is a test target of another row of the user; no test target is a negative");
  EXPECT_EQ(error({own, 11, 11, 11}), "Data: split: the candidates of user 'u0000' are 3 negatives; expected 4");
  EXPECT_EQ(error({own, own, 11, 11, 11}),
            "Data: split: the candidates of user 'u0000' repeat the target '" + test::Name("i", own) + "'");
  EXPECT_EQ(error({own, 12, 11, 11, 11}), "Data: split: the candidates of user 'u0000' are not items of the catalogue");
  Split changed = split;
  changed.test.mask_input = true;
  EXPECT_EQ(ErrorOf([&] { VerifySplit(dataset, changed); }), "Data: split: seen items are masked; they may come again");
}

TEST(NegativesTest, RefusesContradictions) {
  const test::TempDir dir;
  const Dataset dataset = ThirtySeven(dir);
  const auto error = [&](const std::function<void(SplitConfig&)>& change) {
    SplitConfig config = RandomRows();
    change(config);
    return ErrorOf([&] { (void)MakeSplit(dataset, config); });
  };
  EXPECT_EQ(error([](SplitConfig& config) { config.negatives_from = "not_test"; }),
            "Usage: split.negatives_from: nothing is sampled: 'not_test' with split.negatives=0; expected unseen, or "
            "split.negatives of at least 1");
  EXPECT_EQ(error([](SplitConfig& config) { config.negatives_distinct = false; }),
            "Usage: split.negatives_distinct: nothing is sampled: 'false' with split.negatives=0; expected true, or "
            "split.negatives of at least 1");
  EXPECT_EQ(error([](SplitConfig& config) { config.negatives_from = "tests"; }),
            "Usage: split.negatives_from: no such choice: 'tests'; allowed: unseen, not_test");
  EXPECT_EQ(error([](SplitConfig& config) {
              config.negatives = 9;
              config.negatives_from = "not_test";
              config.mask_seen = "yes";
            }),
            "Usage: split.mask_seen: masks negatives that are training items: 'yes' with "
            "split.negatives_from=not_test; expected auto or no, or split.negatives_from=unseen");
  EXPECT_EQ(error([](SplitConfig& config) { config.catalogue = "trained"; }),
            "Usage: split.catalogue: does not go with split.kind=random_rows: 'trained'; expected auto or all, because "
            "any interaction may be held out, those of new items, too");
  EXPECT_EQ(error([](SplitConfig& config) {
              config.kind = "session";
              config.rows = "target";
            }),
            "Usage: split.rows: every row has one target already: 'target' with split.kind=session; expected user");
  const test::TempDir kept;
  const Dataset repeats = MakeLog(kept, 1, 2, {{0, 0, 0}, {0, 0, 1}, {0, 1, 2}}, {.repeats = true});
  EXPECT_EQ(ErrorOf([&] { (void)MakeSplit(repeats, RandomRows()); }),
            "Usage: split.kind: would put repeats of one interaction into training and into test: 'random_rows'; the "
            "log keeps repeats (--duplicates keep). take user_time_ratio, or convert the log with --duplicates last");
}

TEST(TargetRowsTest, AllCombinationsProveThemselves) {
  const auto holds = rc::check("rows of targets and their negatives prove themselves", [] {
    const auto users = *rc::gen::inRange<std::int32_t>(4, 16);
    const auto items = *rc::gen::inRange<std::int32_t>(6, 14);
    SplitConfig config;
    config.kind = *rc::gen::element<std::string>("strong_generalization", "leave_last_out", "global_time",
                                                 "user_time_ratio", "random_ratio", "random_rows");
    const bool repeats = config.kind.find("random") != 0 && *rc::gen::arbitrary<bool>();
    std::vector<Event> events;
    for (std::int32_t user = 0; user < users; ++user) {
      for (std::int32_t item = 0; item < items; ++item) {
        for (int times = *rc::gen::inRange(0, repeats ? 3 : 2); times > 0; --times) {
          events.push_back({user, item, *rc::gen::inRange<std::int64_t>(0, 40)});
        }
      }
    }
    config.validation_ratio = config.test_ratio = 0.01 * *rc::gen::inRange(10, 45);
    config.rows = *rc::gen::element<std::string>("user", "target");
    config.negatives = *rc::gen::inRange(1, 20);
    config.negatives_from = *rc::gen::element<std::string>("unseen", "not_test");
    config.negatives_distinct = *rc::gen::arbitrary<bool>();
    const test::TempDir dir;
    const Dataset dataset = MakeLog(dir, users, items, events, {.repeats = repeats});
    try {
      Split split = MakeSplit(dataset, config);
      config.rows = "user";
      const Split whole = MakeSplit(dataset, config);
      RC_ASSERT(split.test.target.items == whole.test.target.items);
      RC_ASSERT(split.train.items == whole.train.items);
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
