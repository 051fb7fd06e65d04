// SPDX-License-Identifier: Apache-2.0
// Lines as Vowpal Wabbit, its client and Personalizer write them.
#include <gtest/gtest.h>

#include "recforce/data/read_decisions.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::data {
namespace {

using test::TempDir;
using Strings = std::vector<std::string>;
using Doubles = std::vector<double>;
using Indices = std::vector<std::int32_t>;

ReadDecisions Read(const std::string& text, const DecisionReadOptions& options = {}) {
  const TempDir dir;
  ReadDecisions found = ReadDecisionLog(dir.Write("log.dsjson", text), options);
  for (std::string& message : found.report.first_bad_rows) {
    message.erase(0, dir.path().string().size() + 1);
  }
  return found;
}

const std::string kBandit =
    R"({"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,"o":[{"v":1.0,"EventId":"e1"}],)"
    R"("Timestamp":"2021-02-04T16:31:29.2460000Z","Version":"1","EventId":"e1","a":[2,1,3],"c":{"User":{"age":30,)"
    R"("_hidden":1,"city":"Rome"},"night":true,"_multi":[{"T":{"topic":"x"}},{"T":{"topic":"y"}},{"T":{"topic":"z"}}]},)"
    R"("p":[0.8,0.1,0.1],"VWState":{"m":"model-1"},"pdrop":0.5})"
    "\n";

TEST(ReadDsjson, ABanditBecomesASingleAction) {
  const ReadDecisions found = Read(kBandit);
  EXPECT_EQ(found.report.format, "dsjson");
  EXPECT_EQ(found.log.item_ids, (Strings{"1", "0", "2"}));
  EXPECT_EQ(found.log.item, Indices{0});
  EXPECT_EQ(found.log.propensity, Doubles{0.8});
  EXPECT_EQ(found.log.reward, Doubles{1});
  EXPECT_EQ(found.log.time, std::vector<std::int64_t>{1612456289});
  EXPECT_EQ(found.log.decision_ids, Strings{"e1"});
  EXPECT_EQ(found.log.candidates.items, (Indices{0, 1, 2}));
  EXPECT_EQ(found.log.candidate_probability, (Doubles{0.8, 0.1, 0.1}));
  EXPECT_EQ(found.log.policies, (std::vector<LoggedPolicy>{{"", "model-1"}}));
  EXPECT_EQ(found.log.drop_rate, Doubles{0.5});
  EXPECT_EQ(found.log.context_names, (Strings{"User.age", "User.city=Rome", "night"}));
  EXPECT_EQ(found.log.context, (std::vector<float>{30, 1, 1}));
}

TEST(ReadDsjson, IdsOfActionsAreFoundInTheirFeatures) {
  const std::string actions =
      R"("c":{"_multi":[{"_tag":"tea","i":{"id":"x"}},{"i":{"constant":1,"id":"milk"}},{"id":7}]}})";
  const ReadDecisions found = Read(R"({"_label_cost":0,"_label_probability":0.5,"_label_Action":3,)" + actions + "\n" +
                                   R"({"_label_cost":-2,"a":[1,3,2],"p":[0.25,0.25,0.5],)" + actions + "\n");
  EXPECT_EQ(found.log.item_ids, (Strings{"7", "tea", "milk"}));
  EXPECT_EQ(found.log.item, (Indices{0, 1}));
  EXPECT_EQ(found.log.propensity, (Doubles{0.5, 0.25}));
  EXPECT_EQ(found.log.reward, (Doubles{0, 2}));
  EXPECT_TRUE(found.log.candidate_probability.empty());  // the first decision has no law
}

TEST(ReadDsjson, RankingsMayCountFromZero) {
  const ReadDecisions found = Read(R"({"_label_cost":1,"a":[1,0],"p":[0.75,0.25],"c":{"_multi":[{"x":1},{"x":2}]}})");
  EXPECT_EQ(found.log.item_ids[static_cast<std::size_t>(found.log.item[0])], "1");
  EXPECT_EQ(found.log.propensity, Doubles{0.75});
}

