// SPDX-License-Identifier: Apache-2.0
// What a decision log must not be, one fault at a time.
#include "recforce/data/decision_log.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/decisions.h"
#include "support/error_of.h"

namespace recforce::data {
namespace {

using test::ErrorOf;
using test::FullLog;

template <class Change>
std::string FaultAfter(const Change& change) {
  DecisionLog log = FullLog();
  change(log);
  return ErrorOf([&] { Check(log); });
}

TEST(DecisionLog, WholeLogsPass) {
  EXPECT_EQ(ErrorOf([] { Check(FullLog()); }), "");
  EXPECT_EQ(ErrorOf([] { Check(test::SingleActions({0, 1}, {0.5, 0.5}, {0, 1}, 2)); }), "");
  EXPECT_EQ(ErrorOf([] { Check(DecisionLog()); }), "");
}

TEST(DecisionLog, ViewsHaveTheShapesOfTheColumns) {
  const DecisionLog log = FullLog();
  EXPECT_EQ(log.size(), 2);
  EXPECT_EQ(log.num_slots(), 4);
  EXPECT_FALSE(log.IsSingleAction());
  EXPECT_EQ(log.slate(1)[1], 1);
  EXPECT_EQ(log.context_rows().row(1)[0], -3.5F);
  EXPECT_EQ(log.action_contexts().rows, 3);
  EXPECT_EQ(log.DecisionOfSlots(), (std::vector<std::int64_t>{0, 0, 1, 1}));
  EXPECT_EQ(DecisionLog().context_rows().rows, 0);
}

TEST(DecisionLog, IdsAreTextAndDistinct) {
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.item_ids[1] = "a"; }),
            "Data: full: item id stands twice: 'a'; expected each once");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.user_ids[0] = ""; }),
            "Data: full: user id is no text: ''; expected UTF-8 that is not empty");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.session_ids[0] = "\xff"; }),
            "Data: full: session id is no text: '\\xff'; expected UTF-8 that is not empty");
}

TEST(DecisionLog, ColumnsFitEachOther) {
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.first.back() = 3; }),
            "Data: full: 'first' does not run from 0 to the 4 slots; expected n + 1 offsets");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) {
              log.first = {0, 4, 4};
            }),
            "Data: full: slate of decision 1 is empty; expected at least one item");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.time.pop_back(); }),
            "Data: full: time has 1 entries; expected 2 or none");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.user[1] = 1; }),
            "Data: full: user of decision 1 is out of range: '1'; expected -1 to 0");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) {
              log.position = {1, 2};
            }),
            "Data: full: position is known of slates; expected decisions of one slot each, or no positions");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.drop_rate[1] = 1.0; }),
            "Data: full: drop_rate of decision 1 is out of range: '1'; expected at least 0 and less than 1");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.context.pop_back(); }),
            "Data: full: context has 3 entries; expected 2 x 2");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.context[2] = std::numeric_limits<float>::infinity(); }),
            "Data: full: context is not finite in row 1, column 0; expected numbers");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.history.AddRow(std::vector<std::int32_t>{}); }),
            "Data: full: history has 3 rows; expected 2 or none");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.history.items[0] = 3; }),
            "Data: full: history has an item out of range: '3'; expected 0 to 2");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.candidate_probability[0] = 1.5; }),
            "Data: full: candidate_probability is out of range: '1.5'; expected 0 to 1");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.reward.pop_back(); }),
            "Data: full: propensity and reward have 4 and 3 entries; expected 4");
}

TEST(DecisionLog, SlatesAreChoicesOfDistinctCandidates) {
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.item[1] = 2; }),
            "Data: full: slate of decision 0 shows an item twice: 'c'; expected each once");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.item[3] = 2; }),
            "Data: full: slate of decision 1 shows what is no candidate: 'c'; expected one of its candidates");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.candidates.items[4] = 0; }),
            "Data: full: candidates of decision 1 have an item twice: 'a'; expected each once");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.propensity[2] = 0.0; }),
            "Data: full: propensity of decision 1 is out of range: '0'; expected a probability above 0 and at most 1");
  EXPECT_EQ(FaultAfter([](DecisionLog& log) { log.reward[0] = std::numeric_limits<double>::quiet_NaN(); }),
            "Data: full: reward of decision 0 is not finite; expected a number");
}

}  // namespace
}  // namespace recforce::data
