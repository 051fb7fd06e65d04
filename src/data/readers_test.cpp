// SPDX-License-Identifier: Apache-2.0
// One log in every format, and a table of what can be wrong with a row or a header.
#include "data/readers.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <functional>

#include "data/record_reader.h"
#include "recforce/base/error.h"
#include "support/collecting_sink.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using Strings = std::vector<std::string>;

// Rows as "user|item|time|value", bad rows as messages.
struct Collected final : RowSink {
  void AddDisplay(const LogDisplay& /*display*/) override {}
  void AddCandidates(std::string_view /*user*/, std::span<const std::string_view> /*items*/) override {}
  void Begin(const LogContent& content) override {
    has_time = content.time;
    has_value = content.value;
  }
  void Add(const LogRow& row) override {
    rows.push_back(std::string(row.user) + "|" + std::string(row.item) + "|" + std::to_string(row.time) + "|" +
                   std::to_string(row.value).substr(0, 4) + "|" + std::to_string(row.line));
  }
  void AddBad(std::string message) override { bad.push_back(std::move(message)); }

  bool has_time = false;
  bool has_value = false;
  Strings rows;
  Strings bad;
};

Collected Read(std::string_view text, LogKind kind, const ColumnNames& names = {}) {
  LineSource source = LineSource::FromMemory(text, "log");
  Collected collected;
  ReadLog(source, kind, names, collected);
  return collected;
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

TEST(Readers, EveryFormatGivesTheSameRows) {
  const auto expect = [](const Collected& found, int first_line) {
    EXPECT_TRUE(found.has_time);
    EXPECT_TRUE(found.has_value);
    EXPECT_EQ(found.rows, (Strings{"u1|i1|978300760|4.00|" + std::to_string(first_line),
                                   "u2|i1|5|3.50|" + std::to_string(first_line + 1)}));
    EXPECT_EQ(found.bad, Strings{});
  };
  expect(Read("u1\ti1\t4\t978300760\nu2\ti1\t3.5\t5\n", LogKind::kUData), 1);
  expect(Read("u1::i1::4::978300760\r\nu2::i1::3.5::5", LogKind::kRatingsDat), 1);
  expect(Read("userId,movieId,rating,timestamp\nu1,i1,4,978300760\nu2,i1,3.5,5\n", LogKind::kCsv), 2);
  expect(Read("ts\tvalue\tuid\tiid\n978300760\t4\tu1\ti1\n5\t3.5\tu2\ti1\n", LogKind::kCsv), 2);
  expect(Read("user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
              "u1\ti1\t4.0\t9.7830076e8\nu2\ti1\t3.5\t5.9\n",
              LogKind::kInter),
         2);
}

TEST(Readers, BomBlankLinesAndExtraColumnsAreFine) {
  const Collected found = Read(
      "\xef\xbb\xbf"
      "item,note,user\r\n\r\na,\"x, \"\"y\"\"\",7\r\n\r\n",
      LogKind::kCsv);
  EXPECT_FALSE(found.has_time);
  EXPECT_FALSE(found.has_value);
  EXPECT_EQ(found.rows, Strings{"7|a|0|0.00|3"});
}

TEST(Readers, ColumnsCanBeNamed) {
  const Collected found = Read("who,what,when,how,user\n1,2,3,4,5\n", LogKind::kCsv, {"who", "what", "when", "how"});
  EXPECT_EQ(found.rows, Strings{"1|2|3|4.00|2"});
  const Collected inter = Read("who:token\titem_id:token\n1\t2\n", LogKind::kInter, {"who", "", "", ""});
  EXPECT_EQ(inter.rows, Strings{"1|2|0|0.00|2"});
}

TEST(Readers, TimesAreCutToWholeSeconds) {
  const Collected found = Read("user,item,time\n1,1,-1.5\n1,2,1e3\n1,3,-7\n1,4,9223372036854775807\n", LogKind::kCsv);
  EXPECT_EQ(found.rows,
            (Strings{"1|1|-2|0.00|2", "1|2|1000|0.00|3", "1|3|-7|0.00|4", "1|4|9223372036854775807|0.00|5"}));
}

TEST(Readers, TimesMayBeDates) {
  const Collected found = Read("user,item,time\n1,1,2020-01-31\n1,2,2020-01-31T12:34:56+02:00\n", LogKind::kCsv);
  EXPECT_EQ(found.rows, (Strings{"1|1|1580428800|0.00|2", "1|2|1580466896|0.00|3"}));
}

TEST(Readers, BadRowsHaveAnAddress) {
  const auto bad_row = [](std::string_view row) {
    const Collected found = Read("user,item,rating,ts\n1,2,3,4\n" + std::string(row) + "\n5,6,1,8\n", LogKind::kCsv);
    EXPECT_EQ(found.rows.size(), 2U) << row;
    EXPECT_EQ(found.bad.size(), 1U) << row;
    return found.bad.empty() ? "" : found.bad.front();
  };
  EXPECT_EQ(bad_row("1,2,five,4"), "log:3:5: rating is not a number: 'five'; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2,,4"), "log:3:5: rating is not a number: ''; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2,+1,4"), "log:3:5: rating is not a number: '+1'; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2, 1,4"), "log:3:5: rating is not a number: ' 1'; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2,nan,4"), "log:3:5: rating is not a number: 'nan'; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2,inf,4"), "log:3:5: rating is not a number: 'inf'; expected a decimal like 4.5");
  EXPECT_EQ(bad_row("1,2,1e39,4"),
            "log:3:5: rating is out of range: '1e39'; expected a decimal that fits 32-bit floating point");
  EXPECT_EQ(bad_row("1,2,1e999,4"),
            "log:3:5: rating is out of range: '1e999'; expected a decimal that fits 32-bit floating point");
  EXPECT_EQ(bad_row("1,2,3,x"),
            "log:3:7: ts is not a time: 'x'; expected seconds since 1970 like 978300760, or a date like 2020-01-31 or "
            "2020-01-31T12:34:56Z");
  EXPECT_EQ(bad_row("1,2,3,9223372036854775808"),
            "log:3:7: ts is out of range: '9223372036854775808'; expected seconds since 1970 in 64 bits");
  EXPECT_EQ(bad_row("1,2,3,1e19"), "log:3:7: ts is out of range: '1e19'; expected seconds since 1970 in 64 bits");
  EXPECT_EQ(bad_row("1,2,3,2021-02-29"),
            "log:3:7: ts is not in the calendar: '2021-02-29'; expected a month up to 12, a day that the month has, a "
            "time up to 23:59:59");
  EXPECT_EQ(bad_row(",2,3,4"), "log:3:1: user is empty: ''; expected an id");
  EXPECT_EQ(bad_row("1,\"\",3,4"), "log:3:3: item is empty: ''; expected an id");
  EXPECT_EQ(bad_row("1,2,3"), "log:3:6: row has 3 columns: '1,2,3'; expected 4 separated by ','");
  EXPECT_EQ(bad_row("1,2,3,4,5"), "log:3:9: row has 5 columns: '1,2,3,4,5'; expected 4 separated by ','");
  EXPECT_EQ(bad_row("word"), "log:3:5: row has 1 column: 'word'; expected 4 separated by ','");
  EXPECT_EQ(bad_row(std::string_view("1,2\0,3,4", 8)), "log:3:4: row holds a NUL byte: '1,2\\x00,3,4'; expected text");
  EXPECT_EQ(bad_row("1,caf\xe9,3,4"), "log:3:6: row is not UTF-8: '1,caf\\xe9,3,4'; convert the file to UTF-8");
  EXPECT_EQ(bad_row("1,\"2\"x,3,4"),
            "log:3:6: text after a closing quote: '\"2\"x,3,4'; expected a separator, and quotes inside a quoted field "
            "doubled");
}

