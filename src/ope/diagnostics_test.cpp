// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/error_of.h"
#include "support/ope_rounds.h"

namespace recforce::ope {
namespace {

using test::Column;
using test::ErrorOf;
using test::GoldenRounds;

TEST(OpeDiagnostics, EffectiveSampleSize) {
  EXPECT_NEAR(EffectiveSampleSize(GoldenRounds().weight), 3.218613, 5e-7);
  EXPECT_DOUBLE_EQ(EffectiveSampleSize(Column(5, 0.3)), 5.0);
  EXPECT_DOUBLE_EQ(EffectiveSampleSize(Column{0.0, 2.0, 0.0}), 1.0);
  EXPECT_EQ(EffectiveSampleSize(Column{0.0, 0.0}), 0.0);
  EXPECT_DOUBLE_EQ(EffectiveSampleSize(Column{1e200, 1e200}), 2.0);  // whose squares overflow
}

TEST(OpeDiagnostics, SummaryByHand) {
  const Column weight = {0.0, 1.0, 2.0, 5.0};
  const WeightSummary summary = SummariseWeights(weight, 1.5);
  EXPECT_EQ(summary.mean.rounds, 4);
  EXPECT_DOUBLE_EQ(summary.mean.mean, 2.0);
  EXPECT_DOUBLE_EQ(summary.mean.standard_error, std::sqrt(3.5 / 3.0));  // var (4 + 1 + 0 + 9) / 4
  EXPECT_TRUE(summary.mean.is_one);
  EXPECT_EQ(summary.max, 5.0);
  EXPECT_DOUBLE_EQ(summary.clipped_share, 0.5);
  EXPECT_DOUBLE_EQ(summary.effective_sample_size, 64.0 / 30.0);
  // Nearest ranks of 0, .01, .05, .25, .5, .75, .95, .99, 1.
  EXPECT_EQ(summary.quantiles, (std::array<double, 9>{0, 0, 0, 0, 1, 2, 5, 5, 5}));
  EXPECT_EQ(SummariseWeights(weight, 2.0).clipped_share, 0.25);
  EXPECT_EQ(SummariseWeights(weight).clipped_share, 0.0);
}

TEST(OpeDiagnostics, MeanBySegment) {
  const std::vector<MeanWeight> segments =
      MeanWeightBySegment(Column{1.0, 5.0, 1.0, 5.0, 3.0}, std::vector<std::int32_t>{0, 2, 0, 2, 3}, 4);
  ASSERT_EQ(segments.size(), 4U);
  EXPECT_TRUE(segments[0].is_one);
  EXPECT_EQ(segments[0].standard_error, 0.0);
  EXPECT_EQ(segments[1].rounds, 0);
  EXPECT_EQ(segments[1].mean, 0.0);
  EXPECT_FALSE(segments[2].is_one);
  EXPECT_EQ(segments[2].mean, 5.0);
  // One round says nothing of its spread.
  EXPECT_TRUE(segments[3].is_one);
  EXPECT_TRUE(std::isinf(segments[3].standard_error));
}

TEST(OpeDiagnostics, UncoveredMass) {
  const Column policy = {0.5, 0.3, 0.2, 0.1, 0.9, 0.0};
  const Column logging = {0.0, 0.99, 0.01, 0.5, 0.5, 0.0};
  EXPECT_EQ(UncoveredMass(policy, logging, 3), (Column{0.5, 0.0}));
  EXPECT_EQ(UncoveredMass(policy, logging, 3, 0.02), (Column{0.7, 0.0}));
}

TEST(OpeDiagnostics, LoggingFitByHand) {
  // Foreseen .8 twice and .2 twice; the logged actions are 0 and 1, each half of the time.
  const LoggingFit fit = CheckLoggingFit(Column{0.85, 0.15, 0.85, 0.15}, std::vector<std::int32_t>{0, 1}, 2);
  EXPECT_NEAR(fit.log_loss, -0.5 * (std::log(0.85) + std::log(0.15)), 1e-12);
  EXPECT_NEAR(fit.marginal_log_loss, std::log(2.0), 1e-12);
  EXPECT_NEAR(fit.calibration_error, (0.7 + 0.7) / 2.0, 1e-12);  // 1.7 foreseen of 1 seen, .3 of 1
  const LoggingFit exact = CheckLoggingFit(Column{1.0, 0.0, 0.0, 1.0}, std::vector<std::int32_t>{0, 1}, 2);
  EXPECT_EQ(exact.log_loss, 0.0);
  EXPECT_EQ(exact.calibration_error, 0.0);
  EXPECT_TRUE(std::isinf(CheckLoggingFit(Column{1.0, 0.0}, std::vector<std::int32_t>{1}, 2).log_loss));
}

// Twenty weights around 1.
WeightSummary Sound() {
  Column weight(10, 0.5);
  weight.resize(20, 1.5);
  return SummariseWeights(weight);
}

TEST(OpeDiagnostics, SoundSupportIsNotRefused) {
  EXPECT_FALSE(JudgeSupport(Sound()).refused());
  EXPECT_FALSE(JudgeSupport(Sound(), 0.05).refused());
}

TEST(OpeDiagnostics, RefusesUncoveredMass) {
  const Verdict verdict = JudgeSupport(Sound(), 0.12);
  ASSERT_EQ(verdict.reasons.size(), 1U);
  EXPECT_EQ(verdict.reasons[0].failure, SupportFailure::kUncoveredMass);
  EXPECT_EQ(verdict.reasons[0].message,
            "share of the policy on actions that logging never takes: 12.0 %; expected at most 5.0 %");
  EXPECT_FALSE(JudgeSupport(Sound(), 0.12, {.max_uncovered_mass = 0.2}).refused());
  EXPECT_TRUE(JudgeSupport(Sound(), std::nan("")).refused());
}

TEST(OpeDiagnostics, RefusesFewEffectiveRounds) {
  const Verdict verdict = JudgeSupport(SummariseWeights(GoldenRounds().weight));
  ASSERT_EQ(verdict.reasons.size(), 1U);
  EXPECT_EQ(verdict.reasons[0].failure, SupportFailure::kEffectiveSampleSize);
  EXPECT_EQ(verdict.reasons[0].message, "effective sample size: 3.2 of 6 rounds; expected at least 10.0");
  // A thousandth of the rounds is asked for as well: 15 equal weights of 15,000 and of 20,000.
  Column weight(15000, 0.0);
  std::fill(weight.begin(), weight.begin() + 15, 1000.0);
  EXPECT_FALSE(JudgeSupport(SummariseWeights(weight)).refused());
  weight.resize(20000, 0.0);
  const Verdict large = JudgeSupport(SummariseWeights(weight));
  ASSERT_TRUE(large.refused());
  EXPECT_EQ(large.reasons[0].message, "effective sample size: 15.0 of 20,000 rounds; expected at least 20.0");
}

TEST(OpeDiagnostics, RefusesAMeanWeightThatIsNotOne) {
  // Mean 1.2 with an error of .1 / sqrt(99) each way.
  Column weight(50, 1.1);
  weight.resize(100, 1.3);
  const Verdict verdict = JudgeSupport(SummariseWeights(weight));
  ASSERT_EQ(verdict.reasons.size(), 1U);
  EXPECT_EQ(verdict.reasons[0].failure, SupportFailure::kMeanWeight);
  EXPECT_EQ(verdict.reasons[0].message,
            "mean weight: 1.2000 with a standard error of 0.0101; expected 1 within 3 standard errors or 5.0 %");
  // Significant but small, and large but not significant.
  EXPECT_FALSE(JudgeSupport(SummariseWeights(Column(100, 1.04))).refused());
  Column loud(80, 0.0);
  loud.resize(100, 7.0);
  EXPECT_FALSE(JudgeSupport(SummariseWeights(loud)).refused());
}

TEST(OpeDiagnostics, AllReasonsAreGiven) {
  EXPECT_EQ(JudgeSupport(SummariseWeights(Column(100, 0.0)), 1.0).reasons.size(), 3U);
}

TEST(OpeDiagnostics, RefusesBadInput) {
  EXPECT_EQ(ErrorOf([] { (void)SummariseWeights({}); }),
            "Data: off-policy evaluation: weights: 0; expected at least 1");
  EXPECT_EQ(ErrorOf([] {
              (void)SummariseWeights(Column{1.0, std::nan("")});
            }),
            "Data: off-policy evaluation: weights: nan at index 1; expected finite numbers");
  EXPECT_EQ(ErrorOf([] {
              (void)UncoveredMass(Column{1.0}, Column{1.0, 0.0}, 1);
            }),
            "Data: off-policy evaluation: the logging policy's probabilities: 2 values; expected 1, one for each round "
            "and action");
  EXPECT_EQ(ErrorOf([] { (void)MeanWeightBySegment(Column{1.0}, std::vector<std::int32_t>{1}, 1); }),
            "Data: off-policy evaluation: segments of rounds: 1 at index 0; expected numbers from 0 to 0");
}

}  // namespace
}  // namespace recforce::ope