TEST(ReadDsjson, ConditionalBanditsHaveSlots) {
  const ReadDecisions found =
      Read(R"({"Timestamp":"2019-09-10T14:43:37Z","c":{"u":{"id":"mk"},"_multi":[{"t":"a"},{"t":"b"},{"t":"c"}],)"
           R"("_slots":[{"_id":"s1"},{"_id":"s2"}]},"_outcomes":[{"_label_cost":-0.5,"_id":"s1","_a":[1,2,0],)"
           R"("_p":[0.5,0.25,0.25],"_o":[]},{"_label_cost":0.0,"_id":"s2","_a":2,"_p":0.9}]})");
  EXPECT_EQ(found.log.first, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(found.log.item_ids, (Strings{"1", "2", "0"}));
  EXPECT_EQ(found.log.item, (Indices{0, 1}));
  EXPECT_EQ(found.log.propensity, (Doubles{0.5, 0.9}));
  EXPECT_EQ(found.log.reward, (Doubles{0.5, 0}));
  EXPECT_EQ(found.log.candidate_probability, (Doubles{0.5, 0.25, 0.25}));
}

TEST(ReadDsjson, ASlatesRewardIsThatOfItsLastSlot) {
  const ReadDecisions found =
      Read(R"({"_label_cost":-3,"c":{"_multi":[{"_slot_id":0,"t":"a"},{"_slot_id":1,"t":"b"},{"_slot_id":1,"t":"c"}],)"
           R"("_slots":[{},{}]},"_outcomes":[{"_a":[0],"_p":[1.0]},{"_a":[1,0],"_p":[0.6,0.4]}]})");
  EXPECT_EQ(found.log.item_ids, (Strings{"0", "2", "1"}));
  EXPECT_EQ(found.log.item, (Indices{0, 1}));
  EXPECT_EQ(found.log.propensity, (Doubles{1.0, 0.6}));
  EXPECT_EQ(found.log.reward, (Doubles{0, 3}));
}

TEST(ReadDsjson, WhatCannotBeUsedIsCounted) {
  const ReadDecisions found =
      Read(kBandit + R"({"EventId":"e0","RewardValue":1,"DeferredAction":false})" + "\n" +
           R"({"_label_probability":0.5,"_labelIndex":0,"Timestamp":"2020-01-01","c":{"_multi":[{"x":1}]}})" + "\n" +
           R"({"_label_cost":0,"_skipLearn":true,"_label_probability":0.5,"_labelIndex":0,)" +
           R"("Timestamp":"2020-01-01","c":{"_multi":[{"x":1}]}})" + "\n");
  EXPECT_EQ(found.log.size(), 1);
  EXPECT_EQ(found.report.dangling_rewards, 1);
  EXPECT_EQ(found.report.without_reward, 2);
  EXPECT_EQ(found.report.bad_rows, 0);
}

TEST(ReadDsjson, OfTooManyFeaturesTheFrequentStay) {
  const auto line = [](const std::string& features) {
    return R"({"_label_cost":0,"_label_probability":1,"_labelIndex":0,"c":{"f":[)" + features +
           R"(],"_multi":[{"x":1}]}})" + "\n";
  };
  const ReadDecisions found = Read(line(R"({"b":1},"x",5)") + line(R"({"b":2,"a":1},"x")"), {.max_context_columns = 2});
  EXPECT_EQ(found.log.context_names, (Strings{"f.b", "f=x"}));
  EXPECT_EQ(found.log.context, (std::vector<float>{1, 1, 2, 1}));
  EXPECT_EQ(found.report.context_left_out, 2);
}

TEST(ReadDsjson, BadLinesHaveAnAddress) {
  const auto bad = [](const std::string& row) {
    const ReadDecisions found = Read(kBandit + row + "\n" + kBandit, {.max_bad_rows = 1});
    EXPECT_EQ(found.log.size(), 2) << row;
    EXPECT_EQ(found.report.bad_rows, 1) << row;
    return found.report.first_bad_rows.empty() ? "" : found.report.first_bad_rows[0];
  };
  EXPECT_EQ(bad("x"), "log.dsjson:2:1: row is not a JSON object: 'x'; expected one object a line");
  EXPECT_EQ(bad("{\"a\":[1]}"), "log.dsjson:2:1: c is missing: '{\"a\":[1]}'; expected the context and its actions");
  EXPECT_EQ(bad("{\"c\":7}"), "log.dsjson:2:6: c is no object: '7'; expected the context and its actions");
  EXPECT_EQ(bad("{\"c\":{}}"),
            "log.dsjson:2:6: c has no actions: '{}}'; expected _multi, an array of what could be chosen");
  const std::string c = R"("Timestamp":"2020-01-01","c":{"_multi":[{},{}]}})";
  EXPECT_EQ(bad("{" + c), "log.dsjson:2:1: _labelIndex is missing: '{" + c.substr(0, 59) +
                              (c.size() > 59 ? "..." : "") +
                              "'; expected which action was chosen: _labelIndex, _label_Action or a");
  EXPECT_EQ(
      bad(R"({"_labelIndex":2,)" + c),
      "log.dsjson:2:16: _labelIndex is not the number of an action: '2'; expected a whole number from 0 and below "
      "2");
  EXPECT_EQ(bad(R"({"_label_Action":0,)" + c),
            "log.dsjson:2:18: _label_Action is not the number of an action: '0'; expected a whole number from 1 and "
            "below 3");
  EXPECT_EQ(bad(R"({"p":[1],"a":[1,2],)" + c).substr(0, 41), "log.dsjson:2:6: p has 1 entry: '[1],\"a\":[");
  EXPECT_EQ(bad(R"({"_label_probability":0,"_labelIndex":0,)" + c),
            "log.dsjson:2:23: _label_probability is out of range: '0'; expected a probability above 0 and at most 1");
  EXPECT_EQ(bad(R"({"_label_cost":"x","_label_probability":1,"_labelIndex":0,)" + c),
            "log.dsjson:2:16: _label_cost is no number: 'x'; expected numbers");
  EXPECT_EQ(bad(R"({"_outcomes":[],)" + c).substr(0, 36), "log.dsjson:2:14: _outcomes is empty:");
  EXPECT_EQ(bad(R"({"_outcomes":[{"_a":[0]}],)" + c).substr(0, 49),
            "log.dsjson:2:14: _outcomes has a slot without _p:");
  EXPECT_EQ(bad(R"({"_outcomes":[{"_a":[0],"_p":[1]},{"_a":[0],"_p":[1]}],)" + c),
            "log.dsjson:2:85: c has an item twice: '0'; expected each once");
}

TEST(ReadDsjson, IdsAreInAllActionsOrInNone) {
  const std::string first = R"({"_label_cost":0,"_label_probability":1,"_labelIndex":0,"c":{"_multi":[{"id":"x"}]}})";
  const ReadDecisions found =
      Read(first + "\n" + R"({"_label_cost":0,"_label_probability":1,"_labelIndex":0,"c":{"_multi":[{"x":1}]}})" + "\n",
           {.max_bad_rows = 1});
  EXPECT_EQ(found.report.first_bad_rows,
            Strings{"log.dsjson:2:61: c has an action without an id: 'action 0'; expected _tag, i.id or id in every "
                    "action of the log, or in none"});
}

}  // namespace
}  // namespace recforce::data
