// SPDX-License-Identifier: Apache-2.0
// Estimators of single actions: known rounds, limits of lambda, bounds that hold for any weights, input that is
// refused.
#include "recforce/ope/estimators.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

using test::Column;
using test::ErrorOf;
using test::GoldenRounds;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kPrinted = 5e-7;  // six digits

double ValueOf(Estimator estimator, const Rounds& rounds, std::optional<double> lambda = std::nullopt) {
  return Estimate(estimator, rounds, lambda).Value();
}

TEST(OpeEstimators, KnownRounds) {
  const GoldenRounds golden;
  const Rounds rounds = golden.rounds();
  EXPECT_NEAR(ValueOf(Estimator::kIps, rounds), 2.263889, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kClippedIps, rounds, 3.0), 1.430556, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kSnips, rounds), 0.840825, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kDm, rounds), 0.561667, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kDr, rounds), 0.759286, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kClippedDr, rounds, 3.0), 0.675952, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kSndr, rounds), 0.635064, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kSwitchDr, rounds, 3.0), 0.625952, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kDrOs, rounds, 4.0), 0.583262, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kSubGaussianIps, rounds, 0.1), 1.613541, kPrinted);
  EXPECT_NEAR(ValueOf(Estimator::kSubGaussianDr, rounds, 0.1), 0.690319, kPrinted);
  EXPECT_DOUBLE_EQ(ValueOf(Estimator::kReplay, rounds), 3.0 / 5.0);
}

TEST(OpeEstimators, RelativesAgree) {
  const GoldenRounds golden;
  const Rounds rounds = golden.rounds();
  EXPECT_EQ(ValueOf(Estimator::kMrdr, rounds), ValueOf(Estimator::kDr, rounds));
  EXPECT_EQ(ValueOf(Estimator::kMips, rounds), ValueOf(Estimator::kIps, rounds));
  // Balanced weights count up to a factor.
  Column scaled = golden.weight;
  for (double& weight : scaled) {
    weight *= 7.0;
  }
  Rounds balanced = rounds;
  balanced.balanced_weight = scaled;
  EXPECT_DOUBLE_EQ(ValueOf(Estimator::kBalancedIps, balanced), ValueOf(Estimator::kSnips, rounds));
}

TEST(OpeEstimators, LimitsOfLambda) {
  const GoldenRounds golden;
  const Rounds rounds = golden.rounds();
  const double dm = ValueOf(Estimator::kDm, rounds);
  const double dr = ValueOf(Estimator::kDr, rounds);
  const double ips = ValueOf(Estimator::kIps, rounds);
  EXPECT_EQ(ValueOf(Estimator::kDrOs, rounds, 0.0), dm);
  EXPECT_EQ(ValueOf(Estimator::kDrOs, rounds, kInfinity), dr);
  EXPECT_NEAR(ValueOf(Estimator::kDrOs, rounds, 1e10), dr, 1e-5);
  EXPECT_EQ(ValueOf(Estimator::kSwitchDr, rounds, 0.0), dm);
  EXPECT_EQ(ValueOf(Estimator::kSwitchDr, rounds, 1e10), dr);
  EXPECT_EQ(ValueOf(Estimator::kSubGaussianDr, rounds, 0.0), dr);
  EXPECT_EQ(ValueOf(Estimator::kSubGaussianIps, rounds, 0.0), ips);
  EXPECT_EQ(ValueOf(Estimator::kClippedIps, rounds, kInfinity), ips);
  EXPECT_EQ(ValueOf(Estimator::kClippedDr, rounds, kInfinity), dr);
  EXPECT_EQ(ValueOf(Estimator::kClippedDr, rounds, 0.0), dm);
  // At lambda = 1 every weight above 0 becomes 1: the mean reward of what was logged.
  EXPECT_DOUBLE_EQ(ValueOf(Estimator::kSubGaussianIps, rounds, 1.0), 4.0 / 6.0);
  for (const EstimatorInfo& info : Estimators()) {
    EXPECT_EQ(ValueOf(info.estimator, rounds), ValueOf(info.estimator, rounds, NeutralLambda(info.shrinkage)))
        << info.name;
    for (const double lambda : LambdaGrid(info.shrinkage)) {
      EXPECT_TRUE(std::isfinite(ValueOf(info.estimator, rounds, lambda))) << info.name << " " << lambda;
    }
  }
}

TEST(OpeEstimators, ShrinkageAtZeroWeight) {
  EXPECT_EQ(Shrink(Shrinkage::kSubGaussian, 0.0, 1.0), 0.0);
  EXPECT_EQ(Shrink(Shrinkage::kOptimistic, 0.0, 0.0), 0.0);
  EXPECT_EQ(Shrink(Shrinkage::kSwitch, 3.0, 3.0), 3.0);
  EXPECT_DOUBLE_EQ(Shrink(Shrinkage::kOptimistic, 2.0, 4.0), 1.0);  // 4 * 2 / (4 + 4)
}

TEST(OpeEstimators, NothingGainedIsZero) {
  const GoldenRounds golden;
  const Column zeros(6, 0.0);
  Rounds rounds = golden.rounds();
  rounds.reward = zeros;
  rounds.q_logged = zeros;
  rounds.q_policy = zeros;
  for (const EstimatorInfo& info : Estimators()) {
    EXPECT_EQ(ValueOf(info.estimator, rounds), 0.0) << info.name;
  }
  // Nothing to divide by.
  rounds = golden.rounds();
  rounds.match = zeros;
  rounds.weight = zeros;
  EXPECT_EQ(ValueOf(Estimator::kReplay, rounds), 0.0);
  EXPECT_EQ(ValueOf(Estimator::kSnips, rounds), 0.0);
  EXPECT_EQ(ValueOf(Estimator::kSndr, rounds), ValueOf(Estimator::kDm, rounds));
}

