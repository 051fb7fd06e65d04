// SPDX-License-Identifier: Apache-2.0
// The value of a policy from the decisions of another one: weights, estimates with intervals, diagnostics, and whether
// the log can answer at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recforce/data/decision_log.h"
#include "recforce/ope/diagnostics.h"
#include "recforce/ope/intervals.h"
#include "recforce/ope/policies.h"
#include "recforce/ope/reward_model.h"
#include "recforce/ope/sessions.h"

namespace recforce::ope {

struct PolicyQuestion {
  // Names of estimators.h for logs of single actions, of slates.h for slates of equal length, of sessions.h by session.
  // Empty: ips, cips, snips, dm, dr, sndr, switch and dros; of slates sips, snsips, rips and snrips; by session tis,
  // pdis, sntis and snpdis.
  std::vector<std::string> estimators;
  BootstrapOptions bootstrap{.replicates = 2000};
  double delta = 0.05;  // of the lower bounds
  SupportLimits limits;
  // K: the policy is asked for K independent draws at once, of which each distinct item brings what it brings alone
  // (Chen et al., WSDM 2019, section 4.3): V_K = E sum_a (1 - (1 - pi(a|x))^K) reward(x, a). Logs of single actions.
  std::int64_t draws = 1;
  // The value of a session, V = E sum_t discount^t r_t over its decisions in the order of the log, in place of that of
  // a decision: what is decided now changes what comes later. A decision without a session is one of its own. Rewards
  // of a slate are added up, and its slots' ratios multiplied.
  bool by_session = false;
  double discount = 1.0;  // by session; in [0, 1]
};

struct EstimateRow {
  std::string name;
  double value = 0.0;
  Interval interval;             // bootstrap
  double standard_error = 0.0;   // delta method
  std::optional<double> lambda;  // of the shrinkage, chosen by SLOPE
  std::optional<double> lower;   // one-sided, Student; of estimators that are means
};

struct PolicyAnswer {
  std::int64_t rounds = 0;     // decisions, or sessions
  std::int64_t slate = 1;      // slots of each decision; by session of the first one
  double shown = 1.0;          // distinct items of the draws, a mean over decisions
  WeightSummary weights;       // of rounds; of decisions divided by `shown`, of sessions whole; clipped: above 20
  double unseen_mass = 0.0;    // share of the policy on items that the log never shows at the position
  bool logging_known = false;  // whether that is exact: the log has the probabilities of what it did not show
  Verdict verdict;
  std::vector<std::string> flags;  // what does not refuse an answer, and makes it doubtful
  std::vector<EstimateRow> estimates;
  std::optional<Horizon> horizon;  // by session
};

// Whether a question needs a model of rewards: some of its estimators read predictions.
bool NeedsRewardModel(const data::DecisionLog& log, const PolicyQuestion& question);

// `model`: of LogRounds(log), or null where none is needed. Answers even where the verdict is to refuse. Error(Usage):
// an estimator that does not exist, is not for such a log, or reads what a log does not say; Error(Data): slates of
// different lengths, unless by session, drop rates that differ.
PolicyAnswer EvaluatePolicy(const data::DecisionLog& log, const ActionDistribution& policy, const RewardModel* model,
                            const PolicyQuestion& question);

// Mean reward of the decisions of a log, summed over their slots, or of its sessions: the value of the policy that made
// it. Of `question` it reads by_session and discount.
struct LoggedValue {
  double value = 0.0;
  Interval interval;  // Student, 95 %
};
LoggedValue ValueOfLog(const data::DecisionLog& log, const PolicyQuestion& question = {});

}  // namespace recforce::ope
