// SPDX-License-Identifier: Apache-2.0
// Outcomes and their summaries against numbers worked by hand, and that batches and threads change nothing.
#include "sim/runner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"
#include "sim/display_log.h"
#include "sim/mpc.h"
#include "sim/policies.h"
#include "support/temp_dir.h"
#include "support/toy_environment.h"

namespace recforce::sim {
namespace {

constexpr core::ChoiceRule kShannon{core::ChoiceLaw::kSoftmax, 0.0F};
constexpr core::ChoiceRule kAlways{core::ChoiceLaw::kSoftmax, std::nullopt};

// One item, always clicked for 2, whatever the step.
test::Toy Certain() { return {.items = 1, .utilities = {0.0F, 0.0F}, .rewards = {2.0F, 2.0F}, .choice = kAlways}; }

TEST(RunnerTest, CertainClicksAreAddedUp) {
  test::Toy toy = Certain();
  toy.optimum = 6.0;
  const test::ToyEnvironment world(toy);
  const SimulationPlan plan{.users = 5, .horizon = 3, .slate = 1, .discount = 0.5};
  const Outcome outcome = Simulate(world, *MakeTopRewardPolicy(1), plan);
  EXPECT_EQ(outcome.reward, std::vector<double>(5, 6.0));
  EXPECT_EQ(outcome.discounted, std::vector<double>(5, 2.0 + 1.0 + 0.5));
  EXPECT_EQ(outcome.clicks, std::vector<std::int32_t>(5, 3));
  EXPECT_EQ(outcome.steps, std::vector<std::int32_t>(5, 3));
  EXPECT_EQ(outcome.left, std::vector<std::uint8_t>(5, 0));
  EXPECT_EQ(outcome.shown, std::vector<std::int64_t>{15});
  EXPECT_EQ(outcome.clicked, std::vector<std::int64_t>{15});
  const OutcomeSummary summary = Summarize(outcome, plan, world.Optimum(1, 3, 0.5));
  EXPECT_DOUBLE_EQ(summary.reward_per_step.mean, 2.0);
  EXPECT_DOUBLE_EQ(summary.click_rate.mean, 1.0);
  EXPECT_DOUBLE_EQ(summary.regret->mean, 2.5);
  EXPECT_DOUBLE_EQ(summary.regret->half_width95, 0.0);
  EXPECT_DOUBLE_EQ(summary.coverage, 1.0);
}

TEST(RunnerTest, WhoLeavesIsShownNothingMore) {
  test::Toy toy = Certain();
  toy.last_item = 0;
  const test::ToyEnvironment world(toy);
  const SimulationPlan plan{.users = 2, .horizon = 4, .slate = 1};
  const Outcome outcome = Simulate(world, *MakeTopRewardPolicy(1), plan);
  EXPECT_EQ(outcome.reward, std::vector<double>(2, 2.0));
  EXPECT_EQ(outcome.steps, std::vector<std::int32_t>(2, 1));
  EXPECT_EQ(outcome.shown, std::vector<std::int64_t>{2});
  const OutcomeSummary summary = Summarize(outcome, plan, std::nullopt);
  EXPECT_DOUBLE_EQ(summary.share_left.mean, 1.0);
  EXPECT_DOUBLE_EQ(summary.reward_per_step.mean, 0.5);  // leaving costs the steps that do not come
  EXPECT_DOUBLE_EQ(summary.click_rate.mean, 1.0);
  EXPECT_FALSE(summary.regret.has_value());
}

TEST(RunnerTest, MeansFollowTheLawOfChoice) {
  // Item 1 of utility log 3 against nothing: 3/4 of the slates are clicked.
  const float u = std::log(3.0F);
  const test::ToyEnvironment world({.items = 1, .utilities = {u, u}, .rewards = {1.0F, 1.0F}, .choice = kShannon});
  const SimulationPlan plan{.users = 4000, .horizon = 5, .slate = 1};
  const OutcomeSummary summary = Summarize(Simulate(world, *MakeTopRewardPolicy(1), plan), plan, std::nullopt);
  const double error = std::sqrt(0.75 * 0.25 / 20000);
  EXPECT_NEAR(summary.click_rate.mean, 0.75, 4 * error);
  EXPECT_NEAR(summary.click_rate.half_width95, 1.96 * error, 0.1 * error);
  EXPECT_NEAR(summary.reward_per_step.half_width95, 1.96 * error, 0.1 * error);
  EXPECT_DOUBLE_EQ(summary.reward_per_user.mean, 5.0 * summary.reward_per_step.mean);
}

TEST(RunnerTest, IntervalsAreOneAndNinetySixHundredthsStandardErrors) {
  const std::vector<double> values = {1.0, 2.0, 3.0, 6.0};
  const Estimate estimate = MeanOf(values);
  EXPECT_DOUBLE_EQ(estimate.mean, 3.0);
  EXPECT_NEAR(estimate.half_width95, 1.959964 * std::sqrt((4.0 + 1.0 + 0.0 + 9.0) / 3.0 / 4.0), 1e-6);
  EXPECT_EQ(MeanOf(std::span(values).first(1)).half_width95, 0.0);
}

TEST(RunnerTest, WhatIsShownIsSummarised) {
  Outcome outcome;
  outcome.reward = outcome.discounted = {0.0};
  outcome.clicks = outcome.steps = {0};
  outcome.left = {0};
  outcome.shown = {3, 0, 1, 1};  // the example of docs/metrics.md
  outcome.clicked = {0, 0, 0, 0};
  const OutcomeSummary summary = Summarize(outcome, {.users = 1}, std::nullopt);
  EXPECT_DOUBLE_EQ(summary.coverage, 0.75);
  EXPECT_DOUBLE_EQ(summary.gini, 0.45);
  EXPECT_DOUBLE_EQ(summary.click_rate.mean, 0.0);
}

TEST(RunnerTest, DifferencesArePairedByUser) {
  Outcome a;
  Outcome b;
  a.reward = {3.0, 5.0};
  b.reward = {1.0, 3.0};
  a.discounted = {1.0, 0.0};
  b.discounted = {0.0, 0.0};
  a.clicks = {2, 2};
  b.clicks = {3, 1};
  const OutcomeDifference difference = Compare(a, b);
  EXPECT_DOUBLE_EQ(difference.reward_per_user.mean, 2.0);
  EXPECT_DOUBLE_EQ(difference.reward_per_user.half_width95, 0.0);  // the same for everyone
  EXPECT_NEAR(difference.discounted_return.half_width95, 1.959964 * 0.5, 1e-6);
  EXPECT_DOUBLE_EQ(difference.clicks_per_user.mean, 0.0);
}

void ExpectSame(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.reward, b.reward);
  EXPECT_EQ(a.discounted, b.discounted);
  EXPECT_EQ(a.clicks, b.clicks);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.left, b.left);
  EXPECT_EQ(a.shown, b.shown);
  EXPECT_EQ(a.clicked, b.clicked);
}

