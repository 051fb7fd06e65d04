// SPDX-License-Identifier: Apache-2.0
// A policy of factors against its formula, and in an evaluation against columns made by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/ope/evaluate_policy.h"
#include "recforce/ope/policies.h"
#include "recforce/ope/reward_model.h"
#include "support/decisions.h"
#include "support/error_of.h"

namespace recforce::ope {
namespace {

using test::ErrorOf;
using test::FullLog;
using test::SingleActions;
using Doubles = std::vector<double>;

// Factors that make logits as they are read: user (1, x), items (0, ln weight).
const std::vector<float> kUsers = {1.0F, 1.0F, 1.0F, 2.0F};
const std::vector<float> kItems = {0.0F, std::log(1.0F), 0.0F, std::log(2.0F), 0.0F, std::log(5.0F)};

SoftmaxFactors Factors() {
  return {.users = {kUsers.data(), 2, 2}, .user_row = {}, .items = {kItems.data(), 3, 2}, .bias = {}};
}

void ExpectLaw(const ActionDistribution& policy, std::int64_t round, const Doubles& expected) {
  Doubles out(expected.size(), -1.0);
  policy.Probabilities(round, out);
  for (std::size_t item = 0; item < expected.size(); ++item) {
    EXPECT_NEAR(out[item], expected[item], 1e-7) << round << ' ' << item;
  }
}

TEST(SoftmaxPolicy, IsExpOfProductsOverTheirSum) {
  const auto log = SingleActions({0, 1}, {0.5, 0.5}, {0, 1}, 3);
  const auto policy = Softmax(Factors(), log);
  ExpectLaw(*policy, 0, {1.0 / 8, 2.0 / 8, 5.0 / 8});
  ExpectLaw(*policy, 1, {1.0 / 30, 4.0 / 30, 25.0 / 30});
  SoftmaxFactors other = Factors();
  const std::vector<float> bias = {std::log(9.0F), 0.0F, 0.0F};
  const std::vector<std::int64_t> rows = {1, 0};
  other.bias = bias;
  other.user_row = rows;
  other.temperature = 2.0;
  ExpectLaw(*Softmax(other, log), 0, {3.0 / 10, 2.0 / 10, 5.0 / 10});
}

TEST(SoftmaxPolicy, IsAmongWhatMayStillBeShown) {
  const auto log = FullLog();  // candidates c b a, shown c a; candidates a b, shown a b
  const auto policy = Softmax(Factors(), log);
  ExpectLaw(*policy, 0, {1.0 / 8, 2.0 / 8, 5.0 / 8});
  ExpectLaw(*policy, 1, {1.0 / 3, 2.0 / 3, 0.0});
  ExpectLaw(*policy, 2, {1.0 / 5, 4.0 / 5, 0.0});
  ExpectLaw(*policy, 3, {0.0, 1.0, 0.0});
  auto open = FullLog();
  open.candidates = {};
  open.candidate_probability.clear();
  ExpectLaw(*Softmax(Factors(), open), 3, {0.0, 4.0 / 29, 25.0 / 29});
}

TEST(SoftmaxPolicy, RefusesWhatDoesNotFit) {
  const auto log = SingleActions({0, 1}, {0.5, 0.5}, {0, 1}, 3);
  const auto error = [&log](const auto& change) {
    SoftmaxFactors factors = Factors();
    change(factors);
    return ErrorOf([&] { (void)Softmax(factors, log); });
  };
  EXPECT_EQ(error([](SoftmaxFactors& f) { f.temperature = 0.0; }),
            "Usage: softmax policy: temperature is '0'; expected a number above 0");
  EXPECT_EQ(error([](SoftmaxFactors& f) { f.items.rows = 2; }),
            "Data: off-policy evaluation: factors of items: 2 values; expected 3, one row for each item");
  EXPECT_EQ(error([](SoftmaxFactors& f) { f.users.rows = 1; }),
            "Data: off-policy evaluation: factors of users: 1 values; expected 2, one row for each decision");
  const std::vector<std::int64_t> rows = {0, 2};
  EXPECT_EQ(error([&rows](SoftmaxFactors& f) { f.user_row = rows; }),
            "Data: off-policy evaluation: rows of users: 2; expected numbers from 0 to 1");
  const std::vector<float> bias = {0.0F, NAN, 0.0F};
  EXPECT_EQ(error([&bias](SoftmaxFactors& f) { f.bias = bias; }),
            "Data: off-policy evaluation: biases of items: nan at index 1; expected finite numbers");
}

// More rounds than are asked for at once, an item that is never shown, and a model of rewards.
TEST(SoftmaxPolicy, IsEvaluatedRoundByRound) {
  constexpr std::int64_t kRounds = 75;
  constexpr std::int64_t kActions = 11;
  base::Rng rng(6, base::Stream::kTest);
  std::vector<std::int32_t> items;
  Doubles rewards;
  std::vector<float> users;
  std::vector<float> actions;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    items.push_back(static_cast<std::int32_t>(rng.Below(kActions - 1)));
    rewards.push_back(rng.Uniform());
    users.push_back(static_cast<float>(rng.Normal()));
  }
  for (std::int64_t action = 0; action < kActions; ++action) {
    actions.push_back(static_cast<float>(0.5 * rng.Normal()));
  }
  auto log = SingleActions(items, Doubles(kRounds, 0.1), rewards, kActions);
  log.context_names = {"x"};
  log.context = users;
  const auto policy =
      Softmax({.users = log.context_rows(), .user_row = {}, .items = {actions.data(), kActions, 1}, .bias = {}}, log);
  const LogRounds rounds(log);
  const RewardModel model = RewardModel::Fit(rounds.rounds());
  const PolicyAnswer answer =
      EvaluatePolicy(log, *policy, &model, {.estimators = {"ips", "dm", "dr"}, .bootstrap = {.replicates = 50}});
  double ips = 0.0;
  double dm = 0.0;
  double dr = 0.0;
  double unseen = 0.0;
  for (std::int64_t round = 0; round < kRounds; ++round) {
    const auto at = static_cast<std::size_t>(round);
    double sum = 0.0;
    Doubles law;
    for (const float action : actions) {
      law.push_back(std::exp(static_cast<double>(action) * users[at]));
      sum += law.back();
    }
    double expected = 0.0;
    for (std::int32_t action = 0; action < kActions; ++action) {
      law[static_cast<std::size_t>(action)] /= sum;
      expected += law[static_cast<std::size_t>(action)] * model.PredictOne(round, action);
    }
    const double weight = law[static_cast<std::size_t>(items[at])] / 0.1;
    ips += weight * rewards[at] / kRounds;
    dm += expected / kRounds;
    dr += (expected + weight * (rewards[at] - model.PredictOne(round, items[at]))) / kRounds;
    unseen += law.back() / kRounds;
  }
  EXPECT_NEAR(answer.estimates[0].value, ips, 1e-12);
  EXPECT_NEAR(answer.estimates[1].value, dm, 1e-12);
  EXPECT_NEAR(answer.estimates[2].value, dr, 1e-12);
  EXPECT_NEAR(answer.unseen_mass, unseen, 1e-12);
}

}  // namespace
}  // namespace recforce::ope
