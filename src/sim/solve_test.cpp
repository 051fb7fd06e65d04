// SPDX-License-Identifier: Apache-2.0
// The exact solver against a hand-solved problem and naive loops, the cascade of its prefix values, and the order of
// policies that the tabular world was made for.
#include "sim/solve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "sim/tabular_world.h"

namespace recforce::sim {
namespace {

using Items = std::vector<std::int32_t>;
using Values = std::vector<double>;

EnvironmentConfig Config(std::int64_t items, std::int64_t seed) {
  EnvironmentConfig config;
  config.items = items;
  config.seed = seed;
  return config;
}

std::shared_ptr<const TabularWorld> World(std::int64_t items, std::int64_t seed) {
  return TabularWorld::Make(Config(items, seed));
}

base::MatrixView<const std::int32_t> View(const TabularProblem& problem, const Items& slates) {
  return {slates.data(), problem.num_states(), static_cast<std::int64_t>(slates.size()) / problem.num_states()};
}

double Mean(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Softmax with a choice of nothing, written down plainly.
double NaiveQ(const TabularProblem& problem, std::int64_t state, const Items& slate, const Values& value,
              double discount) {
  double sum = std::exp(static_cast<double>(*problem.choice().no_click));
  double weighted = sum * discount * value[state];
  for (const std::int32_t item : slate) {
    const auto r = static_cast<double>(problem.rewards(state)[item]);
    sum += std::exp(r);
    weighted += std::exp(r) * (r + discount * value[item]);
  }
  return weighted / sum;
}

// All slates of three by nested loops.
std::vector<Items> Triples(std::int32_t n) {
  std::vector<Items> triples;
  for (std::int32_t a = 0; a < n; ++a) {
    for (std::int32_t b = a + 1; b < n; ++b) {
      for (std::int32_t c = b + 1; c < n; ++c) {
        triples.push_back({a, b, c});
      }
    }
  }
  return triples;
}

// Value iteration over triples: 0: the best slate, 1: the mean slate.
Values NaiveValues(const TabularProblem& problem, double discount, int sweeps, bool mean) {
  Values value(static_cast<std::size_t>(problem.num_states()), 0.0);
  const std::vector<Items> triples = Triples(static_cast<std::int32_t>(problem.num_items()));
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    Values next(value.size());
    for (std::size_t state = 0; state < value.size(); ++state) {
      double most = -1e300;
      double sum = 0.0;
      for (const Items& slate : triples) {
        const double q = NaiveQ(problem, static_cast<std::int64_t>(state), slate, value, discount);
        most = std::max(most, q);
        sum += q;
      }
      next[state] = mean ? sum / static_cast<double>(triples.size()) : most;
    }
    value = next;
  }
  return value;
}

void ExpectNear(const Values& found, const Values& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], tolerance) << i;
  }
}

TEST(SolveTest, SubsetsComeInLexicographicOrderEachOnce) {
  std::vector<Items> subsets;
  ForEachSubset(4, 2, [&](std::span<const std::int32_t> s) { subsets.emplace_back(s.begin(), s.end()); });
  EXPECT_EQ(subsets, (std::vector<Items>{{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}}));
  int calls = 0;
  ForEachSubset(3, 0, [&](std::span<const std::int32_t> s) { calls += s.empty() ? 1 : 100; });
  ForEachSubset(3, 3, [&](std::span<const std::int32_t> s) { calls += s.size() == 3 ? 1 : 100; });
  EXPECT_EQ(calls, 2);
}

TEST(SolveTest, SubsetsAreCounted) {
  EXPECT_EQ(CountSubsets(5, 2), 10.0);
  EXPECT_EQ(CountSubsets(5, 5), 1.0);
  EXPECT_EQ(CountSubsets(80, 3), 82160.0);
  EXPECT_EQ(CountSubsets(86, 3), 102340.0);
  EXPECT_GT(CountSubsets(100000000, 50), 1e300);
}

