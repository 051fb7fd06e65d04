// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/weights.h"

#include <cstddef>
#include <string>

#include "ope/checks.h"
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

void RequirePolicyAndPropensity(std::span<const double> policy, std::span<const double> propensity) {
  RequireRounds("rounds", policy.size());
  RequireSize("propensities", propensity.size(), policy.size(), "one for each round");
  RequireProbabilities("the policy's probabilities", policy);
  RequireProbabilities("propensities", propensity, true);
}

// Rows of both, which are equally many.
std::size_t RequireBoth(std::span<const double> policy, std::span<const double> logging, std::int64_t num_actions) {
  const std::size_t rounds = RequireDistributions("the policy's probabilities", policy, num_actions);
  RequireSize("the logging policy's probabilities", logging.size(), policy.size(), "one for each round and action");
  return RequireDistributions("the logging policy's probabilities", logging, num_actions) == rounds ? rounds : 0;
}

double Dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

[[noreturn]] void FailUnseen(std::size_t round) {
  Fail("the logging policy's probability of an embedding", "0 at index " + std::to_string(round),
       "numbers above 0, since the embedding was seen");
}

}  // namespace

std::vector<double> ImportanceWeights(std::span<const double> policy, std::span<const double> propensity) {
  RequirePolicyAndPropensity(policy, propensity);
  std::vector<double> weights(policy.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = policy[i] / propensity[i];
  }
  return weights;
}

std::vector<double> MrdrWeights(std::span<const double> policy, std::span<const double> propensity) {
  RequirePolicyAndPropensity(policy, propensity);
  std::vector<double> weights(policy.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    weights[i] = policy[i] * (1.0 - propensity[i]) / (propensity[i] * propensity[i]);
  }
  return weights;
}

std::vector<double> MarginalWeights(std::span<const double> policy, std::span<const double> logging,
                                    std::span<const double> likelihood, std::int64_t num_actions) {
  const std::size_t rounds = RequireBoth(policy, logging, num_actions);
  RequireSize("likelihoods of embeddings", likelihood.size(), policy.size(), "one for each round and action");
  RequireNotNegative("likelihoods of embeddings", likelihood);
  const auto width = static_cast<std::size_t>(num_actions);
  std::vector<double> weights(rounds);
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::span<const double> seen = likelihood.subspan(i * width, width);
    const double under_logging = Dot(logging.subspan(i * width, width), seen);
    if (under_logging <= 0.0) {
      FailUnseen(i);
    }
    weights[i] = Dot(policy.subspan(i * width, width), seen) / under_logging;
  }
  return weights;
}

std::vector<double> CategoryWeights(std::span<const double> policy, std::span<const double> logging,
                                    std::span<const std::int32_t> category, std::span<const std::int32_t> action) {
  const auto num_actions = static_cast<std::int64_t>(category.size());
  const std::size_t rounds = RequireBoth(policy, logging, num_actions);
  RequireSize("logged actions", action.size(), rounds, "one for each round");
  RequireIndices("logged actions", action, num_actions);
  std::vector<double> weights(rounds);
  for (std::size_t i = 0; i < rounds; ++i) {
    const std::int32_t seen = category[static_cast<std::size_t>(action[i])];
    double under_policy = 0.0;
    double under_logging = 0.0;
    for (std::size_t a = 0; a < category.size(); ++a) {
      if (category[a] == seen) {
        under_policy += policy[i * category.size() + a];
        under_logging += logging[i * category.size() + a];
      }
    }
    if (under_logging <= 0.0) {
      FailUnseen(i);
    }
    weights[i] = under_policy / under_logging;
  }
  return weights;
}

std::vector<double> AtAction(std::span<const double> values, std::span<const std::int32_t> action,
                             std::int64_t num_actions) {
  RequireRounds("actions", num_actions > 0 ? static_cast<std::size_t>(num_actions) : 0);
  RequireRounds("rounds", action.size());
  const auto width = static_cast<std::size_t>(num_actions);
  RequireSize("values of actions", values.size(), action.size() * width, "one for each round and action");
  RequireFinite("values of actions", values);
  RequireIndices("logged actions", action, num_actions);
  std::vector<double> column(action.size());
  for (std::size_t i = 0; i < column.size(); ++i) {
    column[i] = values[i * width + static_cast<std::size_t>(action[i])];
  }
  return column;
}

std::vector<double> ExpectedUnder(std::span<const double> policy, std::span<const double> values,
                                  std::int64_t num_actions) {
  const std::size_t rounds = RequireDistributions("the policy's probabilities", policy, num_actions);
  RequireSize("values of actions", values.size(), policy.size(), "one for each round and action");
  RequireFinite("values of actions", values);
  const auto width = static_cast<std::size_t>(num_actions);
  std::vector<double> column(rounds);
  for (std::size_t i = 0; i < rounds; ++i) {
    column[i] = Dot(policy.subspan(i * width, width), values.subspan(i * width, width));
  }
  return column;
}

}  // namespace recforce::ope
