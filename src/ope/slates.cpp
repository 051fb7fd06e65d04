// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/slates.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include "ope/checks.h"
#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

constexpr std::array kSlateEstimators = {
    SlateEstimatorInfo{SlateEstimator::kSips, "sips", "nothing of users"},
    SlateEstimatorInfo{SlateEstimator::kIips, "iips", "a slot's reward depends on its own item"},
    SlateEstimatorInfo{SlateEstimator::kRips, "rips", "a slot's reward depends on items up to it"},
    SlateEstimatorInfo{SlateEstimator::kSelfNormalisedSips, "snsips", "nothing of users"},
    SlateEstimatorInfo{SlateEstimator::kSelfNormalisedIips, "sniips", "a slot's reward depends on its own item"},
    SlateEstimatorInfo{SlateEstimator::kSelfNormalisedRips, "snrips", "a slot's reward depends on items up to it"},
    SlateEstimatorInfo{SlateEstimator::kCascadeDr, "cascade-dr", "a slot's reward depends on items up to it"},
    SlateEstimatorInfo{SlateEstimator::kPseudoInverse, "pi", "a slate's reward is a sum over slots and items"},
    SlateEstimatorInfo{SlateEstimator::kWeightedPseudoInverse, "wpi", "a slate's reward is a sum over slots and items"},
    SlateEstimatorInfo{SlateEstimator::kPbm, "pbm", "a reward is the slot's examination times the item's appeal"},
};

struct Shape {
  std::size_t slates = 0;
  std::size_t length = 0;
};

Shape RequireShape(const SlateRounds& rounds) {
  if (rounds.length < 1 || rounds.reward.empty() ||
      rounds.reward.size() % static_cast<std::size_t>(rounds.length) != 0) {
    Fail("rewards of slates", std::to_string(rounds.reward.size()) + " values",
         "rows of " + std::to_string(rounds.length) + ", at least one");
  }
  RequireFinite("rewards of slates", rounds.reward);
  const auto length = static_cast<std::size_t>(rounds.length);
  return {rounds.reward.size() / length, length};
}

std::span<const double> RequireRatios(std::string_view what, std::span<const double> ratios,
                                      std::span<const double> reward) {
  RequireSize(what, ratios.size(), reward.size(), "one for each slot");
  RequireNotNegative(what, ratios);
  return ratios;
}

// [n, L] products of the steps up to each slot.
std::vector<double> CumulativeWeights(const SlateRounds& rounds, const Shape& shape) {
  const auto steps = RequireRatios("ratios of steps", rounds.step_ratio, rounds.reward);
  std::vector<double> weights(steps.begin(), steps.end());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] *= i % shape.length == 0 ? 1.0 : weights[i - 1];
  }
  return weights;
}

// One weight a slate.
Terms WholeSlate(const SlateRounds& rounds, const Shape& shape, std::vector<double> weights, bool self_normalised) {
  std::vector<double> numerator(shape.slates, 0.0);
  for (std::size_t i = 0; i < rounds.reward.size(); ++i) {
    numerator[i / shape.length] += weights[i / shape.length] * rounds.reward[i];
  }
  Terms terms;
  terms.ratios.push_back({std::move(numerator), self_normalised ? std::move(weights) : std::vector<double>()});
  return terms;
}

// One weight a slot.
Terms SlotBySlot(const SlateRounds& rounds, const Shape& shape, std::span<const double> weights, bool self_normalised) {
  Terms terms;
  terms.ratios.resize(self_normalised ? shape.length : 1);
  for (Terms::Ratio& ratio : terms.ratios) {
    ratio.numerator.assign(shape.slates, 0.0);
    ratio.denominator.assign(self_normalised ? shape.slates : 0, 0.0);
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    Terms::Ratio& ratio = terms.ratios[self_normalised ? i % shape.length : 0];
    ratio.numerator[i / shape.length] += weights[i] * rounds.reward[i];
    if (self_normalised) {
      ratio.denominator[i / shape.length] = weights[i];
    }
  }
  return terms;
}

std::vector<double> LastSlots(std::span<const double> weights, const Shape& shape) {
  std::vector<double> last(shape.slates);
  for (std::size_t slate = 0; slate < shape.slates; ++slate) {
    last[slate] = weights[(slate + 1) * shape.length - 1];
  }
  return last;
}

