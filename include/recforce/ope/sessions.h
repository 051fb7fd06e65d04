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

// Steps of n sessions one after another; session i has steps [offsets[i], offsets[i + 1]). Columns of states and of
// predicted rewards may stay empty where they are not read.
struct Sessions {
  std::span<const std::int64_t> offsets;    // [n + 1], from 0, not falling
  std::span<const double> reward;           // [steps]
  std::span<const double> step_ratio;       // [steps] pi(a_t | s_t) / beta(a_t | s_t)
  std::span<const double> q_logged;         // [steps] predicted discounted reward from t on, after a_t
  std::span<const double> value_predicted;  // [steps] its mean over a_t ~ pi(.|s_t)
  double discount = 1.0;                    // in [0, 1]
  std::span<const std::int32_t> state;      // [steps] a number of the state s_t, from 0
};

enum class SessionEstimator {
  kTis,
  kPdis,
  kSelfNormalisedTis,
  kSelfNormalisedPdis,
  kDr,
  kWeightedDr,
  kMagic,
  kMarginalised
};

struct SessionEstimatorInfo {
  SessionEstimator estimator;
  std::string_view name;
  std::string_view meaning;
  bool needs_q;
  bool needs_states;
};

// All, in the order of the enumeration.
std::span<const SessionEstimatorInfo> SessionEstimators();
std::optional<SessionEstimator> FindSessionEstimator(std::string_view name);

// With w_{1:t} = prod_{s<=t} step_ratio_s and T a session's length:
//   tis     w_{1:T} sum_t discount^t r_t
//   pdis    sum_t discount^t w_{1:t} r_t
//   sntis   tis divided by the mean of w_{1:T};  snpdis  step by step, divided by the mean of w_{1:t}
//   seqdr   sum_t discount^t (w_{1:t} (r_t - q_logged_t) + w_{1:t-1} value_predicted_t)   (Jiang & Li, ICML 2016)
//   wdr     value_predicted_1 + sum_t discount^t w_{1:t} (r_t + discount value_predicted_{t+1} - q_logged_t), step by
//           step divided by the mean of w_{1:t}   (Thomas & Brunskill, ICML 2016)
//   magic   the same with factors c_1 >= c_2 >= ... in [0, 1] at the steps: the mixture of wdr's that trust the
//           predictions from some step on which has the least estimated squared error (same paper, section 8). Its
//           estimate of bias is the distance from wdr's 90 % interval, by the delta method where they resample.
//   mis     sum_t discount^t m_t(s_t) step_ratio_t r_t, with m_t(s) the ratio of how often either policy is in state s
//           at step t, carried forward from step to step by the logged moves (Xie, Ma & Wang, NeurIPS 2019): the
//           weights of long sessions no longer multiply. Its intervals know nothing of the error of m.
// A session that has ended goes on without reward and keeps its weight, so that weights average to 1 at every step.
// snpdis, wdr and magic keep 16 bytes for each session and step of the longest session, magic twice that.
// Error(Data): no sessions, a column that is missing or of another length, offsets that fall, a value that is not
// finite, a ratio or a state below 0, a discount outside [0, 1].
Terms EstimateSessions(SessionEstimator estimator, const Sessions& sessions);

// How far into sessions an estimate can look.
struct Horizon {
  double discounted = 0.0;                    // mean over sessions of sum_t discount^t: 1 / (1 - discount) at most
  std::int64_t supported = 0;                 // leading steps at each of which the next is at least `least`
  std::vector<double> effective_sample_size;  // [longest] of the weights w_{1:t} of all sessions
};
Horizon EffectiveHorizon(const Sessions& sessions, double least = 10.0);

}  // namespace recforce::ope