TEST(Readers, AddressesSurviveQuotedLines) {
  const Collected found = Read("user,note,item,rating\n1,\"a\nb\r\nc\",2,x\n3,\"d\",4,y\n", LogKind::kCsv);
  EXPECT_EQ(found.bad, (Strings{"log:4:6: rating is not a number: 'x'; expected a decimal like 4.5",
                                "log:5:9: rating is not a number: 'y'; expected a decimal like 4.5"}));
}

TEST(Readers, AnOpenQuoteEndsTheReading) {
  EXPECT_EQ(ErrorOf("user,item\n1,2\n3,\"4\n5,6\n", LogKind::kCsv, ErrorKind::kData),
            "log:3:3: quote is not closed: '\"4\\x0a5,6'; expected a closing quote within 1,048,576 bytes");
  std::string endless = "user,item\n\"1,2\n";
  while (endless.size() < kMaxLineBytes + 100) {
    endless += "\n\n\n\n\n\n\n\n\n\n";
  }
  EXPECT_EQ(ErrorOf(endless, LogKind::kCsv, ErrorKind::kData).substr(0, 28), "log:2:1: quote is not closed");
}

TEST(Readers, MovielensRowsHaveFourColumns) {
  EXPECT_EQ(Read("1::2::3\n", LogKind::kRatingsDat).bad,
            Strings{"log:1:8: row has 3 columns: '1::2::3'; expected 4 separated by '::'"});
  EXPECT_EQ(Read("1 2 3 4\n", LogKind::kUData).bad,
            Strings{"log:1:8: row has 1 column: '1 2 3 4'; expected 4 separated by '\\t'"});
  EXPECT_EQ(ErrorOf("1\t2\t3\t4\n", LogKind::kUData, ErrorKind::kUsage, {"", "", "when", ""}),
            "log: this format has no column names: 'when'; its columns are user, item, rating, timestamp");
}