TEST(SolveTest, AProblemThatCanBeSolvedByHand) {
  // Something is always clicked, so showing one item goes there for sure. From the start item 0 brings 1 and leads to
  // a state in which all is worth 0; item 1 costs 1 and leads to one in which itself brings 2 again and again.
  const TabularProblem problem(2, {core::ChoiceLaw::kSoftmax, std::nullopt}, {0, 0, 0, 2, 1, -1});
  const SolvedSlates best = problem.Solve(1, 0.5);
  // State 1: 2 / (1 - 1/2) = 4. State 0: item 1 brings 0 and 4 / 2. Start: -1 + 4 / 2 = 1 against 1 + 2 / 2 = 2.
  ExpectNear(best.value, {2.0, 4.0, 2.0}, 1e-12);
  EXPECT_EQ(best.slates, (Items{1, 1, 0}));
  const SolvedSlates myopic = problem.SolveMyopic(1, 0.5);
  EXPECT_EQ(myopic.slates, (Items{0, 1, 0}));  // of equal slates the first
  ExpectNear(myopic.value, {0.0, 4.0, 1.0}, 1e-12);
  ExpectNear(problem.OptimalReturn(1, 1, 0.5), {0.0, 2.0, 1.0}, 1e-12);
  ExpectNear(problem.OptimalReturn(1, 2, 1.0), {2.0, 4.0, 1.0}, 1e-12);
  ExpectNear(problem.OptimalReturn(1, 0, 1.0), {0.0, 0.0, 0.0}, 0.0);
}

TEST(SolveTest, TheOptimumIsThatOfNaiveValueIteration) {
  const auto world = World(7, 3);
  const TabularProblem& problem = world->problem();
  const SolvedSlates best = problem.Solve(3, 0.9);
  ExpectNear(best.value, NaiveValues(problem, 0.9, 400, false), 1e-9);
  ExpectNear(problem.ValueOf(View(problem, best.slates), 0.9), best.value, 1e-10);
  ExpectNear(problem.BestSlates(3, best.value, 0.9).value, best.value, 1e-10);
  ExpectNear(problem.OptimalReturn(3, 12, 0.95), NaiveValues(problem, 0.95, 12, false), 1e-9);
}

TEST(SolveTest, RandomSlatesAreWorthTheMeanOverSlates) {
  const auto world = World(6, 4);
  ExpectNear(world->problem().ValueOfRandom(3, 0.8), NaiveValues(world->problem(), 0.8, 200, true), 1e-9);
}

TEST(SolveTest, OtherLawsOfChoiceAreSolvedToo) {
  const auto world = World(6, 5);
  std::vector<float> rewards;
  for (std::int64_t state = 0; state < 7; ++state) {
    const auto row = world->problem().rewards(state);
    rewards.insert(rewards.end(), row.begin(), row.end());
  }
  const TabularProblem problem(6, {core::ChoiceLaw::kSparsemax, 0.0F}, rewards);
  const SolvedSlates best = problem.Solve(3, 0.9);
  for (std::int64_t state = 0; state < 7; ++state) {
    double most = -1e300;
    for (const Items& slate : Triples(6)) {
      most = std::max(most, problem.SlateValue(state, slate, best.value, 0.9));
    }
    EXPECT_NEAR(most, best.value[state], 1e-10);
  }
}

TEST(SolveTest, TheCascadeOfExactPrefixValuesIsTheBestSlateInEveryState) {
  constexpr std::int64_t kItems = 10;
  const std::vector<Items> triples = Triples(kItems);
  for (const std::int64_t seed : {1, 2, 3}) {
    const auto world = World(kItems, seed);
    const TabularProblem& problem = world->problem();
    const SolvedSlates best = problem.Solve(3, 0.9);
    for (std::int64_t state = 0; state <= kItems; ++state) {
      Items cascade;
      for (int place = 0; place < 3; ++place) {
        double most = -1e300;
        std::int32_t chosen = -1;
        for (std::int32_t item = 0; item < kItems; ++item) {
          if (std::find(cascade.begin(), cascade.end(), item) != cascade.end()) {
            continue;
          }
          Items prefix = cascade;
          prefix.push_back(item);
          const double q = problem.PrefixValue(state, prefix, 3, best.value, 0.9);
          if (q > most) {
            most = q;
            chosen = item;
          }
        }
        // At the optimum all prefix values agree: the constraint on the Q^j.
        EXPECT_NEAR(most, best.value[state], 1e-9);
        cascade.push_back(chosen);
      }
      double brute_force = -1e300;
      Items brute_force_slate;
      for (const Items& slate : triples) {
        const double q = NaiveQ(problem, state, slate, best.value, 0.9);
        if (q > brute_force) {
          brute_force = q;
          brute_force_slate = slate;
        }
      }
      std::sort(cascade.begin(), cascade.end());
      EXPECT_EQ(cascade, brute_force_slate) << seed << ' ' << state;
      EXPECT_NEAR(problem.SlateValue(state, cascade, best.value, 0.9), brute_force, 1e-12);
    }
  }
}

