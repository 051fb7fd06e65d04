// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/bandit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

std::vector<double> LogSoftmax(const std::vector<double>& logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const double logit : logits) {
    sum += std::exp(logit - top);
  }
  std::vector<double> log_pi;
  for (const double logit : logits) {
    log_pi.push_back(logit - top - std::log(sum));
  }
  return log_pi;
}

std::vector<double> Exp(std::vector<double> values) {
  for (double& value : values) {
    value = std::exp(value);
  }
  return values;
}

std::size_t DrawFrom(const std::vector<double>& probabilities, base::Rng& rng) {
  double left = rng.Uniform();
  for (std::size_t item = 0; item + 1 < probabilities.size(); ++item) {
    left -= probabilities[item];
    if (left < 0.0) {
      return item;
    }
  }
  return probabilities.size() - 1;
}

// gradient += scale (one-hot(item) - pi)
void AddScore(const std::vector<double>& log_pi, std::size_t item, double scale, std::vector<double>& gradient) {
  for (std::size_t at = 0; at < gradient.size(); ++at) {
    gradient[at] += scale * ((at == item ? 1.0 : 0.0) - std::exp(log_pi[at]));
  }
}

double CoefficientOf(const Bandit& bandit, const Correction& correction, const std::vector<double>& log_pi,
                     std::size_t item, std::size_t drawn) {
  return WeightOf(correction, log_pi[item], std::log(bandit.beta[item]), log_pi[drawn], std::log(bandit.beta[drawn]))
      .coefficient;
}

// gradient[at] += scale coefficient[at] (one-hot(item) - pi)[at]
void AddPrinted(const Bandit& bandit, const Correction& correction, const std::vector<double>& log_pi, std::size_t item,
                double scale, std::vector<double>& gradient) {
  for (std::size_t at = 0; at < gradient.size(); ++at) {
    gradient[at] +=
        scale * CoefficientOf(bandit, correction, log_pi, at, at) * ((at == item ? 1.0 : 0.0) - std::exp(log_pi[at]));
  }
}

std::vector<double> ExactGradient(const Bandit& bandit, const BanditOptions& options,
                                  const std::vector<double>& log_pi) {
  const Correction& correction = options.correction;
  std::vector<double> gradient(bandit.reward.size(), 0.0);
  for (std::size_t item = 0; item < gradient.size(); ++item) {
    if (options.as_printed) {
      AddPrinted(bandit, correction, log_pi, item, bandit.beta[item] * bandit.reward[item], gradient);
      continue;
    }
    double coefficient = 0.0;
    if (correction.kind == CorrectionKind::kSeed) {
      for (std::size_t drawn = 0; drawn < gradient.size(); ++drawn) {
        coefficient += bandit.beta[drawn] * CoefficientOf(bandit, correction, log_pi, item, drawn);
      }
    } else if (bandit.beta[item] > 0.0) {
      coefficient = CoefficientOf(bandit, correction, log_pi, item, item);
    }
    AddScore(log_pi, item, bandit.beta[item] * bandit.reward[item] * coefficient, gradient);
  }
  return gradient;
}

std::vector<double> SampledGradient(const Bandit& bandit, const BanditOptions& options,
                                    const std::vector<double>& log_pi, base::Rng& rng) {
  std::vector<double> gradient(bandit.reward.size(), 0.0);
  std::vector<std::size_t> items;
  std::vector<ActionWeight> weights;
  for (std::int64_t action = 0; action < options.batch; ++action) {
    const std::size_t item = DrawFrom(bandit.beta, rng);
    const std::size_t drawn = options.correction.kind == CorrectionKind::kSeed ? DrawFrom(bandit.beta, rng) : item;
    items.push_back(item);
    weights.push_back(WeightOf(options.correction, log_pi[item], std::log(bandit.beta[item]), log_pi[drawn],
                               std::log(bandit.beta[drawn])));
  }
  if (options.correction.normalised) {
    NormaliseWeights(weights);
  }
  for (std::size_t at = 0; at < items.size(); ++at) {
    const double scale = bandit.reward[items[at]] / static_cast<double>(options.batch);
    if (options.as_printed) {
      AddPrinted(bandit, options.correction, log_pi, items[at], scale, gradient);
    } else {
      AddScore(log_pi, items[at], scale * weights[at].coefficient, gradient);
    }
  }
  return gradient;
}

// Items by reward, the best first.
std::vector<std::size_t> ByReward(const Bandit& bandit) {
  std::vector<std::size_t> order(bandit.reward.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return bandit.reward[a] > bandit.reward[b]; });
  return order;
}

}  // namespace

Bandit OffPolicyBandit() {
  Bandit bandit;
  for (int item = 1; item <= 10; ++item) {
    bandit.reward.push_back(item);
    bandit.beta.push_back((11.0 - item) / 55.0);
  }
  return bandit;
}

