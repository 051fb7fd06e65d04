// SPDX-License-Identifier: Apache-2.0
// Lists of ids, matrices and displays: rows as they should be, and what can be wrong with one.
#include "data/read_lists.h"

#include <gtest/gtest.h>

#include "data/read_matrix.h"
#include "recforce/base/error.h"
#include "support/collecting_sink.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::CollectingSink;
using Strings = std::vector<std::string>;

CollectingSink Read(std::string_view text, LogKind kind, const ColumnNames& names = {}) {
  LineSource source = LineSource::FromMemory(text, "log");
  CollectingSink sink;
  ReadLog(source, kind, names, sink);
  EXPECT_EQ(sink.begins, 1);
  return sink;
}

std::string ErrorOf(std::string_view text, LogKind kind, ErrorKind error_kind, const ColumnNames& names = {}) {
  try {
    (void)Read(text, kind, names);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), error_kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(ReadLists, AdjacencyGivesTheItemsOfEachUserInOrder) {
  const CollectingSink found = Read("u1 a b a\r\nu2 \t c\nlonely\n", LogKind::kAdjacency);
  EXPECT_EQ(found.rows, (Strings{"u1|a:1", "u1|b:1", "u1|a:1", "u2|c:2"}));
  EXPECT_EQ(found.bad, Strings{});
  EXPECT_EQ(Read("1 a\n2 b\n1 c d\n", LogKind::kAdjacency).bad,
            Strings{"log:3:1: user stands twice: '1', also in line 1; expected each user on one line"});
}

TEST(ReadLists, SessionsAreCalledByTheirLine) {
  const CollectingSink found = Read("a b\n\n  a\n", LogKind::kSessions);
  EXPECT_EQ(found.rows, (Strings{"s1|a:1", "s1|b:1", "s3|a:3"}));
  EXPECT_FALSE(found.content.part);
}

TEST(ReadLists, TestCasesShowAllButTheLastItem) {
  const CollectingSink found = Read("a b c\nd\ne e\n", LogKind::kTestCases);
  EXPECT_EQ(found.rows, (Strings{"t1|a|#3:1", "t1|b|#3:1", "t1|c|#2:1", "t3|e|#3:3", "t3|e|#2:3"}));
  EXPECT_EQ(found.bad, Strings{"log:2:1: test case has one item: 'd'; expected the items seen and then the next one"});
}

TEST(ReadLists, PairsHaveTwoWords) {
  const CollectingSink found = Read("1 a\n1\n1 b c\n2\tb\n", LogKind::kPairs);
  EXPECT_EQ(found.rows, (Strings{"1|a:1", "2|b:4"}));
  EXPECT_EQ(found.bad,
            (Strings{"log:2:2: row has 1 word: '1'; expected 2, a user and an item, separated by blanks",
                     "log:3:5: row has 3 words: '1 b c'; expected 2, a user and an item, separated by blanks"}));
}

TEST(ReadLists, NegativesAreKeptAsTheFileHasThem) {
  const CollectingSink found = Read("(0,25)\t1064\t25\t25\n(a,b,7)\t8\n", LogKind::kNegatives);
  EXPECT_EQ(found.candidates, (Strings{"0: 1064 25 25", "a,b: 8"}));
  EXPECT_EQ(found.rows, Strings{});
  const auto bad = [](std::string_view row) {
    const CollectingSink read = Read("(0,1)\t2\n" + std::string(row) + "\n(9,1)\t2\n", LogKind::kNegatives);
    EXPECT_EQ(read.candidates.size(), 2U);
    return read.bad.empty() ? "" : read.bad.front();
  };
  for (const char* pair : {"0,1", "(1", "(,1)", "(1,)", "(1)", "(", ")", "()"}) {
    EXPECT_EQ(bad(std::string(pair) + "\t2"), "log:2:1: row does not begin with a pair: '" + std::string(pair) +
                                                  "'; expected (user,item) and then items");
  }
  EXPECT_EQ(bad("(5,6)"), "log:2:6: row has no items to rank against: '(5,6)'; expected (user,item) and then items");
  EXPECT_EQ(bad("(0,3)\t4"), "log:2:1: user stands twice: '0', also in line 1; expected each user on one line");
}

TEST(ReadLists, TextIsChecked) {
  EXPECT_EQ(Read("1 caf\xe9\n", LogKind::kPairs).bad,
            Strings{"log:1:6: row is not UTF-8: '1 caf\\xe9'; convert the file to UTF-8"});
  EXPECT_EQ(Read(std::string_view("1 a\0b\n", 6), LogKind::kAdjacency).bad,
            Strings{"log:1:4: row holds a NUL byte: '1 a\\x00b'; expected text"});
  EXPECT_EQ(ErrorOf("1 2\n", LogKind::kPairs, ErrorKind::kUsage, {"who", "", "", ""}),
            "log: this format has no column names: 'who'; its columns are user, item");
}

TEST(ReadMatrix, NumbersUsersAndItemsFromOne) {
  const CollectingSink found = Read("0 4 0\n\n2.5 0 1 \r\n0 0 0", LogKind::kMatrix);
  EXPECT_EQ(found.rows, (Strings{"1|2|v4.00:1", "2|1|v2.50:3", "2|3|v1.00:3"}));
  EXPECT_EQ(Read("0 1\n0 x\n0\n0 1 2\n", LogKind::kMatrix).bad,
            (Strings{"log:2:3: rating is not a number: 'x'; expected a decimal like 4.5",
                     "log:3:2: row has 1 column: '0'; expected 2 as in the first row",
                     "log:4:5: row has 3 columns: '0 1 2'; expected 2 as in the first row"}));
}

CollectingSink ReadTwo(std::string_view ratings, std::string_view propensities) {
  LineSource source = LineSource::FromMemory(ratings, "log");
  LineSource beside = LineSource::FromMemory(propensities, "p");
  CollectingSink sink;
  const MatrixShape shape = ReadMatrix(source, &beside, sink);
  EXPECT_EQ(shape.items, 2);
  return sink;
}

TEST(ReadMatrix, TakesPropensitiesOfRatedItems) {
  EXPECT_EQ(ReadTwo("0 4\n3 0\n", "7 0.5\n1e-1 bad\n").rows, (Strings{"1|2|v4.00|p0.500:1", "2|1|v3.00|p0.100:2"}));
  EXPECT_EQ(ReadTwo("0 4\n3 0\n1 1\n", "1 0\nx 1\n0.2\n").bad,
            (Strings{"p:1:3: propensity is out of range: '0'; expected a probability above 0 and at most 1",
                     "p:2:1: propensity is not a number: 'x'; expected a probability like 0.25",
                     "p:3:4: row has 1 column: '0.2'; expected 2 as in the first row"}));
  const auto fails = [](std::string_view ratings, std::string_view propensities) -> std::string {
    try {
      (void)ReadTwo(ratings, propensities);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kData);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(fails("0 1\n0 1\n", "1 1\n"), "p: has only 1 line, fewer than log; expected matrices of one shape");
  EXPECT_EQ(fails("0 1\n", "1 1\n1 1\n"), "p: has more lines than log; expected matrices of one shape");
}

constexpr const char* kHeader =
    "SessionId\tTime\tItemId\tis_click\traw_index\tsession_new_index\titem_new_index\ttr_val_tst\n";

std::string Shown(const std::string& session, const std::string& time, const std::string& item,
                  const std::string& click, const std::string& part) {
  return session + "\t" + time + "\t" + item + "\t" + click + "\t0\t0\t0\t" + part + "\n";
}

TEST(ReadDisplays, RowsOfOneSessionAndTimeAreADisplay) {
  const CollectingSink found =
      Read(kHeader + Shown("x", "1", "a", "0", "0") + Shown("x", "1", "b", "1", "0") + Shown("x", "1", "a", "0", "0") +
               Shown("x", "2", "b", "0", "0") + Shown("x", "2", "b", "1", "0") + Shown("y", "2", "c", "0", "2"),
           LogKind::kDisplays);
  EXPECT_EQ(found.displays, (Strings{"x t1 #0: a b*", "x t2 #0: b*", "y t2 #2: c"}));
  EXPECT_EQ(found.rows, (Strings{"x|b|t1|#0:3", "x|b|t2|#0:6"}));
  EXPECT_EQ(found.bad, Strings{});
}

TEST(ReadDisplays, PartsMayBeMissingAndColumnsNamed) {
  const CollectingSink found =
      Read("is_click\tItemId\titem\tTime\tSessionId\n1\tA\t7\t3\ts\n", LogKind::kDisplays, {"", "item", "", ""});
  EXPECT_FALSE(found.content.part);
  EXPECT_EQ(found.displays, Strings{"s t3 #0: 7*"});
}

TEST(ReadDisplays, BadRowsHaveAnAddress) {
  const auto bad = [](const std::string& row) {
    const CollectingSink found =
        Read(kHeader + Shown("x", "1", "a", "1", "0") + row + Shown("x", "1", "b", "0", "0"), LogKind::kDisplays);
    EXPECT_EQ(found.displays, Strings{"x t1 #0: a* b"});
    return found.bad.empty() ? "" : found.bad.front();
  };
  EXPECT_EQ(bad(Shown("", "1", "c", "0", "0")), "log:3:1: SessionId is empty: ''; expected an id");
  EXPECT_EQ(bad(Shown("x", "1", "", "0", "0")), "log:3:5: ItemId is empty: ''; expected an id");
  EXPECT_EQ(bad(Shown("x", "one", "c", "0", "0")),
            "log:3:3: Time is not a time: 'one'; expected seconds since 1970 like 978300760, or a date like 2020-01-31 "
            "or 2020-01-31T12:34:56Z");
  EXPECT_EQ(bad(Shown("x", "1", "c", "2", "0")),
            "log:3:7: is_click is neither 0 nor 1: '2'; expected 1 for a clicked item, 0 for another");
  EXPECT_EQ(bad(Shown("x", "1", "c", "0", "3")),
            "log:3:15: tr_val_tst is no part: '3'; expected 0 for training, 1 for validation, 2 for test");
  EXPECT_EQ(bad(Shown("x", "1", "c", "0", "1")),
            "log:3:15: tr_val_tst differs inside a display: '1'; expected one part for all rows of a session and time");
  EXPECT_EQ(bad("x\t1\n"), "log:3:4: row has 2 columns: 'x\\t1'; expected 8 separated by '\\t'");
}

TEST(ReadDisplays, HeadersAreChecked) {
  EXPECT_EQ(ErrorOf("SessionId\tTime\tItem\tis_click\n", LogKind::kDisplays, ErrorKind::kData),
            "log:1:1: no column 'ItemId', which this format has; the columns are 'SessionId', 'Time', 'Item', "
            "'is_click'; did you mean 'Item'?");
  EXPECT_EQ(ErrorOf("SessionId\tTime\tItem\tis_click\n", LogKind::kDisplays, ErrorKind::kUsage, {"", "item", "", ""}),
            "log:1:1: no column 'item'; the columns are 'SessionId', 'Time', 'Item', 'is_click'; did you mean 'Item'?");
  EXPECT_EQ(ErrorOf("SessionId\n", LogKind::kDisplays, ErrorKind::kUsage, {"", "", "", "x"}),
            "log: displays have clicks and no values: 'x'; leave out --value-col");
}

TEST(OpenBandit, UsersAreTheirFeatures) {
  const std::string header = ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1\n";
  const CollectingSink found =
      Read(header + "0,2019-11-24 00:01:03.979311+00:00,2,3,1,0.25,aa,bb\n1,2019-11-24 00:01:04+00:00,5,1,0,1,aa,\n",
           LogKind::kOpenBandit);
  EXPECT_EQ(found.rows, (Strings{"aa|bb|2|t1574553663|v1.00|p0.250|@3:2", "aa||5|t1574553664|v0.00|p1.000|@1:3"}));
  EXPECT_EQ(found.bad, Strings{});
  EXPECT_EQ(Read("timestamp,item_id,position,click,action_prob,who\n1,2,1,0,0.5,me\n", LogKind::kOpenBandit,
                 {"who", "", "", ""})
                .rows,
            Strings{"me|2|t1|v0.00|p0.500|@1:2"});
  const auto bad = [&](const std::string& row) {
    const CollectingSink read = Read(header + row + "\n", LogKind::kOpenBandit);
    return read.bad.empty() ? "" : read.bad.front();
  };
  EXPECT_EQ(bad("0,1,2,3,1,0,a,b"),
            "log:2:11: propensity_score is out of range: '0'; expected a probability above 0 and at most 1");
  EXPECT_EQ(bad("0,1,2,first,1,1,a,b"),
            "log:2:7: position is not a whole number: 'first'; expected a place in the slate like 3");
  EXPECT_EQ(bad("0,1,2,3,yes,1,a,b"), "log:2:9: click is not a number: 'yes'; expected a decimal like 4.5");
  EXPECT_EQ(ErrorOf("timestamp,item_id,position,click,propensity_score\n", LogKind::kOpenBandit, ErrorKind::kUsage),
            "log:1:1: no user column: none of 'user_feature_0', 'user_feature_1', ...; the columns are 'timestamp', "
            "'item_id', 'position', 'click', 'propensity_score'; name it with --user-col");
  EXPECT_EQ(ErrorOf("timestamp,item_id,click,propensity_score\n", LogKind::kOpenBandit, ErrorKind::kData),
            "log:1:1: no column 'position', which this format has; the columns are 'timestamp', 'item_id', 'click', "
            "'propensity_score'");
}

}  // namespace
}  // namespace recforce::data
