// SPDX-License-Identifier: Apache-2.0
// What every reader promises, whatever it reads: how lines end and how bytes are packed makes no difference, a bad row
// costs that row alone and has an address, and what cannot be trusted is an error.
#include <gtest/gtest.h>

#include "recforce/base/error.h"
#include "support/collecting_sink.h"
#include "support/packed_text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;
using test::CollectingSink;
using test::Gzip;
using test::WithCarriageReturns;
using test::Zstd;
using Strings = std::vector<std::string>;

struct Format {
  const char* name;
  LogKind kind;
  std::string header;  // "" or a line
  std::string first;   // a line that gives something
  std::string second;  // another one, independent of the first
  std::string bad;     // a line that gives a message
};

std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.name; }

const std::vector<Format>& Formats() {
  static const std::vector<Format> formats = {
      {"inter", LogKind::kInter, "user_id:token\titem_id:token\trating:float\n", "a\tx\t1\n", "b\ty\t2\n", "a\tx\t?\n"},
      {"u_data", LogKind::kUData, "", "1\t2\t3\t4\n", "5\t6\t1\t8\n", "1\t2\n"},
      {"ratings_dat", LogKind::kRatingsDat, "", "1::2::3::4\n", "5::6::1::8\n", "1::2\n"},
      {"csv", LogKind::kCsv, "user,item,ts\n", "a,x,1\n", "b,\"y, z\",2020-01-31\n", "a,,3\n"},
      {"open_bandit", LogKind::kOpenBandit,
       "timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1\n", "1,2,3,1,0.5,a,b\n",
       "2019-11-24 00:03:13.442536+00:00,4,1,0,1,a,c\n", "1,2,3,1,1.5,a,b\n"},
      {"decisions", LogKind::kDecisions, "{\"format\":\"recforce.decisions\",\"version\":1}\n",
       "{\"user\":\"u\",\"ts\":5,\"slate\":[\"a\",\"b\"],\"propensity\":[0.5,1],\"reward\":[0,2]}\n",
       "{\"session\":7,\"ts\":6,\"slate\":[\"c\"],\"propensity\":[0.25],\"reward\":[1]}\n",
       "{\"ts\":6,\"slate\":[\"c\"],\"propensity\":[0.25],\"reward\":[1]}\n"},
      {"jsonl", LogKind::kJsonl, "", "{\"user\":1,\"item\":\"x\"}\n", "{\"user\":2,\"item\":\"y\"}\n",
       "{\"user\":1}\n"},
      {"gorse", LogKind::kGorse, "", "{\"FeedbackType\":\"a\",\"UserId\":\"u\",\"ItemId\":\"i\"}\n",
       "{\"FeedbackType\":\"b\",\"UserId\":\"v\",\"ItemId\":\"j\"}\n", "{\"UserId\":\"u\",\"ItemId\":\"i\"}\n"},
      {"adjacency", LogKind::kAdjacency, "", "u1 a b\n", "u2 c\n", "u1 d\n"},
      {"test_cases", LogKind::kTestCases, "", "a b c\n", "c d\n", "e\n"},
      {"pairs", LogKind::kPairs, "", "1 2\n", "3 4\n", "5\n"},
      {"negatives", LogKind::kNegatives, "", "(0,25)\t1\t2\n", "(1,26)\t3\n", "0,25\t3\n"},
      {"displays", LogKind::kDisplays, "SessionId\tTime\tItemId\tis_click\ttr_val_tst\n", "a\t1\tx\t1\t0\n",
       "b\t2\ty\t1\t2\n", "a\t1\tx\tyes\t0\n"},
      {"matrix", LogKind::kMatrix, "", "0 4 0\n", "1 0 2\n", "1 x 2\n"}};
  return formats;
}

// Everything that a reader gives, in order by kind.
Strings All(const CollectingSink& sink) {
  Strings all = sink.rows;
  all.insert(all.end(), sink.displays.begin(), sink.displays.end());
  all.insert(all.end(), sink.candidates.begin(), sink.candidates.end());
  return all;
}

CollectingSink Read(std::string_view bytes, LogKind kind) {
  LineSource source = LineSource::FromMemory(bytes, "log");
  CollectingSink sink;
  ReadLog(source, kind, {}, sink);
  EXPECT_EQ(sink.begins, 1);
  return sink;
}

class EveryReader : public testing::TestWithParam<Format> {};

TEST_P(EveryReader, EndsOfLinesAndCompressionMakeNoDifference) {
  const Format& f = GetParam();
  const std::string text = f.header + f.first + f.second;
  const CollectingSink plain = Read(text, f.kind);
  EXPECT_GE(All(plain).size(), 2U);
  EXPECT_EQ(plain.bad, Strings{});
  for (const std::string& other :
       {WithCarriageReturns(text), "\xef\xbb\xbf" + text, text.substr(0, text.size() - 1), text + "\n\r\n",
        text + " \t\n  ", Gzip(text), Zstd(text), Gzip(WithCarriageReturns("\xef\xbb\xbf" + text))}) {
    const CollectingSink found = Read(other, f.kind);
    EXPECT_EQ(All(found), All(plain));
    EXPECT_EQ(found.bad, Strings{});
  }
}

TEST_P(EveryReader, ABadRowCostsItselfAlone) {
  const Format& f = GetParam();
  const CollectingSink good = Read(f.header + f.first + f.second, f.kind);
  const std::string address = "log:" + std::to_string(f.header.empty() ? 2 : 3) + ":";
  const std::string nul = std::string("a\0b c\n", 6);
  for (const std::string& bad : {f.bad, nul, std::string("a\xff\x62 c\n")}) {
    const CollectingSink found = Read(f.header + f.first + bad + f.second, f.kind);
    EXPECT_EQ(All(found).size(), All(good).size()) << bad;
    ASSERT_EQ(found.bad.size(), 1U) << bad;
    EXPECT_EQ(found.bad.front().substr(0, address.size()), address) << found.bad.front();
    EXPECT_NE(found.bad.front().find("; "), std::string::npos) << found.bad.front();
    EXPECT_FALSE(FindTextFault(found.bad.front())) << found.bad.front();
  }
}

TEST_P(EveryReader, AHugeLineEndsTheReading) {
  const Format& f = GetParam();
  const std::string text = f.header + f.first + std::string(kMaxLineBytes + 1, 'x') + "\n" + f.second;
  try {
    (void)Read(text, f.kind);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    EXPECT_EQ(error.what(), "log:" + std::to_string(f.header.empty() ? 2 : 3) + ":1: line is too long: '" +
                                std::string(60, 'x') + "...'; expected at most 1,048,576 bytes a line");
  }
}

TEST_P(EveryReader, NothingComesOfAnEmptyFile) {
  try {
    EXPECT_EQ(All(Read("", GetParam().kind)), Strings{});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    EXPECT_EQ(std::string(error.what()).substr(0, 20), "log: file is empty; ");
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryReader, testing::ValuesIn(Formats()),
                         [](const auto& format) { return std::string(format.param.name); });

}  // namespace
}  // namespace recforce::data
