// SPDX-License-Identifier: Apache-2.0
// Blocks against the exact reader, on texts made to tear them apart.
#include "data/read_rows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <optional>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

using Strings = std::vector<std::string>;

// All that a sink hears, in order.
struct Heard final : RowSink {
  void Begin(const LogContent& content) override {
    events.push_back(std::string("begin") + (content.time ? " time" : "") + (content.value ? " value" : ""));
  }
  void Add(const LogRow& row) override {
    events.push_back(std::string(row.user) + "|" + std::string(row.item) + "|" + std::to_string(row.time) + "|" +
                     std::to_string(row.value) + "|" + std::to_string(row.line));
  }
  void AddRows(const LogRows& rows) override {
    in_blocks += rows.size();
    RowSink::AddRows(rows);
  }
  void AddDisplay(const LogDisplay& /*display*/) override {}
  void AddCandidates(std::string_view /*user*/, std::span<const std::string_view> /*items*/) override {}
  void AddBad(std::string message) override { events.push_back("bad " + message); }

  Strings events;
  std::size_t in_blocks = 0;
};

struct Layout {
  RecordStyle style;
  LogColumns columns;
};
Layout MakeLayout(RecordStyle style, std::vector<std::string> names, std::size_t user, std::size_t item,
                  std::optional<std::size_t> time, std::optional<std::size_t> value) {
  Layout layout;
  layout.style = std::move(style);
  layout.columns.names = std::move(names);
  layout.columns.user = user;
  layout.columns.item = item;
  layout.columns.time = time;
  layout.columns.value = value;
  return layout;
}
Layout Csv() { return MakeLayout({",", true}, {"user", "item", "ts", "rating"}, 0, 1, 2, 3); }
Layout Tabs() { return MakeLayout({"\t"}, {"ts", "user", "x", "item"}, 1, 3, 0, std::nullopt); }
Layout Colons() { return MakeLayout({"::"}, {"user", "item", "rating"}, 0, 1, std::nullopt, 2); }

Heard Read(std::string_view text, const Layout& layout, const BlockSizes& sizes) {
  LineSource source = LineSource::FromMemory(text, "log");
  RecordReader records(source, layout.style);
  Heard heard;
  try {
    ReadRows(source, records, layout.columns, heard, sizes);
  } catch (const base::Error& error) {
    heard.events.push_back(std::string("error ") + error.what());
  }
  return heard;
}

constexpr BlockSizes kExact{0, 1};

TEST(ReadRows, PlainRowsComeInBlocks) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += "u" + std::to_string(i % 7) + ",item" + std::to_string(i) + ",1" + std::to_string(i) + ",3.5\r\n";
  }
  const Heard found = Read(text, Csv(), {256, 64});
  EXPECT_EQ(found.in_blocks, 999U);  // the first line may carry a byte order mark
  EXPECT_EQ(found.events, Read(text, Csv(), kExact).events);
  EXPECT_EQ(found.events.size(), 1001U);
  EXPECT_EQ(found.events.back(), "u5|item999|1999|3.500000|1000");
}

TEST(ReadRows, AddressesOfBadRowsSurviveBlocks) {
  std::string text = "a,b,1,1\n\n";
  for (int i = 0; i < 50; ++i) {
    text += "u,i,5,4\n\r\n";
  }
  text += "u,i,x,4\nu,i\nu,\xff,1,1\nu,caf\xc3\xa9,1,1\n";
  const Heard found = Read(text, Csv(), {1000, 100});
  EXPECT_EQ(found.events, Read(text, Csv(), kExact).events);
  EXPECT_GT(found.in_blocks, 48U);
  ASSERT_EQ(found.events.size(), 56U);
  EXPECT_EQ(found.events[52],
            "bad log:103:5: ts is not a time: 'x'; expected seconds since 1970 like 978300760, or a date like "
            "2020-01-31 or 2020-01-31T12:34:56Z");
  EXPECT_EQ(found.events[53], "bad log:104:4: row has 2 columns: 'u,i'; expected 4 separated by ','");
  EXPECT_EQ(found.events[55], "u|caf\xc3\xa9|1|1.000000|106");
}