TEST(Readers, HeadersAreChecked) {
  EXPECT_EQ(ErrorOf("", LogKind::kCsv, ErrorKind::kData),
            "log: file is empty; expected a header that names its columns");
  EXPECT_EQ(ErrorOf("usr,item\n1,2\n", LogKind::kCsv, ErrorKind::kUsage),
            "log:1:1: no user column: none of 'user_id', 'userId', 'user', 'uid'; the columns are 'usr', 'item'; "
            "name it with --user-col");
  EXPECT_EQ(ErrorOf("user,item\n1,2\n", LogKind::kCsv, ErrorKind::kUsage, {"", "", "", "itme"}),
            "log:1:1: no value column 'itme'; the columns are 'user', 'item'; did you mean 'item'?");
  EXPECT_EQ(ErrorOf("user,item,user\n1,2,3\n", LogKind::kCsv, ErrorKind::kData),
            "log:1:11: column stands twice in the header: 'user'; expected distinct names");
  EXPECT_EQ(ErrorOf("rating,user_id,item_id,x,item_id\n1,2,3,4,5\n", LogKind::kCsv, ErrorKind::kData),
            "log:1:26: column stands twice in the header: 'item_id'; expected distinct names");
  EXPECT_EQ(ErrorOf("user,item\n1,2\n", LogKind::kCsv, ErrorKind::kUsage, {"", "user", "", ""}),
            "log:1:1: column is asked for twice: 'user'; expected different columns for user, item, time, value, "
            "propensity, position, part and context");
  EXPECT_EQ(ErrorOf("user_id:token\titem_id\n1\t2\n", LogKind::kInter, ErrorKind::kData),
            "log:1:15: column has no type: 'item_id'; expected name:type with type token, token_seq, float or "
            "float_seq");
  EXPECT_EQ(ErrorOf("user_id:token\titem_id:token_seq\n1\t2\n", LogKind::kInter, ErrorKind::kData),
            "log:1:15: column has a wrong type: 'item_id:token_seq'; expected token");
  EXPECT_EQ(ErrorOf("us\xff"
                    "er,item\n1,2\n",
                    LogKind::kCsv, ErrorKind::kData),
            "log:1:3: row is not UTF-8: 'us\\xffer,item'; convert the file to UTF-8");
}

