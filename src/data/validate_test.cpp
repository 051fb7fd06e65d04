// SPDX-License-Identifier: Apache-2.0
// What a log holds, counted by hand, and every warning.
#include "recforce/data/validate.h"

#include <gtest/gtest.h>

#include "recforce/base/error.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::TempDir;
using Strings = std::vector<std::string>;

TEST(Validate, CountsWhatALogHolds) {
  const TempDir dir;
  (void)dir.Write("ml/ratings.dat", "u::1::4::100\nu::2::2.5::50\nv::1::5::70\nv::2::1::71\n");
  (void)dir.Write("ml/movies.dat", "1::One::x\n3::Three::x\n");
  const ValidateReport report = Validate(dir / "ml", {});
  EXPECT_EQ(report.format, "movielens");
  EXPECT_EQ(report.files, (Strings{(dir / "ml/ratings.dat").string(), (dir / "ml/movies.dat").string()}));
  EXPECT_EQ(report.fields, (Strings{"user", "item", "time", "value"}));
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.users, 2);
  EXPECT_EQ(report.items, 2);
  EXPECT_EQ(report.first_time, 50);
  EXPECT_EQ(report.last_time, 100);
  EXPECT_EQ(report.least_value, 1.0);
  EXPECT_EQ(report.greatest_value, 5.0);
  EXPECT_EQ(report.titled_items, 1);
  EXPECT_EQ(report.warnings, Strings{});
}

TEST(Validate, GoesOnPastBadRows) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item,rating\na,1,x\na,2,3\n,2,3\na,3,4\nb\nb,2,3\nb,3,4\n");
  const ValidateReport report = Validate(log, {}, 2);
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.bad_rows, 3);
  EXPECT_EQ(report.first_bad_rows,
            (Strings{log.string() + ":2:5: rating is not a number: 'x'; expected a decimal like 4.5",
                     log.string() + ":4:1: user is empty: ''; expected an id"}));
}

Strings WarningsOf(const std::filesystem::path& input, const std::string& format = "auto") {
  ConvertOptions options;
  options.format = format;
  return Validate(input, options).warnings;
}

TEST(Validate, WarnsOfWhatIsSeldomMeant) {
  const TempDir dir;
  EXPECT_EQ(WarningsOf(dir.Write("a.csv", "user,item,rating,ts\na,1,-1,7\na,1,-1,7\na,2,-1,7\nb,1,-1,7\n")),
            (Strings{"all times are equal: the order of the log counts as the order of events",
                     "all values are -1: --min-rating keeps all rows or none", "4 values are below 0",
                     "1 row repeats a user and item; convert keeps the last row of each pair (--duplicates)",
                     "1 user has one interaction: too few to be tested (--min-user-interactions)"}));
  EXPECT_EQ(WarningsOf(dir.Write("b.csv", "user,item,ts\na,1,1580428800000\na,2,1580428801000\n")),
            Strings{"times reach to 1580428801000, far in the future: expected seconds since 1970, these look like "
                    "milliseconds"});
  EXPECT_EQ(WarningsOf(dir.Write("c.csv", "user,item,ts\na,1,1580428800000000\na,2,2\n")),
            Strings{"times reach to 1580428800000000, far in the future: expected seconds since 1970, these look like "
                    "microseconds"});
}

TEST(Validate, WarnsOfLeakingParts) {
  const TempDir dir;
  (void)dir.Write("x.train.rating", "0\t1\t5\t9\n0\t2\t4\t8\n1\t1\t5\t9\n1\t2\t3\t9\n");
  (void)dir.Write("x.test.rating", "0\t2\t4\t10\n1\t7\t4\t10\n");
  (void)dir.Write("x.test.negative", "(0,2)\t7\t2\n(1,7)\t8\t9\n");
  const ValidateReport report = Validate(dir.path(), {});
  EXPECT_EQ(report.rows_of_part, (std::array<std::int64_t, 4>{4, 0, 2, 0}));
  EXPECT_EQ(report.candidate_lists, 2);
  EXPECT_EQ(report.candidates, 4);
  EXPECT_EQ(report.items, 5);
  EXPECT_EQ(report.warnings,
            (Strings{"1 pair stands in two parts; convert refuses it (--duplicates keep)",
                     "1 test interaction is also in training", "1 test interaction has an item that training has not",
                     "1 candidate is its user's own test item"}));
}

