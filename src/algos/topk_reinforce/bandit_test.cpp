// SPDX-License-Identifier: Apache-2.0
// The paper's two simulations, and what every variant of the rule converges to.
#include "algos/topk_reinforce/bandit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace recforce::algos {
namespace {

constexpr double kCubed = 20.085536923187668;  // e^3

double LargestDifference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0.0;
  for (std::size_t at = 0; at < a.size(); ++at) {
    most = std::max(most, std::abs(a[at] - b[at]));
  }
  return most;
}

double Entropy(const std::vector<double>& policy) {
  double sum = 0.0;
  for (const double pi : policy) {
    sum -= pi > 0.0 ? pi * std::log(pi) : 0.0;
  }
  return sum;
}

BanditOptions Exact(CorrectionKind kind, std::int64_t k, double cap = 0.0, std::int64_t steps = 10000) {
  return {.correction = {.kind = kind, .top_k = k, .cap = cap}, .learning_rate = 0.1, .steps = steps};
}
BanditOptions Sampled(CorrectionKind kind, std::int64_t k, std::uint64_t seed) {
  BanditOptions options = Exact(kind, k, 0.0, 4000);
  options.batch = 64;
  options.decay = 10.0;
  options.seed = seed;
  return options;
}

TEST(BanditTest, WithoutCorrectionThePolicyCopiesTheLog) {
  const Bandit bandit = OffPolicyBandit();
  const std::vector<double> expected = UncorrectedPolicy(bandit);
  EXPECT_NEAR(expected[0], .045455, 1e-6);
  EXPECT_NEAR(expected[4], .136364, 1e-6);
  EXPECT_NEAR(SetValue(bandit, expected, 1), 5.5, 1e-12);
  EXPECT_NEAR(SetValue(bandit, bandit.beta, 1), 4.0, 1e-12);
  EXPECT_LT(LargestDifference(LearnBandit(bandit, Exact(CorrectionKind::kNone, 1)), expected), 1e-6);
  for (const std::uint64_t seed : {1, 2, 3}) {
    EXPECT_LT(LargestDifference(LearnBandit(bandit, Sampled(CorrectionKind::kNone, 1, seed)), expected), .01);
  }
}

TEST(BanditTest, CorrectionFindsTheBestItemWhateverTheLog) {
  const Bandit bandit = OffPolicyBandit();
  EXPECT_NEAR(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 1, 0.0, 100))[9], .9480, 5e-5);
  EXPECT_NEAR(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 1, 0.0, 1000))[9], .99696, 5e-6);
  EXPECT_NEAR(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 1))[9], .99971, 5e-6);
  // Weights reach 55: with 64 actions a step three seeds of twenty lock themselves in at another item.
  for (const std::uint64_t seed : {1, 2, 3}) {
    BanditOptions options = Sampled(CorrectionKind::kPaper, 1, seed);
    options.batch = 256;
    EXPECT_GE(LearnBandit(bandit, options)[9], .99);
  }
}

// A log of one item teaches that item.
TEST(BanditTest, ALogOfTheWorstItemAloneTeachesIt) {
  Bandit bandit = OffPolicyBandit();
  bandit.beta.assign(10, 0.0);
  bandit.beta[0] = 1.0;
  EXPECT_GT(LearnBandit(bandit, Exact(CorrectionKind::kNone, 1))[0], .99);
}

TEST(BanditTest, CapsKeepItFromTheBestItem) {
  const Bandit bandit = OffPolicyBandit();
  struct Row {
    double cap, value_paper, value_ratio;
    std::vector<double> paper;  // of the last items
    std::vector<double> ratio;  // from the best item down
  };
  const std::vector<Row> rows = {
      {2.0,
       7.036,
       6.0364,
       {.200000, .218182, .203636, .174545, .130909, .072727},
       {.03636, .07273, .10909, .14545, .18182, .21818, .23636}},
      {5.0, 8.1688, 7.818, {.324675, .311688, .233766, .129870}, {.09091, .18182, .27273, .36364, .09091}},
      {kCubed, 9.405768, 9.3652, {.594232, .405768}, {.365192, .634808}}};
  for (const Row& row : rows) {
    const std::vector<double> paper = CappedPolicy(bandit, row.cap);
    for (std::size_t at = 0; at < row.paper.size(); ++at) {
      EXPECT_NEAR(paper[10 - row.paper.size() + at], row.paper[at], 1e-6) << row.cap;
    }
    EXPECT_NEAR(SetValue(bandit, paper, 1), row.value_paper, 1e-3);
    EXPECT_LT(LargestDifference(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 1, row.cap, 40000)), paper), 1e-3);
    const std::vector<double> ratio = RatioClippedPolicy(bandit, row.cap);
    for (std::size_t at = 0; at < row.ratio.size(); ++at) {
      EXPECT_NEAR(ratio[9 - at], row.ratio[at], 1e-5) << row.cap;
    }
    EXPECT_NEAR(SetValue(bandit, ratio, 1), row.value_ratio, 1e-3);
  }
}

// The rule without a gradient above the cap jitters around its fixed point: the step is what it may be off by.
TEST(BanditTest, RatioClippingFillsTheCaps) {
  const Bandit bandit = OffPolicyBandit();
  BanditOptions options = Exact(CorrectionKind::kRatioClip, 1, kCubed, 40000);
  options.decay = 100.0;
  EXPECT_LT(LargestDifference(LearnBandit(bandit, options), RatioClippedPolicy(bandit, kCubed)), .02);
}

