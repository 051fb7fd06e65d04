// SPDX-License-Identifier: Apache-2.0
// The optimum of worlds of few states against numbers by hand, a search through all slates, and users who meet it.
#include "sim/few_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/burnout_world.h"
#include "sim/check_environment.h"
#include "sim/mood_world.h"
#include "sim/mpc.h"
#include "sim/policies.h"
#include "sim/runner.h"
#include "sim/solve.h"

namespace recforce::sim {
namespace {

using Items = std::vector<std::int32_t>;

std::shared_ptr<const FewStatesWorld> World(const std::string& name, std::int64_t items, std::int64_t seed,
                                            double no_click = 0.0) {
  EnvironmentConfig config;
  config.items = items;
  config.seed = seed;
  config.no_click = no_click;
  if (name == "burnout") {
    return MakeBurnoutWorld(config);
  }
  return MoodWorld::Make(config);
}

// What a slate is worth where states are worth `value` afterwards, with weights e^u.
double SlateValue(const FewStates& truth, std::int64_t state, std::span<const std::int32_t> slate,
                  const std::vector<double>& value, double discount) {
  const double nothing = std::exp(static_cast<double>(truth.choice.no_click.value()));
  double weights = nothing;
  double sum = nothing * discount * value[state];
  for (const std::int32_t item : slate) {
    const auto cell = static_cast<std::size_t>(state * truth.num_items() + item);
    const double weight = std::exp(static_cast<double>(truth.utilities[cell]));
    weights += weight;
    sum += weight * (static_cast<double>(truth.rewards[cell]) +
                     discount * (1.0 - static_cast<double>(truth.leaves[item])) * value[truth.next[item]]);
  }
  return sum / weights;
}

// The best slates of all steps by trying them all, as a policy.
class Plan final : public core::SlatePolicy {
 public:
  Plan(const FewStates& truth, std::int64_t k, std::int64_t horizon, double discount) : truth_(truth) {
    std::vector<double> value(truth.num_states(), 0.0);
    for (std::int64_t left = 0; left < horizon; ++left) {
      std::vector<double> longer(value.size(), -1e9);
      std::vector<Items> slates(value.size());
      for (std::int64_t state = 0; state < truth.num_states(); ++state) {
        ForEachSubset(truth.num_items(), k, [&](std::span<const std::int32_t> slate) {
          if (const double q = SlateValue(truth, state, slate, value, discount); q > longer[state]) {
            longer[state] = q;
            slates[state].assign(slate.begin(), slate.end());
          }
        });
      }
      value = longer;
      slates_.insert(slates_.begin(), slates);
    }
    value_ = value;
  }

  [[nodiscard]] const std::vector<double>& value() const { return value_; }
  void Choose(const core::Episodes& episodes, std::uint64_t /*seed*/,
              base::MatrixView<std::int32_t> slates) const override {
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      const std::int32_t clicked = episodes.recent().row(row).front();
      const std::int32_t state = clicked < 0 ? truth_.start : truth_.next[clicked];
      const Items& best = slates_[std::min<std::size_t>(episodes.steps()[row], slates_.size() - 1)][state];
      std::copy(best.begin(), best.end(), slates.row(row).begin());
    }
  }

