// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/estimators.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include "ope/checks.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr std::array kEstimators = {
    EstimatorInfo{Estimator::kReplay, "replay", "mean reward of the rounds where the logged action is the policy's own",
                  WeightColumn::kMatch, Shrinkage::kNone, false, true},
    EstimatorInfo{Estimator::kIps, "ips", "inverse propensity scores", WeightColumn::kImportance, Shrinkage::kNone,
                  false, false},
    EstimatorInfo{Estimator::kClippedIps, "cips", "inverse propensity scores, weights clipped",
                  WeightColumn::kImportance, Shrinkage::kClip, false, false},
    EstimatorInfo{Estimator::kSnips, "snips", "self-normalised inverse propensity scores", WeightColumn::kImportance,
                  Shrinkage::kNone, false, true},
    EstimatorInfo{Estimator::kSubGaussianIps, "sgips", "inverse propensity scores, weights shrunk to sub-Gaussian",
                  WeightColumn::kImportance, Shrinkage::kSubGaussian, false, false},
    EstimatorInfo{Estimator::kDm, "dm", "direct method: predicted rewards alone", WeightColumn::kNone, Shrinkage::kNone,
                  true, false},
    EstimatorInfo{Estimator::kDr, "dr", "doubly robust", WeightColumn::kImportance, Shrinkage::kNone, true, false},
    EstimatorInfo{Estimator::kClippedDr, "cdr", "doubly robust, weights clipped", WeightColumn::kImportance,
                  Shrinkage::kClip, true, false},
    EstimatorInfo{Estimator::kSndr, "sndr", "self-normalised doubly robust", WeightColumn::kImportance,
                  Shrinkage::kNone, true, true},
    EstimatorInfo{Estimator::kSwitchDr, "switch", "doubly robust, predicted rewards alone where weights are large",
                  WeightColumn::kImportance, Shrinkage::kSwitch, true, false},
    EstimatorInfo{Estimator::kDrOs, "dros", "doubly robust with optimistic shrinkage", WeightColumn::kImportance,
                  Shrinkage::kOptimistic, true, false},
    EstimatorInfo{Estimator::kSubGaussianDr, "sgdr", "doubly robust, weights shrunk to sub-Gaussian",
                  WeightColumn::kImportance, Shrinkage::kSubGaussian, true, false},
    EstimatorInfo{Estimator::kMrdr, "mrdr", "doubly robust on rewards predicted with MRDR weights",
                  WeightColumn::kImportance, Shrinkage::kNone, true, false},
    EstimatorInfo{Estimator::kMips, "mips", "marginalised inverse propensity scores, over embeddings of actions",
                  WeightColumn::kMarginal, Shrinkage::kNone, false, false},
    EstimatorInfo{Estimator::kBalancedIps, "bips", "inverse propensity scores with balanced weights",
                  WeightColumn::kBalanced, Shrinkage::kNone, false, true},
};

constexpr std::array kWeightGrid = {1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, kInfinity};
constexpr std::array kSubGaussianGrid = {0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0};

struct WeightSource {
  std::string_view what;
  std::span<const double> values;
};

WeightSource SourceOf(WeightColumn column, const Rounds& rounds) {
  switch (column) {
    case WeightColumn::kNone:
      return {"", {}};
    case WeightColumn::kMatch:
      return {"matches with the policy", rounds.match};
    case WeightColumn::kImportance:
      return {"importance weights", rounds.weight};
    case WeightColumn::kBalanced:
      return {"balanced weights", rounds.balanced_weight};
    case WeightColumn::kMarginal:
      return {"marginal weights", rounds.marginal_weight};
  }
  RECFORCE_CHECK(false, "a column of weights that does not exist");
}

void RequireLambda(const EstimatorInfo& info, double lambda) {
  const double largest = info.shrinkage == Shrinkage::kSubGaussian ? 1.0 : kInfinity;
  if (!(lambda >= 0.0 && lambda <= largest)) {
    Fail("lambda of " + std::string(info.name), base::FormatReal(lambda),
         largest == 1.0 ? "a number from 0 to 1" : "a number from 0 on, or infinity");
  }
}

void RequireColumn(std::string_view estimator, std::string_view what, std::span<const double> values, std::size_t n) {
  const std::string column = std::string(estimator) + ": " + std::string(what);
  RequireSize(column, values.size(), n, "one for each round");
  RequireFinite(column, values);
}