TEST(OpeEstimators, SelfNormalisationBoundsAnyWeights) {
  const bool holds = rc::check("0 <= snips <= 1 and -1 <= sndr <= 2 for rewards and predictions in [0, 1]", [] {
    const auto n = *rc::gen::inRange<std::size_t>(1, 30);
    Column reward(n);
    Column weight(n);
    Column q_logged(n);
    Column q_policy(n);
    for (std::size_t i = 0; i < n; ++i) {
      reward[i] = *rc::gen::inRange(0, 2);
      // As if propensities had been cubed.
      weight[i] = std::pow(*rc::gen::inRange(0, 1000) / 10.0, 3);
      q_logged[i] = *rc::gen::inRange(0, 101) / 100.0;
      q_policy[i] = *rc::gen::inRange(0, 101) / 100.0;
    }
    const Rounds rounds = {.reward = reward, .weight = weight, .q_logged = q_logged, .q_policy = q_policy};
    const double snips = ValueOf(Estimator::kSnips, rounds);
    RC_ASSERT(snips >= 0.0 && snips <= 1.0 + 1e-12);
    const double sndr = ValueOf(Estimator::kSndr, rounds);
    RC_ASSERT(sndr >= -1.0 - 1e-12 && sndr <= 2.0 + 1e-12);
  });
  EXPECT_TRUE(holds);
}

TEST(OpeEstimators, LinearisedTermsAverageToTheValue) {
  const GoldenRounds golden;
  for (const EstimatorInfo& info : Estimators()) {
    const Terms terms = Estimate(info.estimator, golden.rounds());
    double sum = 0.0;
    for (const double term : terms.Linearised()) {
      sum += term;
    }
    EXPECT_NEAR(sum / 6.0, terms.Value(), 1e-14) << info.name;
    EXPECT_EQ(terms.IsMean(), !info.self_normalised) << info.name;
    EXPECT_EQ(terms.rounds(), 6U) << info.name;
  }
}

TEST(OpeEstimators, NamesAreFound) {
  std::set<std::string_view> names;
  for (const EstimatorInfo& info : Estimators()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindEstimator(info.name), info.estimator);
    EXPECT_EQ(&InfoOf(info.estimator), &info);
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"replay", "ips", "cips", "snips", "sgips", "dm", "dr", "cdr", "sndr",
                                               "switch", "dros", "sgdr", "mrdr", "mips", "bips"}));
  EXPECT_EQ(FindEstimator("IPS"), std::nullopt);
}

TEST(OpeEstimators, ReadsOnlyTheColumnsItNeeds) {
  const GoldenRounds golden;
  EXPECT_NEAR(ValueOf(Estimator::kIps, {.reward = golden.reward, .weight = golden.weight}), 2.263889, kPrinted);
  EXPECT_EQ(ErrorOf([&] { (void)Estimate(Estimator::kDr, {.reward = golden.reward, .weight = golden.weight}); }),
            "Data: off-policy evaluation: dr: predicted rewards of logged actions: 0 values; expected 6, one for each "
            "round");
  EXPECT_EQ(ErrorOf([&] { (void)Estimate(Estimator::kMips, {.reward = golden.reward, .weight = golden.weight}); }),
            "Data: off-policy evaluation: mips: marginal weights: 0 values; expected 6, one for each round");
}

TEST(OpeEstimators, RefusesBadInput) {
  const GoldenRounds golden;
  const auto error = [&](Estimator estimator, auto change, std::optional<double> lambda = std::nullopt) {
    Rounds rounds = golden.rounds();
    change(rounds);
    return ErrorOf([&] { (void)Estimate(estimator, rounds, lambda); });
  };
  const Column negative = {1.0, -0.5, 1.0, 1.0, 1.0, 1.0};
  const Column undefined = {1.0, 1.0, std::nan(""), 1.0, 1.0, 1.0};
  const Column huge(6, 1e308);
  EXPECT_EQ(error(Estimator::kIps, [](Rounds& rounds) { rounds.reward = {}; }),
            "Data: off-policy evaluation: rounds: 0; expected at least 1");
  EXPECT_EQ(error(Estimator::kIps, [&](Rounds& rounds) { rounds.reward = undefined; }),
            "Data: off-policy evaluation: rewards: nan at index 2; expected finite numbers");
  EXPECT_EQ(error(Estimator::kIps, [&](Rounds& rounds) { rounds.weight = negative; }),
            "Data: off-policy evaluation: importance weights: -0.5 at index 1; expected finite numbers from 0 on");
  EXPECT_EQ(error(Estimator::kReplay, [&](Rounds& rounds) { rounds.match = rounds.weight; }),
            "Data: off-policy evaluation: matches with the policy: 2.9999999999999996 at index 0; expected 0 or 1");
  EXPECT_EQ(error(Estimator::kIps, [&](Rounds& rounds) { rounds.reward = rounds.weight = huge; }),
            "Data: off-policy evaluation: weighted rewards: inf at index 0; expected finite numbers");
  const auto nothing = [](Rounds&) {};
  EXPECT_EQ(error(Estimator::kSubGaussianDr, nothing, 1.5),
            "Data: off-policy evaluation: lambda of sgdr: 1.5; expected a number from 0 to 1");
  EXPECT_EQ(error(Estimator::kSwitchDr, nothing, std::nan("")),
            "Data: off-policy evaluation: lambda of switch: nan; expected a number from 0 on, or infinity");
}

}  // namespace
}  // namespace recforce::ope