 private:
  const FewStates& truth_;
  std::vector<std::vector<Items>> slates_;  // by step and state
  std::vector<double> value_;
};

// A (1 now, and everybody leaves) or B (0.3, and everybody stays); something is always clicked.
FewStates TwoItems() {
  FewStates truth;
  truth.choice = {core::ChoiceLaw::kSoftmax, -1000.0F};
  truth.next = {0, 0};
  truth.leaves = {1.0F, 0.0F};
  truth.utilities = {1.0F, 0.0F};
  truth.rewards = {1.0F, 0.3F};
  return truth;
}

TEST(FewStatesTest, NineTimesThePatientItemAndAtLastTheOtherIsTheBestOfTenSteps) {
  const FewStates truth = TwoItems();
  // Of the last step 1; of t + 1 steps 0.3 + 0.9 V_t, for that is more than 1.
  double expected = 1.0;
  EXPECT_NEAR(truth.OptimalReturn(1, 1, 0.9)[0], 1.0, 1e-6);
  for (int step = 0; step < 9; ++step) {
    expected = 0.3 + 0.9 * expected;
  }
  EXPECT_NEAR(expected, 2.225159022, 1e-9);
  EXPECT_NEAR(truth.OptimalReturn(1, 10, 0.9)[0], expected, 1e-6);
  EXPECT_NEAR(truth.OptimalReturn(1, 10, 0.0)[0], 1.0, 1e-6);

  const FewStatesWorld world(std::make_shared<const FewStates>(truth), "two items");
  EXPECT_NO_THROW(CheckEnvironment(world));
  const SimulationPlan plan{.users = 64, .horizon = 10, .slate = 1};
  for (const std::string name : {"myopic", "greedy", "top_k", "top_utility"}) {
    const Outcome outcome = Simulate(world, *MakeImmediatePolicy(name, world), plan);
    EXPECT_EQ(outcome.clicked, (std::vector<std::int64_t>{64, 0})) << name;
    EXPECT_EQ(outcome.discounted, std::vector<double>(64, 1.0)) << name;
    EXPECT_EQ(outcome.steps, std::vector<std::int32_t>(64, 1)) << name;
  }
  const Outcome planned = Simulate(world, Plan(truth, 1, 10, 0.9), plan);
  EXPECT_EQ(planned.clicked, (std::vector<std::int64_t>{64, 64 * 9}));
  EXPECT_NEAR(MeanOf(planned.discounted).mean, expected, 1e-6);
}

TEST(FewStatesTest, TheOptimumIsThatOfTryingAllSlates) {
  for (const std::string name : {"burnout", "mood"}) {
    for (const double no_click : {-1.0, 0.0, 2.0}) {
      const auto world = World(name, 13, 4, no_click);
      for (const std::int64_t k : {1, 2, 3, 13}) {
        const Plan plan(world->truth(), k, 9, 0.9);
        const std::vector<double> values = world->truth().OptimalReturn(k, 9, 0.9);
        ASSERT_EQ(values.size(), plan.value().size());
        for (std::size_t state = 0; state < values.size(); ++state) {
          EXPECT_NEAR(values[state], plan.value()[state], 1e-6) << name << ' ' << k << ' ' << state;
        }
        EXPECT_EQ(world->Optimum(k, 9, 0.9), values[world->truth().start]);
      }
    }
  }
}

TEST(FewStatesTest, UsersOfThePlanBringTheOptimumAndNobodyBringsMore) {
  for (const std::string name : {"burnout", "mood"}) {
    for (const std::int64_t k : {1, 3}) {
      const auto world = World(name, 18, 2);
      const SimulationPlan plan{.users = 20'000, .horizon = 12, .slate = k};
      const double optimum = world->Optimum(k, 12, 0.9).value();
      // Returns in standard errors above the optimum.
      const auto excess = [&](const core::SlatePolicy& policy, const SimulationPlan& users) {
        const Estimate estimate = MeanOf(Simulate(*world, policy, users).discounted);
        EXPECT_LT(estimate.half_width95, 0.05);
        return (estimate.mean - optimum) * 1.96 / estimate.half_width95;
      };
      EXPECT_LT(std::abs(excess(Plan(world->truth(), k, 12, 0.9), plan)), 3.0) << name << ' ' << k;
      EXPECT_LT(excess(*MakeRandomPolicy(18), plan), -10.0);
      EXPECT_LT(excess(*MakePopularityPolicy(ClicksUnderRandom(*world, plan)), plan), -10.0);
      for (const std::string& policy : ImmediatePolicyNames()) {
        EXPECT_LT(excess(*MakeImmediatePolicy(policy, *world), plan), -10.0) << policy;
      }
      SimulationPlan few = plan;
      few.users = 1'000;
      const MpcConfig mpc{.horizon = 4, .rollouts = 4, .candidates = 6};
      EXPECT_LT(excess(*MakeMpcPolicy(*world, mpc, 0.9, MakeGreedyPolicy(*world)), few), 3.0) << name << ' ' << k;
    }
  }
}

TEST(FewStatesTest, AFarHorizonIsThatOfForEverAndTooMuchWorkIsRefused) {
  const auto world = MakeBurnoutWorld({});
  EXPECT_NEAR(world->Optimum(3, 1'000'000, 0.9).value(), world->Optimum(3, 400, 0.9).value(), 1e-9);
  EXPECT_FALSE(world->Optimum(3, 10'000'001, 0.9).has_value());
  EXPECT_FALSE(world->Optimum(21, 20, 0.9).has_value());
  EXPECT_FALSE(world->Optimum(0, 20, 0.9).has_value());
}

}  // namespace
}  // namespace recforce::sim