TEST(Readers, FirstStumblesAreCaught) {
  const Strings row{"u|i|0|4.00|2"};
  EXPECT_EQ(Read("user_id;item_id;rating\nu;i;4\n", LogKind::kCsv).rows, row);
  EXPECT_EQ(Read("\"user_id\";\"item_id\";\"a, b\";\"rating\"\nu;i;x;4\n", LogKind::kCsv).rows, row);
  EXPECT_EQ(Read("user_id, item_id ,\trating\nu,i,4\n", LogKind::kCsv).rows, row);
  EXPECT_EQ(Read("who, item_id, rating\nu,i,4\n", LogKind::kCsv, {" who", "item_id", "", ""}).rows, row);
  EXPECT_EQ(ErrorOf("user_id|item_id\n1|2\n", LogKind::kCsv, ErrorKind::kUsage),
            "log:1:1: no user column: none of 'user_id', 'userId', 'user', 'uid'; the columns are 'user_id|item_id'; "
            "they seem to be separated by '|': separate them by ',', ';' or tabs");
  EXPECT_EQ(ErrorOf("ann,17,4.5\n", LogKind::kCsv, ErrorKind::kUsage),
            "log:1:1: no user column: none of 'user_id', 'userId', 'user', 'uid'; the columns are 'ann', '17', '4.5'; "
            "the first line looks like data: put a header line above it, or else name it with --user-col");
  EXPECT_EQ(ErrorOf("user,item\ru,i\rv,j\r", LogKind::kCsv, ErrorKind::kData),
            "log:1:10: line ends in \\r alone: 'user,item\\x0du,i\\x0dv,j'; expected \\n or \\r\\n: convert it with tr "
            "'\\r' '\\n'");
  EXPECT_EQ(Read("user,item,rating\r\r\nu,i,4\n", LogKind::kCsv).bad, Strings{});
}

TEST(Readers, QuotedFieldsKeepTheirEndsOfLines) {
  EXPECT_EQ(Read("user,item,rating\r\nu,\"a\r\nb\",4\r\nu,\"a\nb\",4\r\n", LogKind::kCsv).rows,
            (Strings{"u|a\r\nb|0|4.00|2", "u|a\nb|0|4.00|4"}));
}

TEST(Readers, WhatExportWritesIsReadByName) {
  const ColumnNames names{"", "", "", "", {}, "part", "propensity", "position"};
  const auto show = [&](std::string_view text, LogKind kind) {
    LineSource source = LineSource::FromMemory(text, "log");
    test::CollectingSink sink;
    ReadLog(source, kind, names, sink);
    EXPECT_EQ(sink.bad, Strings{});
    return sink.rows;
  };
  const Strings expected{"u|i|p0.250|@3|#2:2", "u|j|p1.000|@-1|#3:3"};
  EXPECT_EQ(show("user,item,propensity,position,part\nu,i,0.25,3,test\nu,j,1,-1,input\n", LogKind::kCsv), expected);
  EXPECT_EQ(show("user:token\titem:token\tpropensity:float\tposition:float\tpart:token\nu\ti\t0.25\t3\ttest\n"
                 "u\tj\t1\t-1\tinput\n",
                 LogKind::kInter),
            expected);
  EXPECT_EQ(show("\n{\"user\":\"u\",\"item\":\"i\",\"propensity\":0.25,\"position\":3,\"part\":\"test\"}\n"
                 "{\"user\":\"u\",\"item\":\"j\",\"propensity\":1,\"position\":-1,\"part\":\"input\"}\n",
                 LogKind::kJsonl),
            expected);
  EXPECT_EQ(ErrorOf("user,item,part\n1,2,3\n", LogKind::kCsv, ErrorKind::kUsage, {"", "", "", "", {}, "parts"}),
            "log:1:1: no part column 'parts'; the columns are 'user', 'item', 'part'; did you mean 'part'?");
  EXPECT_EQ(ErrorOf("1\t2\t3\t4\n", LogKind::kUData, ErrorKind::kUsage, {"", "", "", "", {}, "part"}),
            "log: this format has no column names: 'part'; its columns are user, item, rating, timestamp");
  EXPECT_EQ(ErrorOf("SessionId\tTime\tItemId\tis_click\n", LogKind::kDisplays, ErrorKind::kUsage,
                    {"", "", "", "", {}, "part"}),
            "log: displays have no such column to name: 'part'; leave out --propensity-col, --position-col, --part-col "
            "and --context-col");
}

TEST(Readers, GuessesTheFormatOnlyWhenItIsSure) {
  EXPECT_EQ(GuessLogKind("user_id; item_id", {}), LogKind::kCsv);
  EXPECT_EQ(GuessLogKind("user_id:token\titem_id:token", {}), LogKind::kInter);
  EXPECT_EQ(GuessLogKind("1\t2\t3\t881250949", {}), LogKind::kUData);
  EXPECT_EQ(GuessLogKind("1::2::3::881250949", {}), LogKind::kRatingsDat);
  EXPECT_EQ(GuessLogKind("userId,movieId,rating,timestamp", {}), LogKind::kCsv);
  EXPECT_EQ(GuessLogKind("who\titem", {"who", "", "", ""}), LogKind::kCsv);
  EXPECT_EQ(GuessLogKind("who\titem", {}), std::nullopt);
  EXPECT_EQ(GuessLogKind("1 2 3 4", {}), std::nullopt);
  EXPECT_EQ(GuessLogKind("user,\"item", {}), std::nullopt);
  EXPECT_EQ(GuessLogKind("\x1f\x8b", {}), std::nullopt);
}