TEST(RunnerTest, BatchesAndThreadsChangeNothing) {
  test::Toy toy = test::RandomToy(8, 2, kShannon);
  toy.last_item = 5;
  const test::ToyEnvironment world(toy);
  std::vector<std::unique_ptr<core::SlatePolicy>> policies;
  policies.push_back(MakeRandomPolicy(8));
  policies.push_back(MakeExactPolicy(world));
  policies.push_back(MakeMpcPolicy(world, {.horizon = 3, .rollouts = 3, .candidates = 4}, 0.9));
  for (const auto& policy : policies) {
    SimulationPlan plan{.users = 60, .horizon = 6, .slate = 2, .first_user = 1000};
    base::SetThreads(1);
    const Outcome one = Simulate(world, *policy, plan);
    base::SetThreads(3);
    plan.batch = 7;
    ExpectSame(Simulate(world, *policy, plan), one);
    base::SetThreads(base::AvailableCores());
  }
}

TEST(RunnerTest, PopularityIsWhatRandomSlatesBringClicks) {
  test::Toy toy = test::RandomToy(3, 1, kShannon);
  toy.utilities = {-9.0F, 1.0F, 3.0F, -9.0F, 1.0F, 3.0F, -9.0F, 1.0F, 3.0F, -9.0F, 1.0F, 3.0F};
  const test::ToyEnvironment world(toy);
  const std::vector<std::int64_t> clicks = ClicksUnderRandom(world, {.users = 300, .horizon = 10, .slate = 2});
  EXPECT_LT(clicks[0], clicks[1]);
  EXPECT_LT(clicks[1], clicks[2]);
}

