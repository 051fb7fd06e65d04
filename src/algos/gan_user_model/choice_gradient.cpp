// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/choice_gradient.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

using core::ChoiceLaw;

// One set as doubles, choosing nothing last.
template <class T>
void Take(std::span<const T> values, std::int64_t begin, std::int64_t end, std::optional<T> last,
          std::vector<double>& out) {
  out.assign(values.begin() + begin, values.begin() + end);
  if (last) {
    out.push_back(static_cast<double>(*last));
  }
}

std::size_t Chosen(std::int32_t choice, std::size_t count) {
  return choice < 0 ? count - 1 : static_cast<std::size_t>(choice);
}

// R(p) - R(certainty), term by term: sum of Term(p_i) plus Constant.
double Term(ChoiceLaw law, double p) {
  switch (law) {
    case ChoiceLaw::kSparsemax:
      return 0.5 * p * p;
    case ChoiceLaw::kEntmax15:
      return p * std::sqrt(p) / 0.75;
    default:
      return p > 0.0 ? p * std::log(p) : 0.0;
  }
}

double Constant(ChoiceLaw law) {
  switch (law) {
    case ChoiceLaw::kSparsemax:
      return 0.5;
    case ChoiceLaw::kEntmax15:
      return 1.0 / 0.75;
    default:
      return 0.0;
  }
}

double Slope(ChoiceLaw law, double p) {
  switch (law) {
    case ChoiceLaw::kSparsemax:
      return p;
    case ChoiceLaw::kEntmax15:
      return 2.0 * std::sqrt(p);
    default:
      return std::log(std::max(p, 1e-300)) + 1.0;
  }
}

// <p, r> - (R(p) - R(certainty)) / eta
double Payoff(ChoiceTerms terms, const std::vector<double>& p, const std::vector<double>& r) {
  double value = Constant(terms.law) / terms.eta;
  for (std::size_t i = 0; i < p.size(); ++i) {
    value += p[i] > 0.0 ? p[i] * r[i] - Term(terms.law, p[i]) / terms.eta : 0.0;
  }
  return value;
}

// The gradient of one set, choosing nothing last, goes to its numbers and to the sum.
template <class T>
void Give(const std::vector<double>& d, bool has_last, double weight, std::int64_t begin, std::span<T> out,
          ChoiceSums& sums) {
  const std::size_t count = d.size() - (has_last ? 1 : 0);
  for (std::size_t i = 0; i < count; ++i) {
    out[static_cast<std::size_t>(begin) + i] = static_cast<T>(weight * d[i]);
  }
  if (has_last) {
    sums.d_no_click += weight * d.back();
  }
}

// Calls body(e, begin, end) for every set.
template <class Body>
void ForEachSet(const ChoiceSets& sets, const Body& body) {
  for (std::size_t e = 0; e < sets.choice.size(); ++e) {
    body(e, sets.offsets[e], sets.offsets[e + 1]);
  }
}

// Calls body(e, begin, r, p) for every set: its rewards and its behaviour softmax(logits), both body's to change.
template <class T, class Body>
void ForEachMove(const ChoiceSets& sets, std::span<const T> rewards, std::optional<T> no_click,
                 std::span<const T> logits, std::optional<T> no_click_logit, const Body& body) {
  std::vector<double> r;
  std::vector<double> logit;
  std::vector<double> p;
  ForEachSet(sets, [&](std::size_t e, std::int64_t begin, std::int64_t end) {
    Take(rewards, begin, end, no_click, r);
    Take(logits, begin, end, no_click_logit, logit);
    p.resize(logit.size());
    core::ChoiceProbabilities({.law = ChoiceLaw::kSoftmax}, std::span<const double>(logit), p);
    body(e, begin, r, p);
  });
}

}  // namespace

template <class T>
ChoiceSums ChoiceGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                          std::optional<T> no_click, double weight, std::span<T> d_rewards) {
  ChoiceSums sums;
  std::vector<double> u;
  std::vector<double> p;
  const core::ChoiceRule rule{.law = terms.law};
  ForEachSet(sets, [&](std::size_t e, std::int64_t begin, std::int64_t end) {
    Take(rewards, begin, end, no_click, u);
    for (double& x : u) {
      x *= terms.eta;
    }
    const std::size_t chosen = Chosen(sets.choice[e], u.size());
    p.resize(u.size());
    core::ChoiceProbabilities(rule, std::span<const double>(u), p);
    sums.loss += core::ChoiceLoss(rule, std::span<const double>(u), static_cast<std::int32_t>(chosen)) / terms.eta;
    p[chosen] -= 1.0;
    Give(p, no_click.has_value(), weight, begin, d_rewards, sums);
  });
  return sums;
}

template <class T>
ChoiceSums BehaviourGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                             std::optional<T> no_click, std::span<const T> logits, std::optional<T> no_click_logit,
                             double weight, std::span<T> d_logits) {
  ChoiceSums sums;
  const auto climb = [&](std::size_t, std::int64_t begin, std::vector<double>& r, const std::vector<double>& p) {
    sums.loss -= Payoff(terms, p, r);
    double mean = 0.0;  // of the payoff's slope under p
    for (std::size_t i = 0; i < p.size(); ++i) {
      r[i] -= Slope(terms.law, p[i]) / terms.eta;
      mean += p[i] > 0.0 ? p[i] * r[i] : 0.0;
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      r[i] = p[i] > 0.0 ? -p[i] * (r[i] - mean) : 0.0;
    }
    Give(r, no_click.has_value(), weight, begin, d_logits, sums);
  };
  ForEachMove(sets, rewards, no_click, logits, no_click_logit, climb);
  return sums;
}

template <class T>
ChoiceSums RewardGradient(ChoiceTerms terms, const ChoiceSets& sets, std::span<const T> rewards,
                          std::optional<T> no_click, std::span<const T> logits, std::optional<T> no_click_logit,
                          double weight, std::span<T> d_rewards) {
  ChoiceSums sums;
  const auto descend = [&](std::size_t e, std::int64_t begin, const std::vector<double>& r, std::vector<double>& p) {
    const std::size_t chosen = Chosen(sets.choice[e], p.size());
    sums.loss += Payoff(terms, p, r) - r[chosen];
    p[chosen] -= 1.0;
    Give(p, no_click.has_value(), weight, begin, d_rewards, sums);
  };
  ForEachMove(sets, rewards, no_click, logits, no_click_logit, descend);
  return sums;
}

#define RECFORCE_INSTANTIATE(T)                                                                                       \
  template ChoiceSums ChoiceGradient<T>(ChoiceTerms, const ChoiceSets&, std::span<const T>, std::optional<T>, double, \
                                        std::span<T>);                                                                \
  template ChoiceSums BehaviourGradient<T>(ChoiceTerms, const ChoiceSets&, std::span<const T>, std::optional<T>,      \
                                           std::span<const T>, std::optional<T>, double, std::span<T>);               \
  template ChoiceSums RewardGradient<T>(ChoiceTerms, const ChoiceSets&, std::span<const T>, std::optional<T>,         \
                                        std::span<const T>, std::optional<T>, double, std::span<T>);
RECFORCE_INSTANTIATE(float)
RECFORCE_INSTANTIATE(double)
#undef RECFORCE_INSTANTIATE

}  // namespace recforce::algos
