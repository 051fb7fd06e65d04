// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/sessions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>

#include "ope/checks.h"
#include "ope/session_mixture.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/ope/diagnostics.h"

namespace recforce::ope {
namespace {

constexpr std::array kSessionEstimators = {
    SessionEstimatorInfo{SessionEstimator::kTis, "tis", "importance weight of the whole session", false, false},
    SessionEstimatorInfo{SessionEstimator::kPdis, "pdis", "importance weights up to each step", false, false},
    SessionEstimatorInfo{SessionEstimator::kSelfNormalisedTis, "sntis", "tis, self-normalised", false, false},
    SessionEstimatorInfo{SessionEstimator::kSelfNormalisedPdis, "snpdis", "pdis, self-normalised at each step", false,
                         false},
    SessionEstimatorInfo{SessionEstimator::kDr, "seqdr", "doubly robust, step by step", true, false},
    SessionEstimatorInfo{SessionEstimator::kWeightedDr, "wdr", "seqdr, self-normalised at each step", true, false},
    SessionEstimatorInfo{SessionEstimator::kMagic, "magic", "wdr up to some step, predictions behind it", true, false},
    SessionEstimatorInfo{SessionEstimator::kMarginalised, "mis", "importance weights of states and actions", false,
                         true},
};

// Sessions that were checked.
struct Steps {
  std::size_t sessions = 0;
  std::size_t longest = 0;
};

Steps RequireSessions(const Sessions& sessions) {
  RequireRounds("offsets of sessions", sessions.offsets.size(), 2);
  Steps steps = {sessions.offsets.size() - 1, 0};
  if (sessions.offsets.front() != 0) {
    Fail("the first offset of sessions", std::to_string(sessions.offsets.front()), "0");
  }
  for (std::size_t i = 0; i < steps.sessions; ++i) {
    if (sessions.offsets[i + 1] < sessions.offsets[i]) {
      Fail("offsets of sessions",
           std::to_string(sessions.offsets[i + 1]) + " after " + std::to_string(sessions.offsets[i]),
           "numbers that do not fall");
    }
    steps.longest = std::max(steps.longest, static_cast<std::size_t>(sessions.offsets[i + 1] - sessions.offsets[i]));
  }
  const auto total = static_cast<std::size_t>(sessions.offsets.back());
  RequireSize("rewards of steps", sessions.reward.size(), total, "the last offset");
  RequireFinite("rewards of steps", sessions.reward);
  RequireSize("ratios of steps", sessions.step_ratio.size(), total, "the last offset");
  RequireNotNegative("ratios of steps", sessions.step_ratio);
  if (!(sessions.discount >= 0.0 && sessions.discount <= 1.0)) {
    Fail("discount", base::FormatReal(sessions.discount), "a number from 0 to 1");
  }
  return steps;
}

void RequirePredictions(const Sessions& sessions) {
  for (const auto& [what, values] : {std::pair{"predicted rewards of logged steps", sessions.q_logged},
                                     std::pair{"predicted values of states", sessions.value_predicted}}) {
    RequireSize(what, values.size(), sessions.reward.size(), "one for each step");
    RequireFinite(what, values);
  }
}

void RequireStates(const Sessions& sessions) {
  RequireSize("states of steps", sessions.state.size(), sessions.reward.size(), "one for each step");
  for (std::size_t step = 0; step < sessions.state.size(); ++step) {
    if (sessions.state[step] < 0) {
      Fail("states of steps", std::to_string(sessions.state[step]) + " at index " + std::to_string(step),
           "numbers from 0 on");
    }
  }
}

// Calls visit(session, t, step, discount^t, weight before the step, weight with it) for every step in order.
template <class Visit>
void ForEachStep(const Sessions& sessions, const Visit& visit) {
  for (std::size_t session = 0; session + 1 < sessions.offsets.size(); ++session) {
    double weight = 1.0;
    double discount = 1.0;
    const auto begin = static_cast<std::size_t>(sessions.offsets[session]);
    const auto end = static_cast<std::size_t>(sessions.offsets[session + 1]);
    for (std::size_t step = begin; step < end; ++step) {
      const double before = weight;
      weight *= sessions.step_ratio[step];
      visit(session, step - begin, step, discount, before, weight);
      discount *= sessions.discount;
    }
  }
}

Terms WholeSession(const Sessions& sessions, const Steps& steps, bool self_normalised) {
  std::vector<double> weights(steps.sessions, 1.0);
  std::vector<double> returns(steps.sessions, 0.0);
  ForEachStep(sessions,
              [&](std::size_t session, std::size_t, std::size_t step, double discount, double, double weight) {
                weights[session] = weight;
                returns[session] += discount * sessions.reward[step];
              });
  for (std::size_t session = 0; session < steps.sessions; ++session) {
    returns[session] *= weights[session];
  }
  Terms terms;
  terms.ratios.push_back({std::move(returns), self_normalised ? std::move(weights) : std::vector<double>()});
  return terms;
}

// PDIS is the sequential DR whose predictions are all 0.
Terms StepByStep(const Sessions& sessions, const Steps& steps, bool with_predictions) {
  std::vector<double> numerator(steps.sessions, 0.0);
  ForEachStep(sessions,
              [&](std::size_t session, std::size_t, std::size_t step, double discount, double before, double weight) {
                const double residual = sessions.reward[step] - (with_predictions ? sessions.q_logged[step] : 0.0);
                numerator[session] +=
                    discount * (weight * residual + (with_predictions ? before * sessions.value_predicted[step] : 0.0));
              });
  Terms terms;
  terms.ratios.push_back({std::move(numerator), {}});
  return terms;
}

// [longest][sessions] weights w_{1:t}; a session that has ended keeps its last.
std::vector<std::vector<double>> WeightsByStep(const Sessions& sessions, const Steps& steps) {
  std::vector<std::vector<double>> weights(steps.longest, std::vector<double>(steps.sessions, 1.0));
  for (std::size_t session = 0; session < steps.sessions; ++session) {
    const auto begin = static_cast<std::size_t>(sessions.offsets[session]);
    const auto length = static_cast<std::size_t>(sessions.offsets[session + 1]) - begin;
    double weight = 1.0;
    for (std::size_t t = 0; t < steps.longest; ++t) {
      weight *= t < length ? sessions.step_ratio[begin + t] : 1.0;
      weights[t][session] = weight;
    }
  }
  return weights;
}

Terms SelfNormalisedSteps(const Sessions& sessions, const Steps& steps) {
  std::vector<std::vector<double>> weights = WeightsByStep(sessions, steps);
  Terms terms;
  // At least one ratio, so that sessions without a step still count as rounds.
  terms.ratios.resize(std::max<std::size_t>(1, steps.longest));
  for (Terms::Ratio& ratio : terms.ratios) {
    ratio.numerator.assign(steps.sessions, 0.0);
  }
  ForEachStep(sessions,
              [&](std::size_t session, std::size_t t, std::size_t step, double discount, double, double weight) {
                terms.ratios[t].numerator[session] = discount * weight * sessions.reward[step];
              });
  for (std::size_t t = 0; t < steps.longest; ++t) {
    terms.ratios[t].denominator = std::move(weights[t]);
  }
  return terms;
}

// A model's value of the first state, then what each step adds to it: c_t of step t is its factor in wdr.
Terms TemporalDifferences(const Sessions& sessions, const Steps& steps) {
  std::vector<std::vector<double>> weights = WeightsByStep(sessions, steps);
  Terms terms;
  terms.ratios.resize(1 + steps.longest);
  for (Terms::Ratio& ratio : terms.ratios) {
    ratio.numerator.assign(steps.sessions, 0.0);
  }
  ForEachStep(sessions,
              [&](std::size_t session, std::size_t t, std::size_t step, double discount, double, double weight) {
                if (t == 0) {
                  terms.ratios[0].numerator[session] = sessions.value_predicted[step];
                }
                const bool last = static_cast<std::int64_t>(step) + 1 == sessions.offsets[session + 1];
                const double later = last ? 0.0 : sessions.discount * sessions.value_predicted[step + 1];
                terms.ratios[1 + t].numerator[session] =
                    discount * weight * (sessions.reward[step] + later - sessions.q_logged[step]);
              });
  for (std::size_t t = 0; t < steps.longest; ++t) {
    terms.ratios[1 + t].denominator = std::move(weights[t]);
  }
  return terms;
}

Terms Magic(const Sessions& sessions, const Steps& steps) {
  Terms terms = TemporalDifferences(sessions, steps);
  const std::vector<double> mixture = LeastError(terms);
  double factor = 1.0;
  for (std::size_t t = 0; t < steps.longest; ++t) {
    factor = std::max(0.0, factor - mixture[t]);  // of those that trust the predictions from here on
    for (double& value : terms.ratios[1 + t].numerator) {
      value *= factor;
    }
  }
  return terms;
}

Terms Marginalised(const Sessions& sessions, const Steps& steps) {
  std::vector<double> numerator(steps.sessions, 0.0);
  // Of each state at this step: the sum of the weights that its sessions bring along, and their number.
  std::unordered_map<std::int32_t, std::pair<double, double>> mass;
  std::vector<double> carried(steps.sessions, 1.0);
  double discount = 1.0;
  for (std::size_t t = 0; t < steps.longest; ++t, discount *= sessions.discount) {
    const auto each_at_t = [&](const auto& visit) {
      for (std::size_t session = 0; session < steps.sessions; ++session) {
        const auto step = static_cast<std::size_t>(sessions.offsets[session]) + t;
        if (step < static_cast<std::size_t>(sessions.offsets[session + 1])) {
          visit(session, step);
        }
      }
    };
    mass.clear();
    each_at_t([&](std::size_t session, std::size_t step) {
      auto& [weight, count] = mass[sessions.state[step]];
      weight += carried[session];
      count += 1.0;
    });
    each_at_t([&](std::size_t session, std::size_t step) {
      const auto& [weight, count] = mass[sessions.state[step]];
      carried[session] = weight / count * sessions.step_ratio[step];
      numerator[session] += discount * carried[session] * sessions.reward[step];
    });
  }
  Terms terms;
  terms.ratios.push_back({std::move(numerator), {}});
  return terms;
}

Terms TermsOf(SessionEstimator estimator, const Sessions& sessions, const Steps& steps) {
  switch (estimator) {
    case SessionEstimator::kTis:
    case SessionEstimator::kSelfNormalisedTis:
      return WholeSession(sessions, steps, estimator == SessionEstimator::kSelfNormalisedTis);
    case SessionEstimator::kPdis:
      return StepByStep(sessions, steps, false);
    case SessionEstimator::kSelfNormalisedPdis:
      return SelfNormalisedSteps(sessions, steps);
    case SessionEstimator::kDr:
      RequirePredictions(sessions);
      return StepByStep(sessions, steps, true);
    case SessionEstimator::kWeightedDr:
      RequirePredictions(sessions);
      return TemporalDifferences(sessions, steps);
    case SessionEstimator::kMagic:
      RequirePredictions(sessions);
      return Magic(sessions, steps);
    case SessionEstimator::kMarginalised:
      RequireStates(sessions);
      return Marginalised(sessions, steps);
  }
  RECFORCE_CHECK(false, "an estimator of sessions that does not exist");
}

}  // namespace

std::span<const SessionEstimatorInfo> SessionEstimators() { return kSessionEstimators; }

std::optional<SessionEstimator> FindSessionEstimator(std::string_view name) {
  const auto* const found = std::find_if(kSessionEstimators.begin(), kSessionEstimators.end(),
                                         [name](const SessionEstimatorInfo& info) { return info.name == name; });
  return found == kSessionEstimators.end() ? std::nullopt : std::optional(found->estimator);
}

Terms EstimateSessions(SessionEstimator estimator, const Sessions& sessions) {
  const Steps steps = RequireSessions(sessions);
  return RequireFiniteTerms("weighted rewards of sessions", TermsOf(estimator, sessions, steps));
}

Horizon EffectiveHorizon(const Sessions& sessions, double least) {
  const Steps steps = RequireSessions(sessions);
  Horizon horizon;
  ForEachStep(sessions, [&](std::size_t, std::size_t, std::size_t, double discount, double, double) {
    horizon.discounted += discount;
  });
  horizon.discounted /= static_cast<double>(steps.sessions);
  for (const std::vector<double>& weights : WeightsByStep(sessions, steps)) {
    horizon.effective_sample_size.push_back(EffectiveSampleSize(weights));
  }
  const auto first_below = std::find_if(horizon.effective_sample_size.begin(), horizon.effective_sample_size.end(),
                                        [least](double size) { return !(size >= least); });
  horizon.supported = first_below - horizon.effective_sample_size.begin();
  return horizon;
}

}  // namespace recforce::ope