// Pairs in two parts are told from repeats inside a part, and a pair in three parts is one pair.
TEST(Validate, FindsEveryPairThatConvertRefusesAsALeak) {
  const TempDir dir;
  const std::string header = "user_id:token\titem_id:token\n";
  (void)dir.Write("x/x.train.inter", header + "a\t1\na\t1\na\t2\nb\t1\nb\t9\n");
  (void)dir.Write("x/x.valid.inter", header + "a\t2\na\t3\nb\t1\nb\t4\n");
  (void)dir.Write("x/x.test.inter", header + "a\t3\nb\t1\nb\t5\n");
  const ValidateReport report = Validate(dir / "x", {});
  EXPECT_EQ(report.pairs_in_two_parts, 3);
  EXPECT_EQ(
      report.warnings,
      (Strings{"1 row repeats a user and item; convert keeps the last row of each pair (--duplicates)",
               "3 pairs stand in two parts; convert refuses them (--duplicates keep)",
               "1 test interaction is also in training", "2 test interactions have items that training has not"}));
  (void)dir.Write("yc/train_sessions.txt", "1 1 2\n");
  (void)dir.Write("yc/test_cases.txt", "1 1\n");
  const ValidateReport kept = Validate(dir / "yc", {});
  EXPECT_EQ(kept.pairs_in_two_parts, 0);
  EXPECT_EQ(kept.warnings, Strings{"2 rows repeat a user and item; convert keeps them in this format (--duplicates)"});
}

TEST(Validate, StopsWhenAsked) {
  const TempDir dir;
  std::string text = "user,item\n";
  for (int row = 0; row < 70000; ++row) {
    text += "a,1\n";
  }
  const auto log = dir.Write("log.csv", text);
  base::StopFlag stop;
  ConvertOptions options;
  options.stop = &stop;
  EXPECT_EQ(Validate(log, options).rows, 70000);
  stop.Set();
  try {
    (void)Validate(log, options);
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInterrupted);
    EXPECT_EQ(error.what(), log.string() + ": validation was interrupted");
  }
}

TEST(Validate, WarnsOfDisplaysWithoutAClick) {
  const TempDir dir;
  const auto log = dir.Write("d.txt",
                             "SessionId\tTime\tItemId\tis_click\ns\t1\ta\t0\ns\t1\tb\t1\ns\t2\ta\t0\ns\t3\ta\t1\n"
                             "s\t4\ta\t1\n");
  const ValidateReport report = Validate(log, {});
  EXPECT_EQ(report.displays, 4);
  EXPECT_EQ(report.rows, 3);
  EXPECT_EQ(report.warnings, (Strings{"1 row repeats a user and item; convert keeps them in this format (--duplicates)",
                                      "1 display has no click"}));
}

TEST(Validate, AnEmptyLogIsAnError) {
  const TempDir dir;
  const auto log = dir.Write("log.csv", "user,item\n");
  try {
    (void)Validate(log, {});
    FAIL() << "no error";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.what(), log.string() + ": no interactions in this file; expected one a row");
  }
}

TEST(Validate, PublishedQuirksAreFound) {
  const auto data = test::RealData();
  if (!data || !std::filesystem::exists(*data / "ml-1m-ncf")) {
    GTEST_SKIP() << "no public logs: set RECFORCE_DATA";
  }
  EXPECT_EQ(Validate(*data / "ml-1m-ncf", {}).warnings, (Strings{"2 test interactions have items that training has not",
                                                                 "156 candidates are their user's own test item"}));
}

}  // namespace
}  // namespace recforce::data