TEST(BanditTest, TopKSpreadsOverWhatASetCanHold) {
  const Bandit bandit = TopKBandit();
  EXPECT_NEAR(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 1, 0.0, 1000))[0], .998, 5e-4);
  const std::vector<double> best = BestSetPolicy(bandit, 2);
  EXPECT_NEAR(best[0], 10.0 / 19.0, 1e-9);
  EXPECT_NEAR(best[1], 9.0 / 19.0, 1e-9);
  EXPECT_NEAR(SetValue(bandit, best, 2), 14.263158, 1e-6);
  EXPECT_NEAR(SetValue(bandit, BestSetPolicy(bandit, 1), 2), 10.0, 1e-12);
  const std::vector<double> thousand = LearnBandit(bandit, Exact(CorrectionKind::kPaper, 2, 0.0, 1000));
  EXPECT_NEAR(thousand[0], .525335, 5e-6);
  EXPECT_NEAR(thousand[1], .472498, 5e-6);
  EXPECT_LT(LargestDifference(LearnBandit(bandit, Exact(CorrectionKind::kPaper, 2)), best), 1e-3);
  for (const std::uint64_t seed : {1, 2, 3}) {
    EXPECT_LT(LargestDifference(LearnBandit(bandit, Sampled(CorrectionKind::kPaper, 2, seed)), best), .02);
  }
}

TEST(BanditTest, LargerSetsFlattenThePolicy) {
  const Bandit bandit = TopKBandit();
  const std::vector<std::pair<std::int64_t, double>> values = {
      {3, 16.629936}, {4, 17.814694}, {8, 20.605221}, {16, 24.169111}, {32, 26.468394}};
  double entropy = Entropy(BestSetPolicy(bandit, 2));
  for (const auto& [k, value] : values) {
    const std::vector<double> best = BestSetPolicy(bandit, k);
    EXPECT_NEAR(SetValue(bandit, best, k), value, 1e-6) << k;
    EXPECT_GT(Entropy(best), entropy) << k;
    entropy = Entropy(best);
    const std::vector<double> learnt = LearnBandit(bandit, Exact(CorrectionKind::kPaper, k, 0.0, 40000));
    EXPECT_LT(LargestDifference(learnt, best), 2e-3) << k;
    EXPECT_GT(learnt[0], learnt[1]);
    EXPECT_GT(learnt[1], learnt[2]);
  }
  const Bandit other = OffPolicyBandit();
  EXPECT_NEAR(SetValue(other, BestSetPolicy(other, 2), 2), 15.209611, 1e-6);
  EXPECT_NEAR(SetValue(other, BestSetPolicy(other, 8), 8), 35.527142, 1e-6);
  EXPECT_NEAR(SetValue(other, BestSetPolicy(other, 16), 16), 46.744163, 1e-6);
}

// What existing programs do instead, and where it ends.
TEST(BanditTest, VariantsEndElsewhere) {
  const Bandit off_policy = OffPolicyBandit();
  const Bandit sets = TopKBandit();
  // The weight of an action that is drawn from the log's policy is 1 on average, whatever was logged.
  EXPECT_LT(LargestDifference(LearnBandit(off_policy, Exact(CorrectionKind::kSeed, 1)), UncorrectedPolicy(off_policy)),
            1e-6);
  for (const std::uint64_t seed : {1, 2, 3}) {
    EXPECT_LT(LargestDifference(LearnBandit(off_policy, Sampled(CorrectionKind::kSeed, 1, seed)),
                                UncorrectedPolicy(off_policy)),
              .03);
  }
  // The best item has less than 1 / e of a uniform start: it is pushed down, and the worst one is left.
  EXPECT_GT(LearnBandit(off_policy, Exact(CorrectionKind::kNoDetach, 1))[0], .99);
  // alpha / beta: another point than that of the set's value.
  BanditOptions agent = Exact(CorrectionKind::kTfAgent, 2);
  const std::vector<double> learnt = LearnBandit(sets, agent);
  EXPECT_NEAR(learnt[0], 11.0 / 19.0, 2e-3);
  EXPECT_NEAR(learnt[1], 8.0 / 19.0, 2e-3);
}

// With the index of the weight as it is printed, K makes no difference and the policy copies the rewards.
TEST(BanditTest, ThePrintedUpdateEndsAtTheRewards) {
  const Bandit bandit = TopKBandit();
  const std::vector<double> expected = UncorrectedPolicy(bandit);
  EXPECT_NEAR(expected[0], 10.0 / 27.0, 1e-12);
  EXPECT_NEAR(expected[1], 9.0 / 27.0, 1e-12);
  for (const std::int64_t k : {1, 2, 8}) {
    BanditOptions options = Exact(CorrectionKind::kPaper, k, 0.0, 40000);
    options.as_printed = true;
    EXPECT_LT(LargestDifference(LearnBandit(bandit, options), expected), 1e-3) << k;
  }
  for (const std::uint64_t seed : {1, 2, 3}) {
    BanditOptions options = Sampled(CorrectionKind::kPaper, 2, seed);
    options.as_printed = true;
    EXPECT_LT(LargestDifference(LearnBandit(bandit, options), expected), .03) << seed;
  }
}

// Weights that are divided by their sum are biased in small batches.
TEST(BanditTest, NormalisedWeightsNeedLargeBatches) {
  const Bandit bandit = OffPolicyBandit();
  BanditOptions options = Sampled(CorrectionKind::kPaper, 1, 1);
  options.correction.normalised = true;
  EXPECT_LT(LearnBandit(bandit, options)[9], .5);
  options.batch = 1024;
  EXPECT_GT(LearnBandit(bandit, options)[9], .98);
}

}  // namespace
}  // namespace recforce::algos