TEST(RunnerTest, SlatesLargerThanTheCatalogueAreRefused) {
  const test::ToyEnvironment world(Certain());
  try {
    (void)Simulate(world, *MakeRandomPolicy(1), {.slate = 3});
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()),
              "simulation: the slate has more places than there are items: '3'; expected at most 1");
  }
}

std::string LogOf(const test::ToyEnvironment& world, const SimulationPlan& plan) {
  const test::TempDir dir;
  const std::vector<std::string> ids = {"a", "b"};
  base::WriteAtomically(base::RealFileSystem(), dir / "log.tsv", [&](base::WritableFile& file) {
    DisplayLogWriter log(file, ids, plan);
    (void)Simulate(world, *MakeTopUtilityPolicy(2), plan, {.on_step = [&](const ShownStep& step) { log.Add(step); }});
    log.Finish();
  });
  return base::ReadTextFile(dir / "log.tsv");
}

TEST(DisplayLogTest, StepsAreWrittenUserByUser) {
  // The first click is always on a, which leads to b, with which users leave; nobody clicks anything else.
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const test::ToyEnvironment world({.items = 2,
                                    .utilities = {0.0F, kNever, kNever, 0.0F, 0.0F, 0.0F},
                                    .rewards = std::vector<float>(6, 1.0F),
                                    .choice = kAlways,
                                    .last_item = 1});
  SimulationPlan plan{.users = 4, .horizon = 3, .slate = 2, .first_user = 10};
  const std::string expected =
      "SessionId\tTime\tItemId\tis_click\traw_index\tsession_new_index\titem_new_index\ttr_val_tst\n"
      "10\t1\ta\t1\t0\t0\t0\t0\n10\t1\tb\t0\t1\t0\t1\t0\n10\t2\tb\t1\t2\t0\t1\t0\n10\t2\ta\t0\t3\t0\t0\t0\n"
      "11\t1\ta\t1\t4\t1\t0\t0\n11\t1\tb\t0\t5\t1\t1\t0\n11\t2\tb\t1\t6\t1\t1\t0\n11\t2\ta\t0\t7\t1\t0\t0\n"
      "12\t1\ta\t1\t8\t2\t0\t1\n12\t1\tb\t0\t9\t2\t1\t1\n12\t2\tb\t1\t10\t2\t1\t1\n12\t2\ta\t0\t11\t2\t0\t1\n"
      "13\t1\ta\t1\t12\t3\t0\t2\n13\t1\tb\t0\t13\t3\t1\t2\n13\t2\tb\t1\t14\t3\t1\t2\n13\t2\ta\t0\t15\t3\t0\t2\n";
  EXPECT_EQ(LogOf(world, plan), expected);
  plan.batch = 3;
  EXPECT_EQ(LogOf(world, plan), expected);
}

TEST(DisplayLogTest, PagesWithoutAClickAreWrittenToo) {
  const test::ToyEnvironment world({.items = 2,
                                    .utilities = std::vector<float>(6, -1000.0F),
                                    .rewards = std::vector<float>(6, 1.0F),
                                    .choice = kShannon});
  const std::string log = LogOf(world, {.users = 1, .horizon = 2, .slate = 1});
  EXPECT_EQ(log.substr(log.find('\n') + 1), "0\t1\ta\t0\t0\t0\t0\t2\n0\t2\ta\t0\t1\t0\t0\t2\n");
}

}  // namespace
}  // namespace recforce::sim
