// SPDX-License-Identifier: Apache-2.0
// Intervals and lower bounds of known rounds; how often they hold is in unbiased_test.cpp.
#include "recforce/ope/intervals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ope/quantile.h"
#include "recforce/base/threads.h"
#include "recforce/ope/estimators.h"
#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

using test::Column;
using test::ErrorOf;
using test::GoldenRounds;

TEST(OpeIntervals, LowerBoundsOfKnownRounds) {
  const GoldenRounds golden;
  const Terms ips = Estimate(Estimator::kIps, golden.rounds());
  const Column& values = ips.ratios.front().numerator;
  EXPECT_NEAR(StudentLowerBound(values), -0.231459, 5e-7);
  EXPECT_NEAR(HoeffdingLowerBound(values, 8.0), -1.733265, 5e-7);
  EXPECT_NEAR(BernsteinLowerBound(values, 8.0), -14.871555, 5e-7);
}

TEST(OpeIntervals, EveryEstimateLiesInItsIntervals) {
  const GoldenRounds golden;
  for (const EstimatorInfo& info : Estimators()) {
    const Terms terms = Estimate(info.estimator, golden.rounds());
    for (const Interval& interval : {BootstrapInterval(terms, {.replicates = 2000}), DeltaInterval(terms),
                                     StudentInterval(terms), StudentInterval(terms, 0.5)}) {
      EXPECT_LE(interval.low, terms.Value()) << info.name;
      EXPECT_GE(interval.high, terms.Value()) << info.name;
    }
  }
}

TEST(OpeIntervals, DeltaMethodOfARatio) {
  const GoldenRounds golden;
  const Terms snips = Estimate(Estimator::kSnips, golden.rounds());
  double squares = 0.0;
  double weights = 0.0;
  for (std::size_t i = 0; i < 6; ++i) {
    squares += std::pow(golden.weight[i] * (golden.reward[i] - snips.Value()), 2);
    weights += golden.weight[i];
  }
  EXPECT_NEAR(StandardError(snips), std::sqrt(squares) / weights, 1e-14);
  EXPECT_NEAR(DeltaInterval(snips, 0.1).high - snips.Value(), NormalQuantile(0.95) * std::sqrt(squares) / weights,
              1e-12);
}

TEST(OpeIntervals, StudentIntervalOfAMeanByHand) {
  // Mean 2, var (1/n) 2/3: 2 -+ t_{.975,2} sqrt(2/3 / 2) = 2 -+ 4.302653 * .577350.
  const Terms terms = {{{{1.0, 2.0, 3.0}, {}}}};
  EXPECT_NEAR(StudentInterval(terms).low, 2.0 - 2.484138, 1e-6);
  EXPECT_NEAR(StudentInterval(terms).high, 2.0 + 2.484138, 1e-6);
}

// When every reward is 1 the ratio is 1 whatever is drawn. An interval of r w / mean(w) with the mean kept fixed would
// have the width of the weights.
TEST(OpeIntervals, BootstrapFormsTheRatioAnew) {
  const GoldenRounds golden;
  const Column ones(6, 1.0);
  Rounds rounds = golden.rounds();
  rounds.reward = ones;
  const Interval interval = BootstrapInterval(Estimate(Estimator::kSnips, rounds), {.replicates = 500});
  EXPECT_NEAR(interval.low, 1.0, 1e-12);
  EXPECT_NEAR(interval.high, 1.0, 1e-12);
  const Interval of_mean = BootstrapInterval(Estimate(Estimator::kIps, rounds), {.replicates = 500});
  EXPECT_GT(of_mean.high - of_mean.low, 1.0);
}

TEST(OpeIntervals, BootstrapOfNarrowerLevelsLiesWithin) {
  const GoldenRounds golden;
  const Terms terms = Estimate(Estimator::kSndr, golden.rounds());
  const Interval wide = BootstrapInterval(terms, {.alpha = 0.01});
  const Interval usual = BootstrapInterval(terms);
  const Interval narrow = BootstrapInterval(terms, {.alpha = 0.5});
  EXPECT_LT(wide.low, usual.low);
  EXPECT_LT(usual.low, narrow.low);
  EXPECT_GT(wide.high, usual.high);
  EXPECT_GT(usual.high, narrow.high);
}

TEST(OpeIntervals, BootstrapDoesNotDependOnThreads) {
  const GoldenRounds golden;
  const Terms terms = Estimate(Estimator::kSnips, golden.rounds());
  const int before = base::Threads();
  base::SetThreads(1);
  const Interval one = BootstrapInterval(terms);
  base::SetThreads(3);
  const Interval three = BootstrapInterval(terms);
  base::SetThreads(before);
  EXPECT_EQ(one.low, three.low);
  EXPECT_EQ(one.high, three.high);
  EXPECT_NE(one.low, BootstrapInterval(terms, {.seed = 2}).low);
}

