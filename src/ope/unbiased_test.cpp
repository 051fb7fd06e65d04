// SPDX-License-Identifier: Apache-2.0
// What estimators and intervals promise on average, on a world of five contexts and four actions whose truth is known:
// by enumeration where a promise is an equality, by repetition where it is about samples.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/ope/diagnostics.h"
#include "recforce/ope/estimators.h"
#include "recforce/ope/intervals.h"

namespace recforce::ope {
namespace {

using Column = std::vector<double>;
constexpr int kContexts = 5;
constexpr int kActions = 4;
using Table = std::array<std::array<double, kActions>, kContexts>;

// A softmax of `sharpness` times numbers in [0, 1].
Table MakePolicy(double sharpness, std::uint64_t seed) {
  Table table{};
  for (int x = 0; x < kContexts; ++x) {
    base::Rng rng(seed, base::Stream::kTest, static_cast<std::uint64_t>(x));
    double total = 0.0;
    for (double& p : table[x]) {
      p = std::exp(sharpness * rng.Uniform());
      total += p;
    }
    for (double& p : table[x]) {
      p /= total;
    }
  }
  return table;
}

// Rewards are 0 or 1 with mean `reward`; contexts are equally likely.
struct World {
  Table logging = MakePolicy(2.0, 1);
  Table policy = MakePolicy(2.0, 2);
  Table reward = MakePolicy(1.5, 3);
  Table predicted = reward;    // q
  Table propensity = logging;  // what the estimator is told

