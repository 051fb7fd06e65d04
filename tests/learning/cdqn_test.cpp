// SPDX-License-Identifier: Apache-2.0
// CDQN, an additive Q and SlateQ in worlds that are solved exactly: values are those of exact policy evaluation, means
// over states, with no sampling. Slow. Prints the tables of docs/algorithms/cdqn.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "algos/register_all.h"
#include "recforce/core/algorithm.h"
#include "sim/tabular_world.h"
#include "support/standing_users.h"

namespace recforce {
namespace {

constexpr std::int64_t kSlate = 3;
constexpr double kDiscount = 0.9;

using Values = std::map<std::string, std::string>;
using Slates = std::vector<std::int32_t>;  // [states, kSlate]

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::shared_ptr<const sim::TabularWorld> World(std::int64_t items, std::int64_t seed) {
  sim::EnvironmentConfig config;
  config.items = items;
  config.seed = seed;
  return sim::TabularWorld::Make(config);
}

// The k best items of a row of scores.
Slates Best(std::span<const double> scores) {
  Slates order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  order.resize(kSlate);
  return order;
}

// What policies that do not learn are worth.
struct Yardsticks {
  explicit Yardsticks(const sim::TabularProblem& problem) {
    best = Mean(problem.Solve(kSlate, kDiscount).value);
    myopic = Mean(problem.SolveMyopic(kSlate, kDiscount).value);
    random = Mean(problem.ValueOfRandom(kSlate, kDiscount));
    Slates popular;
    Slates top;
    std::vector<double> clicks(static_cast<std::size_t>(problem.num_items()), 0.0);
    for (std::int64_t state = 0; state < problem.num_states(); ++state) {
      AddClicks(problem, state, clicks);
    }
    for (std::int64_t state = 0; state < problem.num_states(); ++state) {
      const auto rewards = problem.rewards(state);
      const Slates mine = Best(std::vector<double>(rewards.begin(), rewards.end()));
      top.insert(top.end(), mine.begin(), mine.end());
      const Slates all = Best(clicks);
      popular.insert(popular.end(), all.begin(), all.end());
    }
    greedy = Mean(problem.ValueOf({top.data(), problem.num_states(), kSlate}, kDiscount));
    popularity = Mean(problem.ValueOf({popular.data(), problem.num_states(), kSlate}, kDiscount));
  }
  // How likely each item is clicked when slates are random.
  static void AddClicks(const sim::TabularProblem& problem, std::int64_t state, std::vector<double>& clicks) {
    sim::ForEachSubset(problem.num_items(), kSlate, [&](std::span<const std::int32_t> slate) {
      std::vector<float> utilities;
      std::vector<double> p(slate.size());
      for (const std::int32_t item : slate) {
        utilities.push_back(problem.rewards(state)[static_cast<std::size_t>(item)]);
      }
      core::ChoiceProbabilities(problem.choice(), utilities, p);
      for (std::size_t at = 0; at < p.size(); ++at) {
        clicks[static_cast<std::size_t>(slate[at])] += p[at];
      }
    });
  }
  // 0: random, 1: the best.
  [[nodiscard]] double Share(double value) const { return (value - random) / (best - random); }
  double best, myopic, greedy, popularity, random;
};

struct Learnt {
  double value = 0.0;      // of the weights that validation chose
  double violation = 0.0;  // as the last epoch says
  double seconds = 0.0;
};

class CdqnLearning : public testing::Test {
 protected:
  void SetUp() override { algos::RegisterAll(registry_); }

