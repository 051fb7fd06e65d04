// SPDX-License-Identifier: Apache-2.0
// Both rules on rounds of which one in ten has the weight 10 and the others 0, all with reward 1: clipped at c, the
// estimate is c / 10, its variance .09 c^2 and its bias 1 - c / 10.
#include "recforce/ope/tuning.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

using test::Column;
using test::ErrorOf;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct OneInTen {
  explicit OneInTen(std::size_t tens) : reward(10 * tens, 1.0), weight(10 * tens, 0.0), q_logged(10 * tens, 1.0) {
    for (std::size_t i = 0; i < tens; ++i) {
      weight[10 * i] = 10.0;
    }
  }
  [[nodiscard]] Rounds rounds() const {
    return {.reward = reward, .weight = weight, .q_logged = q_logged, .q_policy = q_logged};
  }
  Column reward;
  Column weight;
  Column q_logged;
};

const Column kCandidates = {1.0, 5.0, kInfinity};

TEST(OpeTuning, MseTradesVarianceForBias) {
  const OneInTen few(2);
  const Tuning of_few = ChooseByMse(Estimator::kClippedIps, few.rounds(), kCandidates, {.upper_bound = false});
  EXPECT_NEAR(of_few.score[0], 0.09 / 20 + 0.81, 1e-12);
  EXPECT_NEAR(of_few.score[1], 2.25 / 20 + 0.25, 1e-12);
  EXPECT_NEAR(of_few.score[2], 9.0 / 20, 1e-12);
  EXPECT_EQ(of_few.best, 1U);
  EXPECT_EQ(of_few.lambda, 5.0);
  const OneInTen many(100);
  EXPECT_EQ(ChooseByMse(Estimator::kClippedIps, many.rounds(), kCandidates, {.upper_bound = false}).lambda, kInfinity);
}

TEST(OpeTuning, MseWithTheBiasBounded) {
  const OneInTen rounds(2);
  // mean(w^2) = 10, max(w) = 10, n = 20, ln(2 / .05) = 3.688879.
  const double margin = std::sqrt(2.0 * 10.0 * 3.6888794541139363 / 20.0) + 2.0 * 10.0 * 3.6888794541139363 / 60.0;
  const Tuning tuning = ChooseByMse(Estimator::kClippedIps, rounds.rounds(), kCandidates);
  EXPECT_NEAR(tuning.score[0], 0.09 / 20 + std::pow(0.9 + margin, 2), 1e-12);
  EXPECT_NEAR(tuning.score[2], 9.0 / 20 + margin * margin, 1e-12);
}

TEST(OpeTuning, PredictionsWithoutResidualsHaveNoBias) {
  // Every candidate gives 1 without variance: the first is taken.
  const OneInTen rounds(2);
  for (const Estimator estimator :
       {Estimator::kClippedDr, Estimator::kSwitchDr, Estimator::kDrOs, Estimator::kSubGaussianDr}) {
    const Tuning tuning = ChooseByMse(estimator, rounds.rounds(), Column{0.5, 0.1}, {.upper_bound = false});
    EXPECT_EQ(tuning.best, 0U);
    EXPECT_EQ(tuning.score, (Column{0.0, 0.0}));
  }
}

TEST(OpeTuning, SlopeStopsWhereNarrowIntervalsLeaveWideOnes) {
  // n = 20: widths t_{.9,19} 3 / sqrt(19) (c / 10) = .91382 c / 10. From 1 to .1 is .9 <= .0914 + 1.449 * .9138.
  const OneInTen few(2);
  const Tuning of_few = ChooseBySlope(Estimator::kClippedIps, few.rounds(), kCandidates);
  EXPECT_NEAR(of_few.score[2], 1.3277282 * 3.0 / std::sqrt(19.0), 1e-6);
  EXPECT_NEAR(of_few.score[0], 0.1 * of_few.score[2], 1e-12);
  EXPECT_EQ(of_few.lambda, 1.0);
  // n = 100: widths .3890, .1945 and .0389. From 1 to .5 is .5 <= .1945 + .5638; to .1 is .9 > .0389 + .5638.
  const OneInTen some(10);
  EXPECT_EQ(ChooseBySlope(Estimator::kClippedIps, some.rounds(), kCandidates).lambda, 5.0);
  // n = 10,000: nothing narrower agrees with the widest.
  const OneInTen many(1000);
  EXPECT_EQ(ChooseBySlope(Estimator::kClippedIps, many.rounds(), kCandidates).lambda, kInfinity);
}

// At n = 100 a clip c passes if 1 - c / 10 <= .3890 c / 10 + .5638: from 3.141 on.
TEST(OpeTuning, SlopeDoesNotDependOnTheOrderOfCandidates) {
  const OneInTen rounds(10);
  const Tuning tuning = ChooseBySlope(Estimator::kClippedIps, rounds.rounds(), Column{3.5, kInfinity, 3.0});
  EXPECT_EQ(tuning.best, 0U);
  EXPECT_EQ(tuning.lambda, 3.5);
}

TEST(OpeTuning, RefusesBadInput) {
  const OneInTen rounds(2);
  EXPECT_EQ(ErrorOf([&] { (void)ChooseBySlope(Estimator::kIps, rounds.rounds(), kCandidates); }),
            "Data: off-policy evaluation: choice of lambda: ips has none; expected an estimator that shrinks weights");
  EXPECT_EQ(ErrorOf([&] { (void)ChooseByMse(Estimator::kClippedIps, rounds.rounds(), {}); }),
            "Data: off-policy evaluation: candidates for lambda: 0; expected at least 1");
  EXPECT_EQ(ErrorOf([&] { (void)ChooseByMse(Estimator::kClippedIps, rounds.rounds(), Column{-1.0}); }),
            "Data: off-policy evaluation: lambda of cips: -1; expected a number from 0 on, or infinity");
}

}  // namespace
}  // namespace recforce::ope
