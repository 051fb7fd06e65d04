// SPDX-License-Identifier: Apache-2.0
// Off-policy estimators for sessions, in which an action changes what comes later: V = E[sum_t discount^t r_t].
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "recforce/ope/terms.h"

namespace recforce::ope {

// Steps of n sessions one after another; session i has steps [offsets[i], offsets[i + 1]). Columns of predicted
// rewards may stay empty where they are not read.
struct Sessions {
  std::span<const std::int64_t> offsets;    // [n + 1], from 0, not falling
  std::span<const double> reward;           // [steps]
  std::span<const double> step_ratio;       // [steps] pi(a_t | s_t) / beta(a_t | s_t)
  std::span<const double> q_logged;         // [steps] predicted discounted reward from t on, after a_t
  std::span<const double> value_predicted;  // [steps] its mean over a_t ~ pi(.|s_t)
  double discount = 1.0;                    // in [0, 1]
};

enum class SessionEstimator { kTis, kPdis, kSelfNormalisedTis, kSelfNormalisedPdis, kDr };

struct SessionEstimatorInfo {
  SessionEstimator estimator;
  std::string_view name;
  std::string_view meaning;
  bool needs_q;
};

// All, in the order of the enumeration.
std::span<const SessionEstimatorInfo> SessionEstimators();
std::optional<SessionEstimator> FindSessionEstimator(std::string_view name);

// With w_{1:t} = prod_{s<=t} step_ratio_s and T a session's length:
//   tis     w_{1:T} sum_t discount^t r_t
//   pdis    sum_t discount^t w_{1:t} r_t
//   sntis   tis divided by the mean of w_{1:T};  snpdis  step by step, divided by the mean of w_{1:t}
//   seqdr   sum_t discount^t (w_{1:t} (r_t - q_logged_t) + w_{1:t-1} value_predicted_t)   (Jiang & Li, ICML 2016)
// A session that has ended goes on without reward and keeps its weight, so that weights average to 1 at every step.
// snpdis keeps 16 bytes for each session and step of the longest session.
// Error(Data): no sessions, a column that is missing or of another length, offsets that fall, a value that is not
// finite, a ratio below 0, a discount outside [0, 1].
Terms EstimateSessions(SessionEstimator estimator, const Sessions& sessions);

// How far into sessions an estimate can look.
struct Horizon {
  double discounted = 0.0;                    // mean over sessions of sum_t discount^t: 1 / (1 - discount) at most
  std::int64_t supported = 0;                 // leading steps at each of which the next is at least `least`
  std::vector<double> effective_sample_size;  // [longest] of the weights w_{1:t} of all sessions
};
Horizon EffectiveHorizon(const Sessions& sessions, double least = 10.0);

}  // namespace recforce::ope