  Learnt Train(const sim::TabularWorld& world, std::int64_t seed, const Values& values) const {
    const core::AlgorithmSpec& spec = registry_.Get("cdqn");
    config::Section section = spec.make_config();
    for (const auto& [key, value] : values) {
      EXPECT_EQ(section.Set(*section.Find(key), value), "");
    }
    core::TrainView view;
    view.num_items = world.NumItems();
    view.environment = &world;
    view.episodes = {.slate = kSlate, .horizon = 40};
    const auto begin = std::chrono::steady_clock::now();
    const auto trainer = spec.make_trainer(section, view, {.seed = static_cast<std::uint64_t>(seed)});
    Learnt learnt;
    double best = -1e30;
    for (std::int64_t epoch = 0; epoch < trainer->Phases()[0].epochs; ++epoch) {
      for (const auto& [name, value] : trainer->Epoch({.epoch = epoch})) {
        learnt.violation = name == "violation" ? value : learnt.violation;
      }
      const double value = trainer->Validate(nullptr).value();
      if (value > best) {
        best = value;
        trainer->KeepBest();
      }
    }
    trainer->EndPhase();
    learnt.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::int64_t states = world.NumItems() + 1;
    std::vector<std::int32_t> recent(static_cast<std::size_t>(states));
    std::iota(recent.begin(), recent.end(), 0);
    recent.back() = -1;
    Slates slates(static_cast<std::size_t>(states * kSlate));
    spec.load_policy(section, trainer->Export(), world.NumItems(), "cpu")
        ->Choose(test::StandingUsers(recent, 1, &world), 1, {slates.data(), states, kSlate});
    learnt.value = Mean(world.problem().ValueOf({slates.data(), states, kSlate}, kDiscount));
    return learnt;
  }

  core::Registry registry_;
};

// 8,000 updates, slates of three of ten items.
TEST_F(CdqnLearning, CascadeComesNearTheOptimumWhereMyopiaLoses) {
  std::printf(
      "| seed | optimal | exact myopic | top-k by r | random | intra-slate | paper | additive | slateq | "
      "violation intra/paper | seconds intra/paper/additive/slateq |\n");
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto world = World(10, seed);
    const Yardsticks yard(world->problem());
    const Learnt intra = Train(*world, seed, {});
    const Learnt paper = Train(*world, seed, {{"target", "paper"}});
    const Learnt additive = Train(*world, seed, {{"method", "additive"}});
    const Learnt slateq = Train(*world, seed, {{"method", "slateq"}});
    std::printf(
        "| %d | %.2f | %.2f | %.2f | %.2f | %.2f (%.0f %%) | %.2f (%.0f %%) | %.2f (%.0f %%) | %.2f (%.0f %%) "
        "| %.2f/%.2f | %.0f/%.0f/%.0f/%.0f |\n",
        static_cast<int>(seed), yard.best, yard.myopic, yard.greedy, yard.random, intra.value,
        100.0 * yard.Share(intra.value), paper.value, 100.0 * yard.Share(paper.value), additive.value,
        100.0 * yard.Share(additive.value), slateq.value, 100.0 * yard.Share(slateq.value), intra.violation,
        paper.violation, intra.seconds, paper.seconds, additive.seconds, slateq.seconds);
    std::fflush(stdout);
    EXPECT_GE(yard.Share(intra.value), 0.85);
    EXPECT_GT(intra.value, yard.myopic);
    EXPECT_GT(intra.value, yard.greedy);
    EXPECT_LE(intra.value, yard.best + 1e-9);
    EXPECT_LE(intra.violation, 0.05 * yard.best);
    EXPECT_GE(yard.Share(slateq.value), 0.95) << "SlateQ knows the law of choice";
  }
}

// In these worlds of twenty items the policies that do not learn stand in the order of what they
// know; in others a shorter sight wins by chance.
TEST_F(CdqnLearning, PoliciesStandInTheOrderOfWhatTheyKnow) {
  std::printf("| seed | random | popularity | greedy r | exact myopic | cdqn | optimal | seconds |\n");
  for (const std::int64_t seed : {4, 7, 8, 9, 12}) {
    const auto world = World(20, seed);
    const Yardsticks yard(world->problem());
    const Learnt cdqn = Train(*world, seed, {});
    std::printf("| %d | %.2f | %.2f | %.2f | %.2f | %.2f (%.0f %%) | %.2f | %.0f |\n", static_cast<int>(seed),
                yard.random, yard.popularity, yard.greedy, yard.myopic, cdqn.value, 100.0 * yard.Share(cdqn.value),
                yard.best, cdqn.seconds);
    std::fflush(stdout);
    EXPECT_LT(yard.random, yard.popularity);
    EXPECT_LT(yard.popularity, yard.greedy);
    EXPECT_LT(yard.greedy, yard.myopic);
    EXPECT_LE(yard.myopic, cdqn.value);
    EXPECT_LE(cdqn.value, yard.best + 1e-9);
  }
}

}  // namespace
}  // namespace recforce