// Any fields, written by the rules of RFC 4180, come back as they were.
TEST(RecordReader, ReadsWhatRfc4180Writes) {
  EXPECT_TRUE(rc::check("csv round trip", [] {
    const auto field = rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,\"\n;\t")));
    const auto records =
        *rc::gen::container<std::vector<Strings>>(rc::gen::nonEmpty(rc::gen::container<Strings>(field)));
    std::string text;
    for (const Strings& record : records) {
      for (std::size_t i = 0; i < record.size(); ++i) {
        text += i == 0 ? "\"" : ",\"";
        for (const char c : record[i]) {
          text += c == '"' ? "\"\"" : std::string(1, c);
        }
        text += '"';
      }
      text += "\r\n";
    }
    LineSource source = LineSource::FromMemory(text, "csv");
    RecordReader reader(source, {",", true});
    for (const Strings& record : records) {
      RC_ASSERT(reader.Next() == RecordReader::Status::kRow);
      RC_ASSERT(reader.size() == record.size());
      for (std::size_t i = 0; i < record.size(); ++i) {
        RC_ASSERT(reader.field(i) == record[i]);
      }
    }
    RC_ASSERT(reader.Next() == RecordReader::Status::kEnd);
  }));
}

struct Titles {
  Strings found;
  Strings bad;
};

Titles ReadAll(std::string_view text, TitleKind kind) {
  LineSource source = LineSource::FromMemory(text, "titles");
  Titles titles;
  ReadTitles(
      source, kind,
      [&](std::string_view id, std::string_view title) {
        titles.found.push_back(std::string(id) + "=" + std::string(title));
      },
      [&](std::string message) { titles.bad.push_back(std::move(message)); });
  return titles;
}

TEST(Titles, ComeFromEveryFormat) {
  EXPECT_EQ(ReadAll("item_id:token\tmovie_title:token_seq\n1\tToy Story\n", TitleKind::kItem).found,
            Strings{"1=Toy Story"});
  EXPECT_EQ(ReadAll("name:token\tprice:float\titem_id:token\nA\t1\t7\n", TitleKind::kItem).found, Strings{"7=A"});
  EXPECT_EQ(ReadAll("item_id:token\tclass:token\n1\tx\n", TitleKind::kItem).found, Strings{});
  EXPECT_EQ(ReadAll("1::Am\xe9lie::Comedy\n2::Am\xc3\xa9lie::Comedy\n", TitleKind::kMoviesDat).found,
            (Strings{"1=Am\xc3\xa9lie", "2=Am\xc3\xa9lie"}));
  EXPECT_EQ(ReadAll("1|Mis\xe9rables, Les|x|y\n", TitleKind::kUItem).found, Strings{"1=Mis\xc3\xa9rables, Les"});
  EXPECT_EQ(ReadAll("movieId,title,genres\n11,\"American President, The\",Comedy\n", TitleKind::kMoviesCsv).found,
            Strings{"11=American President, The"});
}

TEST(Titles, BadRowsHaveAnAddress) {
  EXPECT_EQ(ReadAll("1::A\n", TitleKind::kMoviesDat).bad,
            Strings{"titles:1:5: row has 2 columns: '1::A'; expected 3 separated by '::'"});
  EXPECT_EQ(ReadAll(std::string_view("1|\xe9\0|x\n", 7), TitleKind::kUItem).bad,
            Strings{"titles:1:4: row holds a NUL byte: '1|\\xe9\\x00|x'; expected text"});
  EXPECT_EQ(ReadAll("1::\xe9\n", TitleKind::kMoviesDat).bad,
            Strings{"titles:1:5: row has 2 columns: '1::\xc3\xa9'; expected 3 separated by '::'"});
  EXPECT_EQ(ReadAll("1\n", TitleKind::kUItem).bad,
            Strings{"titles:1:2: row has 1 column: '1'; expected at least 2 separated by '|'"});
}

}  // namespace
}  // namespace recforce::data