// Oracle: the exact reader.
TEST(ReadRows, BlocksAgreeWithTheExactReader) {
  const auto check = [](const Layout& layout, const Strings& pieces) {
    return rc::check("blocks equal records", [&] {
      std::string text;
      for (const std::string& piece : *rc::gen::container<Strings>(rc::gen::elementOf(pieces))) {
        text += piece;
      }
      const auto window = static_cast<std::size_t>(*rc::gen::inRange(1, 200));
      const auto block = static_cast<std::size_t>(*rc::gen::inRange(1, 60));
      RC_ASSERT(Read(text, layout, {window, block}).events == Read(text, layout, kExact).events);
    });
  };
  EXPECT_TRUE(check(Csv(), {"u,i,5,4.5\n",
                            "u,i,5,4.5\n",
                            "u2,i2,2020-01-31,-1e3\r\n",
                            "\n",
                            "\r\n",
                            "\"",
                            ",",
                            "a",
                            "u,\"i\n\",7,1\n",
                            "u,\"i\"\"\",7,1\n",
                            "u,i,6,1",
                            "\xc3\xa9",
                            "\xff",
                            std::string(1, '\0'),
                            "u,i,5,nan\n",
                            ",i,5,4\n",
                            "u,i,5,4,\n",
                            "\xef\xbb\xbf",
                            "\r",
                            " \n",
                            "\t \r\n",
                            "u,\"i\r\n\",7,1\r\n"}));
  EXPECT_TRUE(check(Tabs(), {"5\tu\tx\ti\n", "5\tu\tx\ti\n", "1e3\tu\t\ti\r\n", "\"\n", "\t", "x", "\n", "\xe2\x82\xac",
                             "\xe2", "9\tu\tx\ti", "\tu\tx\ti\n", "\t\t\t\n", " \t \n", " "}));
  EXPECT_TRUE(check(Colons(), {"u::i::3\n", "u::i::3\n", ":", "::", "a", "\n", "u:::i::4\n", "u::i::.5\r\n", "\xe9"}));
}

TEST(ReadRows, TheSameOnAnyNumberOfThreads) {
  std::string text;
  for (int i = 0; i < 3000; ++i) {
    text += i % 211 == 0 ? "broken\n" : "u" + std::to_string(i % 13) + ",i" + std::to_string(i % 17) + ",5,4\n";
  }
  const int before = base::Threads();
  base::SetThreads(1);
  const Strings one = Read(text, Csv(), {4000, 300}).events;
  base::SetThreads(3);
  EXPECT_EQ(Read(text, Csv(), {4000, 300}).events, one);
  base::SetThreads(before);
}

TEST(ReadRows, LinesMayBeLongerThanAWindow) {
  const std::string text = "a,b,1,1\nu," + std::string(5000, 'x') + ",5,4\nv,i,5,4\n";
  EXPECT_EQ(Read(text, Csv(), {100, 10}).events, Read(text, Csv(), kExact).events);
  const std::string too_long = "a,b,1,1\nu," + std::string(kMaxLineBytes, 'x') + ",5,4\nv,i,5,4\n";
  const Strings found = Read(too_long, Csv(), {}).events;
  EXPECT_EQ(found, Read(too_long, Csv(), kExact).events);
  EXPECT_EQ(found.back().substr(0, 33), "error log:2:1: line is too long: ");
}

TEST(ReadRows, LinesOfBlanksAreNoRows) {
  const std::string text = "5\tu\tx\ti\n \n\t\t\t\n6\tu\tx\tj\n \t\n7\tu\tx\tk\n  ";
  const Heard found = Read(text, Tabs(), {});
  EXPECT_EQ(found.events, (Strings{"begin time", "u|i|5|0.000000|1", "u|j|6|0.000000|4", "u|k|7|0.000000|6"}));
  EXPECT_EQ(found.in_blocks, 2U);
  EXPECT_EQ(found.events, Read(text, Tabs(), kExact).events);
}

TEST(ReadRows, LayoutsThatAreNotPlainAreReadExactly) {
  Layout wide = Csv();
  std::string row = "u,i,5,4";
  for (int i = 0; i < 100; ++i) {
    wide.columns.names.push_back("c" + std::to_string(i));
    row += ",x";
  }
  const Heard found = Read(row + "\n" + row + "\n", wide, {});
  EXPECT_EQ(found.in_blocks, 0U);
  EXPECT_EQ(found.events.back(), "u|i|5|4.000000|2");
  Layout parts = Csv();
  parts.columns.names.emplace_back("part");
  parts.columns.part = 4;
  const Heard split = Read("u,i,5,4,train\nu,j,6,4,test\nu,k,7,4,dev\n", parts, {});
  EXPECT_EQ(split.in_blocks, 0U);
  EXPECT_EQ(split.events.back(), "bad log:3:9: part is no part: 'dev'; expected train, validation, test or input");
}

}  // namespace
}  // namespace recforce::data