TEST(SolveTest, PrefixValuesDoNotDependOnTheOrderOfThePrefix) {
  const auto world = World(8, 1);
  const Values value(9, 1.5);
  const double one_way = world->problem().PrefixValue(2, Items{5, 1}, 4, value, 0.9);
  EXPECT_NEAR(one_way, world->problem().PrefixValue(2, Items{1, 5}, 4, value, 0.9), 1e-12);
  EXPECT_LE(one_way, world->problem().PrefixValue(2, Items{5}, 4, value, 0.9) + 1e-12);
  EXPECT_NEAR(world->problem().PrefixValue(2, {}, 4, value, 0.9), world->problem().BestSlates(4, value, 0.9).value[2],
              1e-12);
}

TEST(SolveTest, RefusesWhatIsTooLargeToGoThrough) {
  const auto world = World(100, 1);
  const TabularProblem& problem = world->problem();
  EXPECT_EQ(problem.NumSlates(3), 161'700.0 * 101.0);
  try {
    (void)problem.Solve(4, 0.9);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(std::string(error.what()),
              "solving a world: slates of all states: '396043725'; expected at most 20000000");
  }
  EXPECT_THROW((void)problem.Solve(0, 0.9), base::Error);
  EXPECT_THROW((void)problem.ValueOfRandom(101, 0.9), base::Error);
  EXPECT_EQ(world->Optimum(4, 20, 1.0), std::nullopt);
  EXPECT_EQ(world->Optimum(101, 20, 1.0), std::nullopt);
  EXPECT_EQ(world->Optimum(1, 100'000'000, 1.0), std::nullopt);
}

TEST(SolveTest, TheOptimumOfTheWorldIsTheReturnFromTheStart) {
  const auto world = World(10, 2);
  const Values naive = NaiveValues(world->problem(), 1.0, 20, false);
  EXPECT_NEAR(world->Optimum(3, 20, 1.0).value(), naive.back(), 1e-9);
  // A far horizon with a discount is the infinite one.
  EXPECT_NEAR(world->Optimum(3, 1'000'000, 0.9).value(), world->problem().Solve(3, 0.9).value.back(), 1e-9);
}

// The slate of the k largest scores in every state.
Items TopSlates(const TabularProblem& problem, std::int64_t k, const std::vector<Values>& scores) {
  Items slates;
  for (std::int64_t state = 0; state < problem.num_states(); ++state) {
    Items order(static_cast<std::size_t>(problem.num_items()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return scores[state][a] > scores[state][b]; });
    slates.insert(slates.end(), order.begin(), order.begin() + k);
  }
  return slates;
}

// No order of the others is promised: what is liked most often leads to where nothing is liked.
TEST(SolveTest, WhoSeesTheStateBeatsChanceAndWhoPlansBeatsWhoDoesNot) {
  constexpr double kDiscount = 0.9;
  for (const std::int64_t seed : {1, 2, 3, 4, 5}) {
    const auto world = World(20, seed);
    const TabularProblem& problem = world->problem();
    std::vector<Values> rewards;
    Values sum(20, 0.0);
    for (std::int64_t state = 0; state < problem.num_states(); ++state) {
      rewards.emplace_back(problem.rewards(state).begin(), problem.rewards(state).end());
      std::transform(sum.begin(), sum.end(), rewards.back().begin(), sum.begin(), std::plus<>());
    }
    const std::vector<Values> popularity(rewards.size(), sum);
    const double random = Mean(problem.ValueOfRandom(3, kDiscount));
    const double popular = Mean(problem.ValueOf(View(problem, TopSlates(problem, 3, popularity)), kDiscount));
    const double greedy = Mean(problem.ValueOf(View(problem, TopSlates(problem, 3, rewards)), kDiscount));
    const double myopic = Mean(problem.SolveMyopic(3, kDiscount).value);
    const double optimal = Mean(problem.Solve(3, kDiscount).value);
    EXPECT_LT(random, greedy) << seed;
    EXPECT_LT(random, myopic) << seed;
    EXPECT_LT(popular, greedy) << seed;
    EXPECT_LT(greedy, optimal - 1.0) << seed;
    EXPECT_LT(myopic, optimal - 1.0) << seed;
  }
}

}  // namespace
}  // namespace recforce::sim