  [[nodiscard]] double PredictedValue(int x) const {
    double sum = 0.0;
    for (int a = 0; a < kActions; ++a) {
      sum += policy[x][a] * predicted[x][a];
    }
    return sum;
  }
  [[nodiscard]] double Truth() const {
    double sum = 0.0;
    for (int x = 0; x < kContexts; ++x) {
      for (int a = 0; a < kActions; ++a) {
        sum += policy[x][a] * reward[x][a] / kContexts;
      }
    }
    return sum;
  }
  [[nodiscard]] double LargestWeight() const {
    double largest = 0.0;
    for (int x = 0; x < kContexts; ++x) {
      for (int a = 0; a < kActions; ++a) {
        largest = std::max(largest, policy[x][a] / propensity[x][a]);
      }
    }
    return largest;
  }
};

struct Log {
  Column reward, weight, q_logged, q_policy;
  Column chance;  // of the round, where a log enumerates the world
  void Add(const World& world, int x, int a, double r) {
    reward.push_back(r);
    weight.push_back(world.policy[x][a] / world.propensity[x][a]);
    q_logged.push_back(world.predicted[x][a]);
    q_policy.push_back(world.PredictedValue(x));
  }
  [[nodiscard]] Rounds rounds() const {
    return {.reward = reward, .weight = weight, .q_logged = q_logged, .q_policy = q_policy};
  }
};

Log Sample(const World& world, int n, std::uint64_t repeat) {
  base::Rng rng(11, base::Stream::kTest, repeat);
  Log log;
  for (int i = 0; i < n; ++i) {
    const int x = static_cast<int>(rng.Below(kContexts));
    const double u = rng.Uniform();
    int a = 0;
    for (double below = world.logging[x][0]; u >= below && a + 1 < kActions; below += world.logging[x][a]) {
      ++a;
    }
    log.Add(world, x, a, rng.Uniform() < world.reward[x][a] ? 1.0 : 0.0);
  }
  return log;
}

Log Enumerate(const World& world) {
  Log log;
  for (int x = 0; x < kContexts; ++x) {
    for (int a = 0; a < kActions; ++a) {
      for (const double r : {0.0, 1.0}) {
        log.Add(world, x, a, r);
        const double mean = world.reward[x][a];
        log.chance.push_back(world.logging[x][a] * (r > 0.0 ? mean : 1.0 - mean) / kContexts);
      }
    }
  }
  return log;
}

// E of an estimator that is a mean.
double Expected(Estimator estimator, const World& world, std::optional<double> lambda = std::nullopt) {
  const Log log = Enumerate(world);
  const Terms terms = Estimate(estimator, log.rounds(), lambda);
  EXPECT_TRUE(terms.IsMean());
  double sum = 0.0;
  for (std::size_t i = 0; i < log.chance.size(); ++i) {
    sum += log.chance[i] * terms.ratios.front().numerator[i];
  }
  return sum;
}

World WithWrongPredictions() {
  World world;
  world.predicted = MakePolicy(3.0, 4);
  return world;
}

World WithWrongPropensities() {
  World world;
  world.propensity = MakePolicy(2.0, 5);
  return world;
}

TEST(OpeUnbiased, ByEnumeration) {
  const World right;
  const double truth = right.Truth();
  for (const World& world : {right, WithWrongPredictions()}) {
    EXPECT_NEAR(Expected(Estimator::kIps, world), truth, 1e-12);
    EXPECT_NEAR(Expected(Estimator::kDr, world), truth, 1e-12);
    EXPECT_NEAR(Expected(Estimator::kMrdr, world), truth, 1e-12);
  }
  EXPECT_NEAR(Expected(Estimator::kDr, WithWrongPropensities()), truth, 1e-12);
  EXPECT_NEAR(Expected(Estimator::kDm, WithWrongPropensities()), truth, 1e-12);
  // Which of both was right does matter to the others.
  EXPECT_GT(std::abs(Expected(Estimator::kIps, WithWrongPropensities()) - truth), 0.01);
  EXPECT_GT(std::abs(Expected(Estimator::kDm, WithWrongPredictions()) - truth), 0.01);
}

TEST(OpeUnbiased, BiasOfShrunkWeightsByEnumeration) {
  const World world = WithWrongPredictions();
  const Log log = Enumerate(world);
  for (const auto& [estimator, with_q, lambda] : {std::tuple{Estimator::kClippedIps, false, 1.2},
                                                  {Estimator::kSubGaussianIps, false, 0.3},
                                                  {Estimator::kClippedDr, true, 1.2},
                                                  {Estimator::kSwitchDr, true, 1.2},
                                                  {Estimator::kDrOs, true, 3.0},
                                                  {Estimator::kSubGaussianDr, true, 0.3}}) {
    double bias = 0.0;
    for (std::size_t i = 0; i < log.chance.size(); ++i) {
      const double w = log.weight[i];
      const double shrunk = Shrink(InfoOf(estimator).shrinkage, w, lambda);
      bias += log.chance[i] * (shrunk - w) * (log.reward[i] - (with_q ? log.q_logged[i] : 0.0));
    }
    EXPECT_NEAR(Expected(estimator, world, lambda) - world.Truth(), bias, 1e-12) << InfoOf(estimator).name;
    EXPECT_GT(std::abs(bias), 0.003) << InfoOf(estimator).name;
  }
}

// The mean over repeats, less the truth, in standard errors.
struct Deviation {
  double errors = 0.0;
  double rmse = 0.0;
};

// Of each estimator over `repeats` logs of 400 rounds.
std::vector<Deviation> DeviationsOf(std::span<const Estimator> estimators, const World& world, int repeats) {
  const double truth = world.Truth();
  Column sum(estimators.size(), 0.0);
  Column squares = sum;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const Log log = Sample(world, 400, static_cast<std::uint64_t>(repeat));
    for (std::size_t at = 0; at < estimators.size(); ++at) {
      const double off = Estimate(estimators[at], log.rounds()).Value() - truth;
      sum[at] += off;
      squares[at] += off * off;
    }
  }
  std::vector<Deviation> deviations;
  for (std::size_t at = 0; at < estimators.size(); ++at) {
    const double mean = sum[at] / repeats;
    const double square = squares[at] / repeats;
    deviations.push_back({mean / std::sqrt((square - mean * mean) / repeats), std::sqrt(square)});
  }
  return deviations;
}

TEST(OpeUnbiased, ByRepetition) {
  constexpr int kRepeats = 20000;
  const std::array estimators = {Estimator::kIps, Estimator::kDr, Estimator::kSnips};
  const std::vector<Deviation> right = DeviationsOf(estimators, World(), kRepeats);
  EXPECT_LT(std::abs(right[0].errors), 4.0);
  EXPECT_LT(std::abs(right[1].errors), 4.0);
  EXPECT_LT(right[1].rmse, right[0].rmse);
  EXPECT_LT(right[2].rmse, right[0].rmse);
  const std::vector<Deviation> no_predictions = DeviationsOf(estimators, WithWrongPredictions(), kRepeats);
  EXPECT_LT(std::abs(no_predictions[1].errors), 4.0);
  const std::vector<Deviation> no_propensities = DeviationsOf(estimators, WithWrongPropensities(), kRepeats);
  EXPECT_LT(std::abs(no_propensities[1].errors), 4.0);
  EXPECT_GT(std::abs(no_propensities[0].errors), 40.0);
}

TEST(OpeUnbiased, MeanWeightFindsWrongPropensities) {
  const Log right = Sample(World(), 4000, 1);
  EXPECT_FALSE(JudgeSupport(SummariseWeights(right.weight)).refused());
  const Log wrong = Sample(WithWrongPropensities(), 4000, 1);
  EXPECT_FALSE(SummariseMean(wrong.weight).is_one);
  EXPECT_TRUE(JudgeSupport(SummariseWeights(wrong.weight)).refused());
}

struct Share {
  int in = 0;
  int of = 0;
  void Count(bool is) {
    in += is ? 1 : 0;
    ++of;
  }
  [[nodiscard]] double value() const { return static_cast<double>(in) / of; }
};

TEST(OpeIntervals, CoverAsOftenAsTheySay) {
  const World world;
  const double truth = world.Truth();
  const auto covers = [truth](const Interval& interval) { return interval.low <= truth && truth <= interval.high; };
  Share bootstrap_ips;
  Share bootstrap_snips;
  Share student_ips;
  Share delta_snips;
  Share student_dr;
  for (std::uint64_t repeat = 0; repeat < 1000; ++repeat) {
    const Log log = Sample(world, 120, repeat);
    const Terms ips = Estimate(Estimator::kIps, log.rounds());
    const Terms snips = Estimate(Estimator::kSnips, log.rounds());
    const BootstrapOptions options = {.replicates = 240, .seed = repeat};
    bootstrap_ips.Count(covers(BootstrapInterval(ips, options)));
    bootstrap_snips.Count(covers(BootstrapInterval(snips, options)));
    student_ips.Count(covers(StudentInterval(ips)));
    delta_snips.Count(covers(DeltaInterval(snips)));
    student_dr.Count(covers(StudentInterval(Estimate(Estimator::kDr, log.rounds()))));
  }
  for (const Share& share : {bootstrap_ips, bootstrap_snips, student_ips, delta_snips, student_dr}) {
    EXPECT_GE(share.value(), 0.92);
    EXPECT_LE(share.value(), 0.97);
  }
}

TEST(OpeIntervals, LowerBoundsExceedTheTruthAtMostAsOftenAsTheySay) {
  const World world;
  const double truth = world.Truth();
  constexpr double kDelta = 0.1;
  Share hoeffding;
  Share bernstein;
  Share student;
  for (std::uint64_t repeat = 0; repeat < 1000; ++repeat) {
    const Log log = Sample(world, 200, repeat);
    const Column terms = Estimate(Estimator::kIps, log.rounds()).ratios.front().numerator;
    hoeffding.Count(HoeffdingLowerBound(terms, world.LargestWeight(), kDelta) > truth);
    bernstein.Count(BernsteinLowerBound(terms, world.LargestWeight(), kDelta) > truth);
    student.Count(StudentLowerBound(terms, kDelta) > truth);
  }
  EXPECT_LE(hoeffding.value(), kDelta);
  EXPECT_LE(bernstein.value(), kDelta);
  // Student's is not a bound but a level: 4 standard errors of 1,000 repeats, and the skewness of products w r.
  EXPECT_NEAR(student.value(), kDelta, 4.0 * std::sqrt(kDelta * (1.0 - kDelta) / 1000.0));
}

}  // namespace
}  // namespace recforce::ope