void RequireWeights(std::string_view estimator, WeightColumn column, const WeightSource& source, std::size_t n) {
  RequireColumn(estimator, source.what, source.values, n);
  RequireNotNegative(source.what, source.values);
  if (column == WeightColumn::kMatch) {
    for (std::size_t i = 0; i < n; ++i) {
      if (source.values[i] != 0.0 && source.values[i] != 1.0) {
        Fail(source.what, base::FormatReal(source.values[i]) + " at index " + std::to_string(i), "0 or 1");
      }
    }
  }
}

}  // namespace

std::span<const EstimatorInfo> Estimators() { return kEstimators; }

const EstimatorInfo& InfoOf(Estimator estimator) {
  const auto index = static_cast<std::size_t>(estimator);
  RECFORCE_CHECK(index < kEstimators.size() && kEstimators[index].estimator == estimator, "estimators out of order");
  return kEstimators[index];
}

std::optional<Estimator> FindEstimator(std::string_view name) {
  const auto* const found = std::find_if(kEstimators.begin(), kEstimators.end(),
                                         [name](const EstimatorInfo& info) { return info.name == name; });
  return found == kEstimators.end() ? std::nullopt : std::optional(found->estimator);
}

double Shrink(Shrinkage shrinkage, double weight, double lambda) {
  switch (shrinkage) {
    case Shrinkage::kNone:
      return weight;
    case Shrinkage::kClip:
      return std::min(weight, lambda);
    case Shrinkage::kSwitch:
      return weight <= lambda ? weight : 0.0;
    case Shrinkage::kOptimistic:
      // Divided by lambda, so that infinity needs no case of its own.
      return lambda == 0.0 ? 0.0 : weight / (weight * weight / lambda + 1.0);
    case Shrinkage::kSubGaussian:
      // 0 / 0 at lambda = 1: the limit from below is 0.
      return weight == 0.0 ? 0.0 : weight / (1.0 - lambda + lambda * weight);
  }
  RECFORCE_CHECK(false, "a shrinkage that does not exist");
}

double NeutralLambda(Shrinkage shrinkage) { return shrinkage == Shrinkage::kSubGaussian ? 0.0 : kInfinity; }

std::span<const double> LambdaGrid(Shrinkage shrinkage) {
  switch (shrinkage) {
    case Shrinkage::kNone:
      return {};
    case Shrinkage::kClip:
    case Shrinkage::kSwitch:
    case Shrinkage::kOptimistic:
      return kWeightGrid;
    case Shrinkage::kSubGaussian:
      return kSubGaussianGrid;
  }
  RECFORCE_CHECK(false, "a shrinkage that does not exist");
}

Terms Estimate(Estimator estimator, const Rounds& rounds, std::optional<double> lambda) {
  const EstimatorInfo& info = InfoOf(estimator);
  const double parameter = lambda.value_or(NeutralLambda(info.shrinkage));
  if (info.shrinkage != Shrinkage::kNone) {
    RequireLambda(info, parameter);
  }
  const std::size_t n = rounds.reward.size();
  RequireRounds("rounds", n);
  RequireFinite("rewards", rounds.reward);
  if (info.needs_q) {
    RequireColumn(info.name, "predicted rewards of logged actions", rounds.q_logged, n);
    RequireColumn(info.name, "predicted rewards of the policy", rounds.q_policy, n);
  }
  Terms terms;
  if (info.weight == WeightColumn::kNone) {
    terms.ratios.push_back({{rounds.q_policy.begin(), rounds.q_policy.end()}, {}});
    return terms;
  }
  const WeightSource source = SourceOf(info.weight, rounds);
  RequireWeights(info.name, info.weight, source, n);
  std::vector<double> weights(n);
  std::vector<double> residuals(n);
  for (std::size_t i = 0; i < n; ++i) {
    weights[i] = Shrink(info.shrinkage, source.values[i], parameter);
    residuals[i] = weights[i] * (rounds.reward[i] - (info.needs_q ? rounds.q_logged[i] : 0.0));
    if (info.needs_q && !info.self_normalised) {
      residuals[i] += rounds.q_policy[i];
    }
  }
  terms.ratios.push_back({std::move(residuals), info.self_normalised ? std::move(weights) : std::vector<double>()});
  if (info.needs_q && info.self_normalised) {
    terms.ratios.push_back({{rounds.q_policy.begin(), rounds.q_policy.end()}, {}});
  }
  return RequireFiniteTerms("weighted rewards", std::move(terms));
}

}  // namespace recforce::ope