Terms CascadeDr(const SlateRounds& rounds, const Shape& shape) {
  const std::vector<double> weights = CumulativeWeights(rounds, shape);
  for (const auto& [what, values] : {std::pair{"predicted rewards of logged slots", rounds.q_logged},
                                     std::pair{"predicted rewards of the policy's slots", rounds.q_policy}}) {
    RequireSize(what, values.size(), rounds.reward.size(), "one for each slot");
    RequireFinite(what, values);
  }
  Terms terms;
  terms.ratios.resize(1);
  std::vector<double>& numerator = terms.ratios.front().numerator;
  numerator.assign(shape.slates, 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double before = i % shape.length == 0 ? 1.0 : weights[i - 1];
    numerator[i / shape.length] += weights[i] * (rounds.reward[i] - rounds.q_logged[i]) + before * rounds.q_policy[i];
  }
  return terms;
}

Terms PseudoInverse(const SlateRounds& rounds, const Shape& shape, bool self_normalised) {
  RequireSize("weights of the pseudo-inverse", rounds.pi_weight.size(), shape.slates, "one for each slate");
  RequireFinite("weights of the pseudo-inverse", rounds.pi_weight);
  return WholeSlate(rounds, shape, {rounds.pi_weight.begin(), rounds.pi_weight.end()}, self_normalised);
}

Terms TermsOf(SlateEstimator estimator, const SlateRounds& rounds, const Shape& shape) {
  switch (estimator) {
    case SlateEstimator::kSips:
    case SlateEstimator::kSelfNormalisedSips:
      return WholeSlate(rounds, shape, LastSlots(CumulativeWeights(rounds, shape), shape),
                        estimator == SlateEstimator::kSelfNormalisedSips);
    case SlateEstimator::kIips:
    case SlateEstimator::kSelfNormalisedIips:
      return SlotBySlot(rounds, shape, RequireRatios("ratios of positions", rounds.position_ratio, rounds.reward),
                        estimator == SlateEstimator::kSelfNormalisedIips);
    case SlateEstimator::kRips:
    case SlateEstimator::kSelfNormalisedRips:
      return SlotBySlot(rounds, shape, CumulativeWeights(rounds, shape),
                        estimator == SlateEstimator::kSelfNormalisedRips);
    case SlateEstimator::kCascadeDr:
      return CascadeDr(rounds, shape);
    case SlateEstimator::kPseudoInverse:
    case SlateEstimator::kWeightedPseudoInverse:
      return PseudoInverse(rounds, shape, estimator == SlateEstimator::kWeightedPseudoInverse);
    case SlateEstimator::kPbm:
      return SlotBySlot(rounds, shape, RequireRatios("ratios of examination", rounds.examined_ratio, rounds.reward),
                        false);
  }
  RECFORCE_CHECK(false, "an estimator of slates that does not exist");
}

}  // namespace

std::span<const SlateEstimatorInfo> SlateEstimators() { return kSlateEstimators; }

std::optional<SlateEstimator> FindSlateEstimator(std::string_view name) {
  const auto* const found = std::find_if(kSlateEstimators.begin(), kSlateEstimators.end(),
                                         [name](const SlateEstimatorInfo& info) { return info.name == name; });
  return found == kSlateEstimators.end() ? std::nullopt : std::optional(found->estimator);
}

Terms EstimateSlates(SlateEstimator estimator, const SlateRounds& rounds) {
  const Shape shape = RequireShape(rounds);
  return RequireFiniteTerms("weighted rewards of slates", TermsOf(estimator, rounds, shape));
}

std::vector<double> ExaminedRatios(std::span<const double> theta, std::span<const double> policy,
                                   std::span<const double> logging) {
  RequireRounds("chances of examination", theta.size());
  RequireNotNegative("chances of examination", theta);
  const std::size_t length = theta.size();
  if (policy.empty() || policy.size() % (length * length) != 0) {
    Fail("the policy's slots of items", std::to_string(policy.size()) + " values",
         "a row of " + std::to_string(length) + " for each slot shown, at least one slate");
  }
  RequireSize("the logging policy's slots of items", logging.size(), policy.size(), "as many as the policy's");
  RequireProbabilities("the policy's slots of items", policy);
  RequireProbabilities("the logging policy's slots of items", logging);
  std::vector<double> ratios(policy.size() / length);
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    double under_policy = 0.0;
    double under_logging = 0.0;
    for (std::size_t slot = 0; slot < length; ++slot) {
      under_policy += theta[slot] * policy[i * length + slot];
      under_logging += theta[slot] * logging[i * length + slot];
    }
    if (under_logging <= 0.0) {
      Fail("the logging policy's chance that an item is examined", "0 at index " + std::to_string(i),
           "numbers above 0, since the item was shown");
    }
    ratios[i] = under_policy / under_logging;
  }
  return ratios;
}

}  // namespace recforce::ope
