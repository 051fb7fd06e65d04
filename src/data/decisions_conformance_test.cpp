// SPDX-License-Identifier: Apache-2.0
// What every reader of decision logs that are text promises: how lines end and how bytes are packed makes no
// difference, a bad row costs that row alone and has an address, and what cannot be trusted is an error.
#include <gtest/gtest.h>

#include "data/line_source.h"
#include "recforce/data/read_decisions.h"
#include "support/error_of.h"
#include "support/packed_text.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::Gzip;
using test::TempDir;
using test::WithCarriageReturns;
using test::Zstd;

struct Format {
  const char* name;
  std::string header;  // "" or a line
  std::string first;   // a line that is a decision
  std::string second;
  std::string bad;  // one that gives a message
};

std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.name; }

const std::vector<Format>& Formats() {
  static const std::vector<Format> formats = {
      {"decisions", "{\"format\":\"recforce.decisions\",\"version\":1}\n",
       "{\"slate\":[\"a\",\"b\"],\"propensity\":[0.5,1],\"reward\":[1,0]}\n",
       "{\"slate\":[\"c\"],\"propensity\":[0.25],\"reward\":[0]}\n", "{\"slate\":[\"c\"],\"propensity\":[2]}\n"},
      {"open_bandit", "timestamp,item_id,position,click,propensity_score,user_feature_0\n", "1,2,3,1,0.5,a\n",
       "2019-11-24 00:03:13.442536+00:00,4,1,0,1,\"b\"\n", "1,2,3,1,1.5,a\n"},
      {"dsjson", "", "{\"_label_cost\":-1,\"_label_probability\":0.5,\"_labelIndex\":1,\"c\":{\"_multi\":[{},{}]}}\n",
       "{\"_label_cost\":0,\"_label_probability\":0.5,\"_labelIndex\":0,\"c\":{\"_multi\":[{},{}],\"x\":1}}\n",
       "{\"c\":{\"_multi\":[{}]}}\n"}};
  return formats;
}

class EveryDecisionReader : public testing::TestWithParam<Format> {
 protected:
  ReadDecisions Read(const std::string& bytes, std::int64_t max_bad_rows = 0, bool told = false) const {
    return ReadDecisionLog(dir_.Write("log", bytes),
                           {.format = told ? GetParam().name : "auto", .max_bad_rows = max_bad_rows});
  }
  std::string Fault(const std::string& bytes) const {
    std::string error = ErrorOf([&] { (void)Read(bytes, 0, true); });
    const std::size_t at = error.find(dir_.path().string());
    return at == std::string::npos ? error : error.erase(at, dir_.path().string().size() + 1);
  }

 private:
  TempDir dir_;
};

TEST_P(EveryDecisionReader, EndsOfLinesAndCompressionMakeNoDifference) {
  const Format& f = GetParam();
  const std::string text = f.header + f.first + f.second;
  const ReadDecisions plain = Read(text);
  EXPECT_EQ(plain.report.format, f.name);
  EXPECT_EQ(plain.log.size(), 2);
  for (const std::string& other :
       {WithCarriageReturns(text), "\xef\xbb\xbf" + text, text.substr(0, text.size() - 1), text + "\n\r\n",
        text + " \t\n  ", Gzip(text), Zstd(text), Gzip(WithCarriageReturns("\xef\xbb\xbf" + text))}) {
    const ReadDecisions found = Read(other);
    EXPECT_EQ(found.log.item, plain.log.item);
    EXPECT_EQ(found.log.item_ids, plain.log.item_ids);
    EXPECT_EQ(found.log.propensity, plain.log.propensity);
    EXPECT_EQ(found.log.reward, plain.log.reward);
    EXPECT_EQ(found.log.context_names, plain.log.context_names);
    EXPECT_EQ(found.log.context, plain.log.context);
    EXPECT_TRUE(found.report.lost.empty());
  }
}

TEST_P(EveryDecisionReader, ABadRowCostsItselfAlone) {
  const Format& f = GetParam();
  const std::string address = "log:" + std::to_string(f.header.empty() ? 2 : 3) + ":";
  for (const std::string& bad : {f.bad, std::string("a\0b c\n", 6), std::string("a\xff\x62 c\n")}) {
    const ReadDecisions found = Read(f.header + f.first + bad + f.second, 1);
    EXPECT_EQ(found.log.size(), 2) << bad;
    ASSERT_EQ(found.report.first_bad_rows.size(), 1U) << bad;
    const std::string& message = found.report.first_bad_rows.front();
    EXPECT_NE(message.find("/" + address), std::string::npos) << message;
    EXPECT_NE(message.find("; "), std::string::npos) << message;
    EXPECT_FALSE(FindTextFault(message)) << message;
    EXPECT_EQ(Fault(f.header + f.first + bad + f.second).substr(0, 6 + address.size()), "Data: " + address);
  }
}

TEST_P(EveryDecisionReader, AHugeLineEndsTheReading) {
  const Format& f = GetParam();
  EXPECT_EQ(Fault(f.header + f.first + std::string(kMaxLineBytes + 1, 'x') + "\n" + f.second),
            "Data: log:" + std::to_string(f.header.empty() ? 2 : 3) + ":1: line is too long: '" + std::string(60, 'x') +
                "...'; expected at most 1,048,576 bytes a line");
}

TEST_P(EveryDecisionReader, NothingComesOfAnEmptyFile) { EXPECT_EQ(Fault("").substr(0, 10), "Data: log:"); }

INSTANTIATE_TEST_SUITE_P(Formats, EveryDecisionReader, testing::ValuesIn(Formats()),
                         [](const auto& format) { return std::string(format.param.name); });

}  // namespace
}  // namespace recforce::data
