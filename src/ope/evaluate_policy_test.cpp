// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/evaluate_policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

// A law that is written down: [rounds, items].
class Table final : public ActionDistribution {
 public:
  Table(std::vector<double> probability, std::int64_t items) : probability_(std::move(probability)), items_(items) {}
  void Probabilities(std::int64_t round, std::span<double> out) const override {
    std::copy_n(probability_.begin() + round * items_, items_, out.begin());
  }

 private:
  std::vector<double> probability_;
  std::int64_t items_;
};

data::DecisionLog LogOf(const std::vector<std::int32_t>& item, const std::vector<double>& propensity,
                        const std::vector<double>& reward, std::int64_t slots, std::int64_t items) {
  data::DecisionLog log;
  log.source = "log.jsonl";
  for (std::int64_t at = 0; at < items; ++at) {
    log.item_ids.push_back("i" + std::to_string(at));
  }
  log.item = item;
  log.propensity = propensity;
  log.reward = reward;
  for (std::size_t at = static_cast<std::size_t>(slots); at <= item.size(); at += static_cast<std::size_t>(slots)) {
    log.first.push_back(static_cast<std::int64_t>(at));
  }
  data::Check(log);
  return log;
}

const EstimateRow& RowNamed(const PolicyAnswer& answer, const std::string& name) {
  const auto found = std::find_if(answer.estimates.begin(), answer.estimates.end(),
                                  [&](const EstimateRow& row) { return row.name == name; });
  EXPECT_NE(found, answer.estimates.end()) << name;
  return *found;
}

TEST(EvaluatePolicyTest, KnownRounds) {
  const test::GoldenRounds golden;
  const data::DecisionLog log = LogOf(golden.action, golden.propensity, golden.reward, 1, 3);
  PolicyQuestion question;
  question.estimators = {"ips", "snips"};
  EXPECT_FALSE(NeedsRewardModel(log, question));
  const PolicyAnswer answer = EvaluatePolicy(log, Table(golden.pi, 3), nullptr, question);
  EXPECT_NEAR(RowNamed(answer, "ips").value, 2.263889, 1e-6);
  EXPECT_NEAR(RowNamed(answer, "snips").value, .840825, 1e-6);
  EXPECT_NEAR(*RowNamed(answer, "ips").lower, -.231459, 1e-6);
  EXPECT_FALSE(RowNamed(answer, "snips").lower.has_value()) << "a bound for means";
  EXPECT_NEAR(answer.weights.effective_sample_size, 3.218613, 1e-6);
  EXPECT_TRUE(answer.verdict.refused()) << "three effective decisions say nothing";
}

// A log of two items that a uniform policy shows, of which item 1 brings a reward in four fifths and item 0 in one
// fifth of the cases.
data::DecisionLog TwoItems(std::int64_t decisions) {
  std::vector<std::int32_t> item;
  std::vector<double> reward;
  base::Rng rng(3, base::Stream::kTest);
  for (std::int64_t at = 0; at < decisions; ++at) {
    item.push_back(static_cast<std::int32_t>(rng.Below(2)));
    reward.push_back(rng.Uniform() < (item.back() == 1 ? .8 : .2) ? 1.0 : 0.0);
  }
  return LogOf(item, std::vector<double>(item.size(), .5), reward, 1, 3);
}

