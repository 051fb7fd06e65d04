// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/correction.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

struct Golden {
  std::int64_t k;
  double pi, lambda, alpha;
};

TEST(CorrectionTest, GoldenMultipliers) {
  const std::vector<Golden> golden = {{2, .1, 1.8, .19},
                                      {2, .5, 1.0, .75},
                                      {2, .9, .2, .99},
                                      {8, .01, 7.45652278, .0772553056},
                                      {8, .1, 3.8263752, .56953279},
                                      {16, 1e-4, 15.9760168, .00159880056},
                                      {16, .01, 13.7609337, .148542229},
                                      {16, .1, 3.29425811, .814697981},
                                      {16, .5, 4.8828125e-4, 1.0 - std::pow(.5, 16)},
                                      {32, .01, 23.4337078, .275019664},
                                      {32, .1, 1.22086536, .965663162}};
  for (const Golden& row : golden) {
    EXPECT_NEAR(TopKMultiplier(std::log(row.pi), row.k), row.lambda, 5e-9 * std::max(1.0, row.lambda) * 10);
    EXPECT_NEAR(InclusionProbability(std::log(row.pi), row.k), row.alpha, 5e-10);
  }
}

TEST(CorrectionTest, MultiplierIsTheSlopeOfInclusion) {
  for (const std::int64_t k : {1, 2, 7, 16}) {
    for (const double pi : {1e-6, 1e-3, .05, .2, .5, .7, .95}) {
      if (InclusionProbability(std::log(pi), k) > .999) {
        continue;  // a difference of two numbers near 1 says nothing
      }
      const double h = 1e-4 * pi * (1.0 - pi);
      const double slope =
          (InclusionProbability(std::log(pi + h), k) - InclusionProbability(std::log(pi - h), k)) / (2.0 * h);
      EXPECT_NEAR(TopKMultiplier(std::log(pi), k) / slope, 1.0, 1e-6) << k << " " << pi;
    }
  }
}

TEST(CorrectionTest, LimitsAreNumbers) {
  EXPECT_EQ(TopKMultiplier(0.0, 16), 0.0);
  EXPECT_EQ(TopKMultiplier(0.0, 1), 1.0);
  EXPECT_EQ(InclusionProbability(0.0, 16), 1.0);
  EXPECT_DOUBLE_EQ(TopKMultiplier(-800.0, 16), 16.0);
  EXPECT_EQ(InclusionProbability(-std::numeric_limits<double>::infinity(), 16), 0.0);
  for (const double log_pi : {-1e-18, -1e-9, -50.0}) {
    EXPECT_TRUE(std::isfinite(TopKMultiplier(log_pi, 16)));
  }
}

TEST(CorrectionTest, CapsAsThePaperOrAsARatio) {
  const double log_pi = std::log(.5);
  const double log_beta = std::log(.01);
  Correction correction = {.top_k = 1, .cap = 20.0};
  const ActionWeight paper = WeightOf(correction, log_pi, log_beta);
  EXPECT_DOUBLE_EQ(paper.coefficient, 20.0);
  EXPECT_TRUE(paper.capped);
  correction.kind = CorrectionKind::kRatioClip;
  EXPECT_EQ(WeightOf(correction, log_pi, log_beta).coefficient, 0.0);
  EXPECT_DOUBLE_EQ(WeightOf(correction, log_pi, std::log(.1)).coefficient, 5.0);
  correction.kind = CorrectionKind::kPaper;
  correction.cap = 0.0;
  EXPECT_NEAR(WeightOf(correction, log_pi, log_beta).coefficient, 50.0, 1e-12);
  EXPECT_TRUE(std::isfinite(WeightOf({.top_k = 1, .cap = 20.0}, -1.0, -2000.0).weight)) << "the cap comes before exp";
}

// The gradient of the weight, too, turns the sign where pi is below 1 / e: a good item is pushed down.
TEST(CorrectionTest, ForgettingToStopTheGradientTurnsItsSign) {
  for (const double pi : {.01, .3, .36}) {
    EXPECT_GT(WeightOf({.top_k = 1, .cap = 0.0}, std::log(pi), std::log(.1)).coefficient, 0.0);
    EXPECT_LT(
        WeightOf({.kind = CorrectionKind::kNoDetach, .top_k = 1, .cap = 0.0}, std::log(pi), std::log(.1)).coefficient,
        0.0);
  }
  const Correction correction = {.kind = CorrectionKind::kNoDetach, .top_k = 4, .cap = 0.0};
  const auto loss = [](double log_pi) { return std::exp(log_pi) / .2 * TopKMultiplier(log_pi, 4) * log_pi; };
  for (const double log_pi : {-5.0, -1.0, -.2}) {
    const double slope = (loss(log_pi + 1e-6) - loss(log_pi - 1e-6)) / 2e-6;
    EXPECT_NEAR(WeightOf(correction, log_pi, std::log(.2)).coefficient, slope, 1e-7);
  }
}

TEST(CorrectionTest, NormalisedWeightsSumToTheirNumber) {
  base::Rng rng(1, base::Stream::kTest);
  std::vector<ActionWeight> batch;
  for (int action = 0; action < 50; ++action) {
    batch.push_back(WeightOf({.top_k = 3, .cap = 20.0, .normalised = true}, std::log(rng.Uniform()),
                             std::log(.01 * rng.Uniform())));
    EXPECT_FALSE(batch.back().capped);
  }
  const double ratio = batch[0].coefficient / batch[1].coefficient;
  NormaliseWeights(batch);
  double sum = 0.0;
  for (const ActionWeight& action : batch) {
    sum += action.weight;
  }
  EXPECT_NEAR(sum, 50.0, 1e-9);
  EXPECT_NEAR(batch[0].coefficient / batch[1].coefficient, ratio, 1e-9 * std::abs(ratio));
  NormaliseWeights({});
}

}  // namespace
}  // namespace recforce::algos