TEST(OpeIntervals, BootstrapOfSeveralIsThatOfEach) {
  const GoldenRounds golden;
  std::vector<Terms> all;
  for (const EstimatorInfo& info : Estimators()) {
    all.push_back(Estimate(info.estimator, golden.rounds()));
  }
  const BootstrapOptions options = {.replicates = 300, .seed = 5};
  const std::vector<Interval> together = BootstrapIntervals(all, options);
  ASSERT_EQ(together.size(), all.size());
  for (std::size_t at = 0; at < all.size(); ++at) {
    const Interval alone = BootstrapInterval(all[at], options);
    EXPECT_EQ(together[at].low, alone.low) << at;
    EXPECT_EQ(together[at].high, alone.high) << at;
  }
  all[2] = {{{{1.0, 2.0}, {}}}};
  EXPECT_EQ(ErrorOf([&] { (void)BootstrapIntervals(all, options); }),
            "Data: off-policy evaluation: rounds of an interval: 2 values; expected 6, as many as those of the first "
            "estimate");
}

// Rewards that rise through the log, and a weight of 30 in a hundred: groups of neighbours would have another spread.
TEST(OpeIntervals, BootstrapOfGroupsIsThatOfRounds) {
  constexpr int kRounds = 9001;  // groups of nine, and one of ten
  Column reward;
  Column weight;
  for (int i = 0; i < kRounds; ++i) {
    reward.push_back(i / static_cast<double>(kRounds));
    weight.push_back(i % 100 == 0 ? 30.0 : 0.7);
  }
  const Rounds rounds = {.reward = reward, .weight = weight};
  for (const Estimator estimator : {Estimator::kIps, Estimator::kSnips}) {
    const Terms terms = Estimate(estimator, rounds);
    const Interval by_rounds = BootstrapInterval(terms, {.replicates = 4000});
    const Interval by_groups = BootstrapInterval(terms, {.replicates = 4000, .most_units = 1000});
    // An end of 4,000 replicates has an error of 2 % of the half-width, the spread of 1,000 groups one of 2 %.
    const double half = 0.5 * (by_rounds.high - by_rounds.low);
    EXPECT_NEAR(by_groups.low, by_rounds.low, 0.12 * half);
    EXPECT_NEAR(by_groups.high, by_rounds.high, 0.12 * half);
    EXPECT_NE(by_groups.low, by_rounds.low);
  }
  // Groups are not quite equal; a mean is still over as many rounds as were drawn.
  const Terms ones = {{{Column(kRounds, 1.0), {}}}};
  const Interval of_ones = BootstrapInterval(ones, {.replicates = 100, .most_units = 1000});
  EXPECT_NEAR(of_ones.low, 1.0, 1e-12);
  EXPECT_NEAR(of_ones.high, 1.0, 1e-12);
}

// 40 values 0 and 1 in turn: the bootstrap's mean is binomial, of standard deviation .5 / sqrt(40) = .0791.
TEST(OpeIntervals, BootstrapOfABinomial) {
  Terms terms = {{{{}, {}}}};
  for (int i = 0; i < 40; ++i) {
    terms.ratios.front().numerator.push_back(i % 2);
  }
  const Interval interval = BootstrapInterval(terms);
  EXPECT_NEAR(interval.low, 0.5 - 1.96 * 0.0791, 0.0251);  // one of forty
  EXPECT_NEAR(interval.high, 0.5 + 1.96 * 0.0791, 0.0251);
}

TEST(OpeIntervals, RefuseBadInput) {
  const Terms one = {{{{1.0}, {}}}};
  const Terms two = {{{{1.0, 2.0}, {}}}};
  EXPECT_EQ(ErrorOf([&] { (void)BootstrapInterval(one); }),
            "Data: off-policy evaluation: rounds of an interval: 1; expected at least 2");
  EXPECT_EQ(ErrorOf([&] { (void)BootstrapInterval(two, {.alpha = 1.0}); }),
            "Data: off-policy evaluation: alpha of an interval: 1; expected a number between 0 and 1");
  EXPECT_EQ(ErrorOf([&] { (void)BootstrapInterval(two, {.replicates = 0}); }),
            "Data: off-policy evaluation: replicates of a bootstrap: 0; expected at least 1");
  EXPECT_EQ(ErrorOf([&] { (void)BootstrapInterval(two, {.most_units = 1}); }),
            "Data: off-policy evaluation: units of a bootstrap: 1; expected at least 2");
  EXPECT_EQ(ErrorOf([&] { (void)StudentInterval(one); }),
            "Data: off-policy evaluation: rounds of a lower bound: 1; expected at least 2");
  EXPECT_EQ(ErrorOf([&] {
              (void)HoeffdingLowerBound(Column{1.0, 3.0}, 2.0);
            }),
            "Data: off-policy evaluation: terms of a lower bound: 3; expected numbers up to 2");
  EXPECT_EQ(ErrorOf([&] {
              (void)BernsteinLowerBound(Column{1.0, -3.0}, 2.0);
            }),
            "Data: off-policy evaluation: terms of a lower bound: -3 at index 1; expected finite numbers from 0 on");
  EXPECT_EQ(ErrorOf([&] {
              (void)StudentLowerBound(Column{1.0, 3.0}, 0.0);
            }),
            "Data: off-policy evaluation: delta of a lower bound: 0; expected a number between 0 and 1");
}

}  // namespace
}  // namespace recforce::ope