std::vector<double> Repeated(const std::vector<double>& row, std::int64_t times) {
  std::vector<double> rows;
  for (std::int64_t at = 0; at < times; ++at) {
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

TEST(EvaluatePolicyTest, AllEstimatorsFindAValueThatIsKnown) {
  const data::DecisionLog log = TwoItems(4000);
  const LogRounds rounds(log);
  const RewardModel model = RewardModel::Fit(rounds.rounds());
  PolicyQuestion question;
  ASSERT_TRUE(NeedsRewardModel(log, question));
  const PolicyAnswer answer = EvaluatePolicy(log, Table(Repeated({.1, .9, 0.0}, 4000), 3), &model, question);
  EXPECT_FALSE(answer.verdict.refused());
  EXPECT_TRUE(answer.flags.empty());
  EXPECT_EQ(answer.estimates.size(), 8U);
  for (const EstimateRow& row : answer.estimates) {
    // Models and shrunk weights are biased: predictions are drawn to the mean.
    const bool unbiased = row.name == "ips" || row.name == "snips" || row.name == "dr" || row.name == "sndr";
    EXPECT_NEAR(row.value, .74, unbiased ? .04 : .08) << row.name;
    EXPECT_LT(row.interval.low, unbiased ? .74 : .78) << row.name;
    EXPECT_GT(row.interval.high, unbiased ? .74 : .68) << row.name;
  }
  EXPECT_TRUE(RowNamed(answer, "dros").lambda.has_value());
  EXPECT_FALSE(RowNamed(answer, "dr").lambda.has_value());
  EXPECT_NEAR(ValueOfLog(log).value, .5, .03);
}

// Sessions x: decisions 0 and 2; y: decision 1; decision 3 has none. Slates of two and of one.
TEST(EvaluatePolicyTest, SessionsPutTheirDecisionsTogether) {
  data::DecisionLog log = LogOf({0, 1, 2, 0, 1, 2}, {.5, .5, .25, .5, .5, .2}, {1.0, 2.0, 4.0, 0.0, 3.0, 5.0}, 1, 3);
  log.first = {0, 2, 3, 5, 6};
  log.session_ids = {"y", "x"};
  log.session = {1, 0, 1, -1};
  data::Check(log);
  const Table policy({.25, .5, .25, .2, .6, .2, .3, .2, .5, 1.0, 0.0, 0.0, .1, .8, .1, .4, .2, .4}, 3);
  PolicyQuestion question;
  question.by_session = true;
  question.discount = 0.5;
  question.estimators = {"tis", "pdis"};
  EXPECT_FALSE(NeedsRewardModel(log, question));
  const PolicyAnswer answer = EvaluatePolicy(log, policy, nullptr, question);
  EXPECT_EQ(answer.rounds, 3);
  // Ratios of the decisions: .5 x 1.2 = .6; 2; 2 x 1.6 = 3.2; 2. x is worth 3 and then half of 3.
  EXPECT_DOUBLE_EQ(RowNamed(answer, "tis").value, (.6 * 3.2 * 4.5 + 2.0 * 4.0 + 2.0 * 5.0) / 3.0);
  EXPECT_DOUBLE_EQ(RowNamed(answer, "pdis").value, (.6 * 3.0 + .6 * 3.2 * 1.5 + 2.0 * 4.0 + 2.0 * 5.0) / 3.0);
  EXPECT_DOUBLE_EQ(answer.weights.mean.mean, (.6 * 3.2 + 2.0 + 2.0) / 3.0);
  ASSERT_TRUE(answer.horizon.has_value());
  EXPECT_EQ(answer.horizon->effective_sample_size.size(), 2U);
  EXPECT_DOUBLE_EQ(answer.horizon->discounted, (1.5 + 1.0 + 1.0) / 3.0);
  EXPECT_DOUBLE_EQ(ValueOfLog(log, question).value, (4.5 + 4.0 + 5.0) / 3.0);
  question.estimators = {"seqdr"};
  EXPECT_EQ(test::ErrorOf([&] { (void)EvaluatePolicy(log, policy, nullptr, question); }),
            "Usage: --estimators: no estimator for sessions is called so: 'seqdr'; expected some of tis, pdis, sntis, "
            "snpdis");
  question.estimators.clear();
  log.session_ids.clear();
  log.session.clear();
  EXPECT_EQ(test::ErrorOf([&] { (void)EvaluatePolicy(log, policy, nullptr, question); }),
            "Usage: --sessions: log.jsonl has decisions without sessions; expected a log that names sessions");
}

TEST(EvaluatePolicyTest, ItemsOfSeveralDrawsCountOnce) {
  const data::DecisionLog log = TwoItems(4000);
  const LogRounds rounds(log);
  const RewardModel model = RewardModel::Fit(rounds.rounds());
  const PolicyAnswer answer = EvaluatePolicy(log, Table(Repeated({.1, .9, 0.0}, 4000), 3), &model, {.draws = 3});
  const double first = 1.0 - .9 * .9 * .9;
  const double second = 1.0 - .1 * .1 * .1;
  EXPECT_NEAR(answer.shown, first + second, 1e-12);
  EXPECT_NEAR(answer.weights.mean.mean, 1.0, .05);
  EXPECT_TRUE(answer.flags.empty());
  const double truth = first * .2 + second * .8;
  for (const std::string name : {"ips", "snips", "dr", "sndr"}) {
    EXPECT_NEAR(RowNamed(answer, name).value, truth, .04) << name;
    EXPECT_LT(RowNamed(answer, name).interval.low, truth) << name;
    EXPECT_GT(RowNamed(answer, name).interval.high, truth) << name;
  }
  const PolicyAnswer unknown =
      EvaluatePolicy(log, Table(Repeated({.1, .8, .1}, 4000), 3), nullptr, {.estimators = {"snips"}, .draws = 3});
  EXPECT_NEAR(unknown.unseen_mass, first / (2.0 * first + 1.0 - .2 * .2 * .2), 1e-12) << "of the items shown";
}

// One decision in a hundred shows the item that the policy always shows.
TEST(EvaluatePolicyTest, FewDecisionsOfLargeWeightAreDoubtful) {
  std::vector<std::int32_t> item(2000, 0);
  std::vector<double> propensity(2000, .99);
  for (std::size_t at = 0; at < item.size(); at += 100) {
    item[at] = 1;
    propensity[at] = .01;
  }
  const data::DecisionLog log = LogOf(item, propensity, std::vector<double>(2000, 1.0), 1, 2);
  PolicyQuestion question;
  question.estimators = {"snips"};
  const PolicyAnswer answer = EvaluatePolicy(log, Table(Repeated({0.0, 1.0}, 2000), 2), nullptr, question);
  EXPECT_FALSE(answer.verdict.refused());
  ASSERT_EQ(answer.flags.size(), 2U);
  EXPECT_EQ(answer.flags[0], "effective sample size: '20.0' of 2,000 decisions; expected a tenth or more");
  EXPECT_EQ(answer.flags[1], "largest weight: '5.0' % of the sum of all; expected 1 % or less");
}

// Item 2 is never shown: nothing of the log says what it is worth.
TEST(EvaluatePolicyTest, WhatTheLogNeverShowsIsRefused) {
  const data::DecisionLog log = TwoItems(4000);
  PolicyQuestion question;
  question.estimators = {"snips"};
  const PolicyAnswer answer = EvaluatePolicy(log, Table(Repeated({.1, .5, .4}, 4000), 3), nullptr, question);
  EXPECT_NEAR(answer.unseen_mass, .4, 1e-12);
  ASSERT_TRUE(answer.verdict.refused());
  EXPECT_EQ(answer.verdict.reasons.front().failure, SupportFailure::kUncoveredMass);
}

// Where the log says what it could have shown, an item that merely was not drawn is not missing.
TEST(EvaluatePolicyTest, ALoggedLawSaysWhatIsMissing) {
  data::DecisionLog log = TwoItems(4000);
  for (std::int64_t decision = 0; decision < log.size(); ++decision) {
    log.candidates.AddRow(std::vector<std::int32_t>{0, 1, 2});
    for (const double probability : {.5, .49, .01}) {
      log.candidate_probability.push_back(probability);
    }
  }
  PolicyQuestion question;
  question.estimators = {"snips"};
  const PolicyAnswer answer = EvaluatePolicy(log, Table(Repeated({.1, .5, .4}, 4000), 3), nullptr, question);
  EXPECT_TRUE(answer.logging_known);
  EXPECT_EQ(answer.unseen_mass, 0.0);
}

TEST(EvaluatePolicyTest, Slates) {
  // Two slates of two; the law of the second slot is that of what is left.
  const data::DecisionLog log = LogOf({0, 1, 2, 0}, {.5, .5, .25, .5}, {1.0, 2.0, 0.0, 4.0}, 2, 3);
  const Table policy({.25, .25, .5, 0.0, .75, .25, .5, 0.0, .5, .5, .5, 0.0}, 3);
  const PolicyAnswer answer = EvaluatePolicy(log, policy, nullptr, {});
  EXPECT_EQ(answer.slate, 2);
  // Ratios: .25 / .5, .75 / .5; .5 / .25, .5 / .5.
  EXPECT_DOUBLE_EQ(RowNamed(answer, "sips").value, (.5 * 1.5 * 3.0 + 2.0 * 1.0 * 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(RowNamed(answer, "rips").value, (.5 * 1.0 + .75 * 2.0 + 2.0 * 0.0 + 2.0 * 4.0) / 2.0);
  EXPECT_DOUBLE_EQ(ValueOfLog(log).value, 3.5);
}

TEST(EvaluatePolicyTest, RefusesWhatItCannotAnswer) {
  const data::DecisionLog log = TwoItems(10);
  const Table policy(Repeated({.5, .5, 0.0}, 10), 3);
  PolicyQuestion question;
  question.estimators = {"snip"};
  const std::string unknown = test::ErrorOf([&] { EvaluatePolicy(log, policy, nullptr, question); });
  EXPECT_TRUE(unknown.starts_with(
      "Usage: --estimators: no estimator for single actions is called so: 'snip'; expected some of ips"))
      << unknown;
  const data::DecisionLog slates = LogOf({0, 1, 2, 0}, {.5, .5, .25, .5}, {1.0, 2.0, 0.0, 4.0}, 2, 3);
  EXPECT_EQ(test::ErrorOf([&] { EvaluatePolicy(slates, policy, nullptr, {.draws = 2}); }),
            "Usage: --top-k: the log has slates of '2'; expected a log of single actions, or 1");
  data::DecisionLog ragged = LogOf({0, 1, 2, 0}, {.5, .5, .25, .5}, {1.0, 2.0, 0.0, 4.0}, 2, 3);
  ragged.first = {0, 1, 4};
  EXPECT_EQ(test::ErrorOf([&] { EvaluatePolicy(ragged, policy, nullptr, {}); }),
            "Data: log.jsonl: slates have different lengths: '1' and '3'; expected one length");
  data::DecisionLog dropped = log;
  dropped.drop_rate.assign(10, .5);
  dropped.drop_rate[4] = .25;
  EXPECT_EQ(test::ErrorOf([&] { EvaluatePolicy(dropped, policy, nullptr, {}); }),
            "Data: log.jsonl: decisions were left out at different rates: '0.5' and '0.25'; expected one rate");
}

}  // namespace
}  // namespace recforce::ope