Bandit TopKBandit() {
  Bandit bandit;
  bandit.reward = {10, 9, 1, 1, 1, 1, 1, 1, 1, 1};
  bandit.beta.assign(10, 0.1);
  return bandit;
}

std::vector<double> LearnBandit(const Bandit& bandit, const BanditOptions& options) {
  RECFORCE_CHECK(bandit.reward.size() == bandit.beta.size() && !bandit.reward.empty(), "a bandit without its log");
  std::vector<double> logits(bandit.reward.size(), 0.0);
  base::Rng rng(options.seed, base::Stream::kWorld);
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const std::vector<double> log_pi = LogSoftmax(logits);
    const std::vector<double> gradient =
        options.batch == 0 ? ExactGradient(bandit, options, log_pi) : SampledGradient(bandit, options, log_pi, rng);
    const double rate =
        options.learning_rate / (1.0 + options.decay * static_cast<double>(step) / static_cast<double>(options.steps));
    for (std::size_t item = 0; item < logits.size(); ++item) {
      logits[item] += rate * gradient[item];
    }
  }
  return Exp(LogSoftmax(logits));
}

double SetValue(const Bandit& bandit, const std::vector<double>& policy, std::int64_t k) {
  double value = 0.0;
  for (std::size_t item = 0; item < policy.size(); ++item) {
    value += bandit.reward[item] * (1.0 - std::pow(1.0 - policy[item], static_cast<double>(k)));
  }
  return value;
}

std::vector<double> BestSetPolicy(const Bandit& bandit, std::int64_t k) {
  std::vector<double> policy(bandit.reward.size(), 0.0);
  if (k == 1) {
    policy[ByReward(bandit).front()] = 1.0;
    return policy;
  }
  const auto at_level = [&](double mu) {
    double sum = 0.0;
    for (std::size_t item = 0; item < policy.size(); ++item) {
      const double ratio = mu / (static_cast<double>(k) * bandit.reward[item]);
      policy[item] = std::max(0.0, 1.0 - std::pow(ratio, 1.0 / static_cast<double>(k - 1)));
      sum += policy[item];
    }
    return sum;
  };
  double low = 0.0;  // the sum falls as mu grows
  double high = static_cast<double>(k) * *std::max_element(bandit.reward.begin(), bandit.reward.end());
  for (int halving = 0; halving < 200; ++halving) {
    const double mu = 0.5 * (low + high);
    (at_level(mu) > 1.0 ? low : high) = mu;
  }
  at_level(0.5 * (low + high));
  return policy;
}

std::vector<double> UncorrectedPolicy(const Bandit& bandit) {
  std::vector<double> policy;
  double sum = 0.0;
  for (std::size_t item = 0; item < bandit.reward.size(); ++item) {
    policy.push_back(bandit.reward[item] * bandit.beta[item]);
    sum += policy.back();
  }
  for (double& share : policy) {
    share /= sum;
  }
  return policy;
}

std::vector<double> CappedPolicy(const Bandit& bandit, double cap) {
  // Above the boundary item every item is capped; below it nothing is left. Try each item as the boundary.
  const std::vector<std::size_t> order = ByReward(bandit);
  for (std::size_t boundary = 0; boundary < order.size(); ++boundary) {
    const double level = bandit.reward[order[boundary]];
    std::vector<double> policy(bandit.reward.size(), 0.0);
    double left = 1.0;
    for (std::size_t at = 0; at < boundary; ++at) {
      const std::size_t item = order[at];
      policy[item] = cap * bandit.beta[item] * bandit.reward[item] / level;
      left -= policy[item];
    }
    const std::size_t item = order[boundary];
    if (left >= 0.0 && left <= cap * bandit.beta[item]) {
      policy[item] = left;
      return policy;
    }
    // All of the items so far are capped and the level lies between two rewards.
    double mass = 0.0;
    for (std::size_t at = 0; at <= boundary; ++at) {
      mass += cap * bandit.beta[order[at]] * bandit.reward[order[at]];
    }
    const double next = boundary + 1 < order.size() ? bandit.reward[order[boundary + 1]] : 0.0;
    if (mass <= level && mass > next) {
      for (std::size_t at = 0; at <= boundary; ++at) {
        policy[order[at]] = cap * bandit.beta[order[at]] * bandit.reward[order[at]] / mass;
      }
      return policy;
    }
  }
  return UncorrectedPolicy(bandit);  // the cap is below every weight
}

std::vector<double> RatioClippedPolicy(const Bandit& bandit, double cap) {
  std::vector<double> policy(bandit.reward.size(), 0.0);
  double left = 1.0;
  for (const std::size_t item : ByReward(bandit)) {
    policy[item] = std::min(left, cap * bandit.beta[item]);
    left -= policy[item];
  }
  return policy;
}

}  // namespace recforce::algos
