// SPDX-License-Identifier: Apache-2.0
// Open Bandit logs as decisions: a small one by hand, and the public sample.
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "recforce/data/read_decisions.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::TempDir;
using Strings = std::vector<std::string>;

const std::string kHeader =
    ",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user-item_affinity_0\n";
const std::string kRows =
    "0,2019-11-24 00:03:13.442536+00:00,14,3,0,0.25,b,x,0.0\n"
    "1,2019-11-24 00:03:36+00:00,10,1,1,0.5,a,x,2.5\n";

TEST(ReadOpenBandit, EachPlaceIsARound) {
  const TempDir dir;
  const ReadDecisions found = ReadDecisionLog(dir.Write("men.csv", kHeader + kRows));
  EXPECT_EQ(found.report.format, "open_bandit");
  EXPECT_EQ(found.log.item_ids, (Strings{"14", "10"}));
  EXPECT_EQ(found.log.position, (std::vector<std::int32_t>{3, 1}));
  EXPECT_EQ(found.log.reward, (std::vector<double>{0, 1}));
  EXPECT_EQ(found.log.propensity, (std::vector<double>{0.25, 0.5}));
  EXPECT_EQ(found.log.time, (std::vector<std::int64_t>{1574553793, 1574553816}));
  EXPECT_EQ(found.log.context_names, (Strings{"user_feature_0=a", "user_feature_0=b", "user_feature_1=x"}));
  EXPECT_EQ(found.log.context, (std::vector<float>{0, 1, 1, 1, 0, 1}));
  EXPECT_TRUE(found.log.user.empty());
  const ReadDecisions with = ReadDecisionLog(dir / "men.csv", {.affinity = true});
  EXPECT_EQ(with.log.context_names.front(), "user-item_affinity_0");
  EXPECT_EQ(with.log.context[4], 2.5F);
}

TEST(ReadOpenBandit, ItemFeaturesGiveTheCatalogue) {
  const TempDir dir;
  const auto items =
      dir.Write("item_context.csv", ",item_id,item_feature_0,item_feature_1\n0,10,-0.5,p\n1,14,1.5,q\n2,9,0,p\n");
  const auto log = dir.Write("men.csv", kHeader + kRows);
  const ReadDecisions found = ReadDecisionLog(log);
  EXPECT_EQ(found.log.item_ids, (Strings{"10", "14", "9"}));
  EXPECT_EQ(found.log.item, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(found.log.action_context_names, (Strings{"item_feature_0", "item_feature_1=p", "item_feature_1=q"}));
  EXPECT_EQ(found.log.action_context, (std::vector<float>{-0.5, 1, 0, 1.5, 0, 1, 0, 1, 0}));
  (void)dir.Write("item_context.csv", ",item_id\n0,10\n");
  EXPECT_EQ(ErrorOf([&] { (void)ReadDecisionLog(log); }),
            "Data: " + log.string() +
                ":2:36: item_id has no features: '14'; expected an item of item_context.csv (1 bad "
                "row so far; --max-bad-rows 0)");
  (void)dir.Write("item_context.csv", ",item_id\n0,10\n1,10\n");
  EXPECT_EQ(ErrorOf([&] { (void)ReadDecisionLog(log); }),
            "Data: " + items.string() + ":3:3: item_id is empty or stands twice: '10'; expected one row for each item");
}

TEST(ReadOpenBandit, BadRowsHaveAnAddress) {
  const TempDir dir;
  const auto bad = [&](const std::string& row) {
    const ReadDecisions found =
        ReadDecisionLog(dir.Write("men.csv", kHeader + row + "\n" + kRows), {.max_bad_rows = 1});
    EXPECT_EQ(found.log.size(), 2);
    EXPECT_EQ(found.log.context_names.size(), 3U);
    return found.report.first_bad_rows.at(0).substr(dir.path().string().size() + 1);
  };
  EXPECT_EQ(bad("0,1,2"), "men.csv:2:6: row has 3 columns: '0,1,2'; expected 9 separated by ','");
  EXPECT_EQ(bad("0,1,,3,0,1,a,b,0"), "men.csv:2:5: item_id is empty: ''; expected an id");
  EXPECT_EQ(bad("0,x,2,3,0,1,a,b,0"),
            "men.csv:2:3: timestamp is not a time: 'x'; expected seconds since 1970 like 978300760, or a "
            "date like 2020-01-31 or 2020-01-31T12:34:56Z");
  EXPECT_EQ(bad("0,1,2,x,0,1,a,b,0"),
            "men.csv:2:7: position is not a whole number: 'x'; expected a place in the slate like 3");
  EXPECT_EQ(bad("0,1,2,3,x,1,a,b,0"), "men.csv:2:9: click is not a number: 'x'; expected a decimal like 4.5");
  EXPECT_EQ(bad("0,1,2,3,0,0,a,c,0"),
            "men.csv:2:11: propensity_score is out of range: '0'; expected a probability above 0 and at most 1");
}

TEST(ReadOpenBandit, ColumnsAreNeeded) {
  const TempDir dir;
  const auto path = dir.Write("men.csv", "timestamp,item_id,position,click\n1,2,3,4\n");
  EXPECT_EQ(ErrorOf([&] { (void)ReadDecisionLog(path, {.format = "open_bandit"}); }),
            "Data: " + path.string() +
                ":1:1: no column 'propensity_score', which this format has; the columns are 'timestamp', 'item_id', "
                "'position', 'click'");
}

TEST(ReadOpenBandit, ThePublicSample) {
  const auto data = test::RealData();
  if (!data || !std::filesystem::exists(*data / "open-bandit")) {
    GTEST_SKIP() << "no open-bandit in RECFORCE_DATA or ../shared/data";
  }
  for (const auto& [policy, clicks] : {std::pair("random", 46.0), std::pair("bts", 69.0)}) {
    const ReadDecisions found = ReadDecisionLog(*data / "open-bandit" / policy / "men" / "men.csv.gz");
    const DecisionLog& log = found.log;
    EXPECT_EQ(log.size(), 10000);
    EXPECT_EQ(log.num_items(), 34);
    EXPECT_EQ(found.report.bad_rows, 0);
    EXPECT_EQ(std::accumulate(log.reward.begin(), log.reward.end(), 0.0), clicks);
    EXPECT_EQ(std::set<std::int32_t>(log.position.begin(), log.position.end()), (std::set<std::int32_t>{1, 2, 3}));
    EXPECT_EQ(log.action_contexts().rows, 34);
    const bool is_random = std::string(policy) == "random";
    EXPECT_EQ(log.context_names.size(), is_random ? 25U : 26U);
    for (std::size_t r = 0; is_random && r < log.propensity.size(); ++r) {
      ASSERT_NEAR(log.propensity[r], 1.0 / 34.0, 1e-12);
    }
  }
}

}  // namespace
}  // namespace recforce::data
