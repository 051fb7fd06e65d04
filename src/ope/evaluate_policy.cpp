// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/evaluate_policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "ope/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"
#include "recforce/ope/estimators.h"
#include "recforce/ope/slates.h"
#include "recforce/ope/tuning.h"

namespace recforce::ope {
namespace {

constexpr std::int64_t kSlotsAtOnce = 32;  // whose laws over all items are in memory
constexpr double kClip = 20.0;             // of the share of large weights among the diagnostics
constexpr double kDoubtfulShare = 0.1;     // of decisions that the effective sample is worth
constexpr double kDoubtfulWeight = 0.01;   // share of all weight that one decision has
constexpr double kDoubtfulMean = 0.05;     // distance of the mean weight from 1

[[noreturn]] void ThrowUsage(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }
[[noreturn]] void ThrowData(const data::DecisionLog& log, const std::string& message) {
  throw base::Error(base::ErrorKind::kData, log.source + ": " + message);
}

// Estimators that a log of decisions alone can feed.
bool Feeds(WeightColumn column) { return column == WeightColumn::kNone || column == WeightColumn::kImportance; }

enum class Kind { kSingle, kSlate, kSession };

Kind KindOf(const data::DecisionLog& log, const PolicyQuestion& question) {
  if (question.by_session) {
    return Kind::kSession;
  }
  return log.IsSingleAction() ? Kind::kSingle : Kind::kSlate;
}

std::vector<std::string> NamesFor(Kind kind) {
  std::vector<std::string> names;
  if (kind == Kind::kSession) {
    for (const SessionEstimatorInfo& info : SessionEstimators()) {
      if (!info.needs_q && !info.needs_states) {
        names.emplace_back(info.name);
      }
    }
    return names;
  }
  if (kind == Kind::kSlate) {
    return {"sips", "snsips", "rips", "snrips"};
  }
  for (const EstimatorInfo& info : Estimators()) {
    if (Feeds(info.weight) && info.estimator != Estimator::kMrdr) {
      names.emplace_back(info.name);
    }
  }
  return names;
}

std::vector<std::string> Asked(const data::DecisionLog& log, const PolicyQuestion& question) {
  const Kind kind = KindOf(log, question);
  const std::vector<std::string> known = NamesFor(kind);
  std::vector<std::string> asked = question.estimators;
  if (asked.empty()) {
    asked = kind == Kind::kSingle
                ? std::vector<std::string>{"ips", "cips", "snips", "dm", "dr", "sndr", "switch", "dros"}
                : known;
  }
  for (const std::string& name : asked) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string what = kind == Kind::kSession ? "sessions" : kind == Kind::kSlate ? "slates" : "single actions";
      ThrowUsage("--estimators: no estimator for " + what + " is called so: '" + name + "'; expected some of " +
                 base::Join(known, ", ") + base::DidYouMean(name, known));
    }
  }
  return asked;
}

std::int64_t SlateLength(const data::DecisionLog& log) {
  const std::int64_t length = log.first[1] - log.first[0];
  for (std::int64_t decision = 0; decision < log.size(); ++decision) {
    const auto at = static_cast<std::size_t>(decision);
    if (log.first[at + 1] - log.first[at] != length) {
      ThrowData(log, "slates have different lengths: '" + std::to_string(length) + "' and '" +
                         std::to_string(log.first[at + 1] - log.first[at]) + "'; expected one length");
    }
  }
  return length;
}

void RequireEqualDropRates(const data::DecisionLog& log) {
  for (const double rate : log.drop_rate) {
    if (rate != log.drop_rate.front()) {
      ThrowData(log, "decisions were left out at different rates: '" + base::FormatReal(log.drop_rate.front()) +
                         "' and '" + base::FormatReal(rate) + "'; expected one rate");
    }
  }
}

// The position that a slot was shown at: as logged, or its place.
std::vector<std::int32_t> PositionsOf(const data::DecisionLog& log, const std::vector<std::int64_t>& decisions) {
  std::vector<std::int32_t> positions(decisions.size());
  for (std::size_t slot = 0; slot < positions.size(); ++slot) {
    const auto decision = static_cast<std::size_t>(decisions[slot]);
    positions[slot] = log.position.empty()
                          ? static_cast<std::int32_t>(static_cast<std::int64_t>(slot) - log.first[decision])
                          : log.position[decision];
  }
  return positions;
}

// Items that are never shown at a position.
class NeverShown {
 public:
  NeverShown(const data::DecisionLog& log, const std::vector<std::int32_t>& positions) {
    values_ = positions;
    std::sort(values_.begin(), values_.end());
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
    const auto width = static_cast<std::size_t>(log.num_items());
    std::vector<std::uint8_t> shown(values_.size() * width, 0);
    for (std::size_t slot = 0; slot < positions.size(); ++slot) {
      shown[Row(positions[slot]) * width + static_cast<std::size_t>(log.item[slot])] = 1;
    }
    items_.resize(values_.size());
    for (std::size_t at = 0; at < shown.size(); ++at) {
      if (shown[at] == 0) {
        items_[at / width].push_back(static_cast<std::int32_t>(at % width));
      }
    }
  }
  [[nodiscard]] double Mass(std::int32_t position, std::span<const double> probability) const {
    double mass = 0.0;
    for (const std::int32_t item : items_[Row(position)]) {
      mass += probability[static_cast<std::size_t>(item)];
    }
    return mass;
  }

 private:
  [[nodiscard]] std::size_t Row(std::int32_t position) const {
    return static_cast<std::size_t>(std::lower_bound(values_.begin(), values_.end(), position) - values_.begin());
  }
  std::vector<std::int32_t> values_;              // positions, rising
  std::vector<std::vector<std::int32_t>> items_;  // by position
};

// What the policy would do, by slot. With several draws pi(a) is the probability that a is among them.
struct Columns {
  std::vector<double> ratio;     // pi / propensity of the logged item
  std::vector<double> shown;     // sum of pi: distinct items of the draws
  std::vector<double> missing;   // mass on what logging never shows
  std::vector<double> q_logged;  // of a model, or empty
  std::vector<double> q_policy;
};

// Mass on candidates of probability 0, where the log has the law of a decision's first slot; negative where it has not.
double KnownMissingMass(const data::DecisionLog& log, std::int64_t decision, std::span<const double> probability,
                        double all) {
  if (log.candidate_probability.empty()) {
    return -1.0;
  }
  double covered = 0.0;
  const auto first = static_cast<std::size_t>(log.candidates.offsets[static_cast<std::size_t>(decision)]);
  const auto candidates = log.candidates.row(decision);
  for (std::size_t at = 0; at < candidates.size(); ++at) {
    covered +=
        log.candidate_probability[first + at] > 0.0 ? probability[static_cast<std::size_t>(candidates[at])] : 0.0;
  }
  return std::max(0.0, all - covered);
}

// From one draw to being among so many.
void Draw(std::int64_t draws, std::span<double> probabilities) {
  if (draws > 1) {
    for (double& pi : probabilities) {
      pi = -std::expm1(static_cast<double>(draws) * std::log1p(-std::min(pi, 1.0)));
    }
  }
}

Columns Ask(const data::DecisionLog& log, const ActionDistribution& policy, const RewardModel* model,
            std::int64_t draws) {
  const std::vector<std::int64_t> decisions = log.DecisionOfSlots();
  const std::vector<std::int32_t> positions = PositionsOf(log, decisions);
  const NeverShown never_shown(log, positions);
  const auto slots = static_cast<std::size_t>(log.num_slots());
  Columns columns;
  columns.ratio.resize(slots);
  columns.shown.resize(slots);
  columns.missing.resize(slots);
  if (model != nullptr) {
    columns.q_logged.resize(slots);
    columns.q_policy.resize(slots);
  }
  base::ParallelFor(0, log.num_slots(), kSlotsAtOnce, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t items = log.num_items();
    std::vector<double> probabilities(static_cast<std::size_t>((end - begin) * items));
    std::vector<double> q(model == nullptr ? 0 : probabilities.size());
    policy.ProbabilitiesOf(begin, {probabilities.data(), end - begin, items});
    Draw(draws, probabilities);
    if (model != nullptr) {
      model->PredictRounds(begin, {q.data(), end - begin, items});
    }
    for (std::int64_t slot = begin; slot < end; ++slot) {
      const auto at = static_cast<std::size_t>(slot);
      const auto row = static_cast<std::size_t>((slot - begin) * items);
      const auto width = static_cast<std::size_t>(items);
      const std::span<const double> probability = std::span(probabilities).subspan(row, width);
      const auto item = static_cast<std::size_t>(log.item[at]);
      columns.ratio[at] = probability[item] / log.propensity[at];
      columns.shown[at] = draws == 1 ? 1.0 : std::accumulate(probability.begin(), probability.end(), 0.0);
      const bool opens = slot == log.first[static_cast<std::size_t>(decisions[at])];
      const double known = opens ? KnownMissingMass(log, decisions[at], probability, columns.shown[at]) : -1.0;
      columns.missing[at] = known >= 0.0 ? known : never_shown.Mass(positions[at], probability);
      if (model != nullptr) {
        columns.q_logged[at] = q[row + item];
        columns.q_policy[at] = Dot(std::span(q).subspan(row, width), probability);
      }
    }
  });
  return columns;
}

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Divides what adds up to `shown` by it, so that weights have a mean of 1 whatever the draws, and gives the rewards
// that this takes: estimators and diagnostics are then those of one action.
std::vector<double> PutToOne(Columns& columns, const std::vector<double>& reward, double shown) {
  const auto scale = [](std::vector<double>& values, double by) {
    for (double& value : values) {
      value *= by;
    }
  };
  std::vector<double> scaled = reward;
  if (shown != 1.0) {
    scale(columns.ratio, 1.0 / shown);
    scale(columns.missing, 1.0 / shown);
    scale(columns.q_logged, shown);
    scale(scaled, shown);
  }
  return scaled;
}

std::vector<double> SlateWeights(const std::vector<double>& ratio, std::int64_t length) {
  std::vector<double> weights(ratio.size() / static_cast<std::size_t>(length), 1.0);
  for (std::size_t at = 0; at < ratio.size(); ++at) {
    weights[at / static_cast<std::size_t>(length)] *= ratio[at];
  }
  return weights;
}

// Decisions of a log session by session, slots of a decision put together.
struct SessionColumns {
  SessionColumns(const data::DecisionLog& log, const std::vector<double>& ratio) {
    std::vector<std::int32_t> seen(log.session_ids.size(), -1);
    std::vector<std::vector<std::int64_t>> decisions;
    for (std::int64_t decision = 0; decision < log.size(); ++decision) {
      const std::int32_t id = log.session.empty() ? -1 : log.session[static_cast<std::size_t>(decision)];
      std::int32_t number = id < 0 ? -1 : seen[static_cast<std::size_t>(id)];
      if (number < 0) {
        number = static_cast<std::int32_t>(decisions.size());
        decisions.emplace_back();
        if (id >= 0) {
          seen[static_cast<std::size_t>(id)] = number;
        }
      }
      decisions[static_cast<std::size_t>(number)].push_back(decision);
    }
    for (const std::vector<std::int64_t>& of_session : decisions) {
      whole.push_back(1.0);
      for (const std::int64_t decision : of_session) {
        double sum = 0.0;
        double product = 1.0;
        const auto at = static_cast<std::size_t>(decision);
        for (auto slot = static_cast<std::size_t>(log.first[at]); slot < static_cast<std::size_t>(log.first[at + 1]);
             ++slot) {
          sum += log.reward[slot];
          product *= ratio.empty() ? 1.0 : ratio[slot];
        }
        reward.push_back(sum);
        step_ratio.push_back(product);
        whole.back() *= product;
      }
      offsets.push_back(static_cast<std::int64_t>(reward.size()));
    }
  }
  [[nodiscard]] Sessions View(double discount) const {
    return {.offsets = offsets, .reward = reward, .step_ratio = step_ratio, .discount = discount};
  }

  std::vector<std::int64_t> offsets{0};
  std::vector<double> reward, step_ratio;
  std::vector<double> whole;  // [sessions] the product of its ratios
};

std::optional<double> LambdaFor(const std::string& name, const Rounds& rounds) {
  const EstimatorInfo& info = InfoOf(*FindEstimator(name));
  if (info.shrinkage == Shrinkage::kNone) {
    return std::nullopt;
  }
  return ChooseBySlope(info.estimator, rounds, LambdaGrid(info.shrinkage)).lambda;
}

// One set of resamples for all of them, which is most of the work.
std::vector<EstimateRow> RowsOf(const std::vector<std::string>& names, std::span<const Terms> terms,
                                const PolicyQuestion& question) {
  const std::vector<Interval> intervals = BootstrapIntervals(terms, question.bootstrap);
  std::vector<EstimateRow> rows(names.size());
  base::ParallelFor(0, static_cast<std::int64_t>(rows.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto at = static_cast<std::size_t>(begin); at < static_cast<std::size_t>(end); ++at) {
      rows[at].name = names[at];
      rows[at].value = terms[at].Value();
      rows[at].interval = intervals[at];
      rows[at].standard_error = StandardError(terms[at]);
      if (terms[at].IsMean()) {
        rows[at].lower = StudentLowerBound(terms[at].Linearised(), question.delta);
      }
    }
  });
  return rows;
}

std::vector<std::string> FlagsOf(const PolicyAnswer& answer) {
  const std::string what = answer.horizon ? " sessions" : " decisions";
  const WeightSummary& weights = answer.weights;
  const auto rounds = static_cast<double>(answer.rounds);
  std::vector<std::string> flags;
  if (weights.effective_sample_size < kDoubtfulShare * rounds) {
    flags.push_back("effective sample size: '" + base::FormatFixed(weights.effective_sample_size, 1) + "' of " +
                    base::FormatCount(answer.rounds) + what + "; expected a tenth or more");
  }
  const double share = weights.max / std::max(weights.mean.mean * rounds, 1e-300);
  if (share > kDoubtfulWeight) {
    flags.push_back("largest weight: '" + base::FormatFixed(100.0 * share, 1) +
                    "' % of the sum of all; expected 1 % or less");
  }
  if (std::abs(weights.mean.mean - 1.0) > kDoubtfulMean) {
    flags.push_back("mean weight: '" + base::FormatFixed(weights.mean.mean, 4) + "'; expected 1: rare" + what +
                    " of large weight did not come as often as they should");
  }
  return flags;
}

void Judge(const std::vector<double>& weights, const Columns& columns, const PolicyQuestion& question,
           PolicyAnswer& answer) {
  answer.rounds = static_cast<std::int64_t>(weights.size());
  answer.weights = SummariseWeights(weights, kClip);
  answer.unseen_mass = Mean(columns.missing);
  answer.verdict = JudgeSupport(answer.weights, answer.unseen_mass, question.limits);
  answer.flags = FlagsOf(answer);
}

PolicyAnswer EvaluateSessions(const data::DecisionLog& log, const ActionDistribution& policy,
                              const std::vector<std::string>& asked, const PolicyQuestion& question) {
  if (log.session_ids.empty()) {
    ThrowUsage("--sessions: " + log.source + " has decisions without sessions; expected a log that names sessions");
  }
  if (question.draws > 1) {
    ThrowUsage("--sessions: does not go with --top-k; expected one of them");
  }
  PolicyAnswer answer;
  answer.slate = log.first[1] - log.first[0];
  answer.logging_known = !log.candidate_probability.empty();
  const Columns columns = Ask(log, policy, nullptr, 1);
  const SessionColumns sessions(log, columns.ratio);
  const Sessions view = sessions.View(question.discount);
  answer.horizon = EffectiveHorizon(view);
  Judge(sessions.whole, columns, question, answer);
  std::vector<Terms> terms;
  for (const std::string& name : asked) {
    terms.push_back(EstimateSessions(*FindSessionEstimator(name), view));
  }
  answer.estimates = RowsOf(asked, terms, question);
  return answer;
}

}  // namespace

bool NeedsRewardModel(const data::DecisionLog& log, const PolicyQuestion& question) {
  if (KindOf(log, question) != Kind::kSingle) {
    return false;
  }
  const std::vector<std::string> asked = Asked(log, question);
  return std::any_of(asked.begin(), asked.end(),
                     [](const std::string& name) { return InfoOf(*FindEstimator(name)).needs_q; });
}

PolicyAnswer EvaluatePolicy(const data::DecisionLog& log, const ActionDistribution& policy, const RewardModel* model,
                            const PolicyQuestion& question) {
  const std::vector<std::string> asked = Asked(log, question);
  RequireEqualDropRates(log);
  if (question.by_session) {
    return EvaluateSessions(log, policy, asked, question);
  }
  PolicyAnswer answer;
  answer.slate = SlateLength(log);
  answer.logging_known = !log.candidate_probability.empty();
  if (question.draws > 1 && answer.slate > 1) {
    ThrowUsage("--top-k: the log has slates of '" + std::to_string(answer.slate) +
               "'; expected a log of single actions, or 1");
  }
  Columns columns = Ask(log, policy, model, question.draws);
  answer.shown = Mean(columns.shown);
  const std::vector<double> reward = PutToOne(columns, log.reward, answer.shown);
  const std::vector<double> weights = SlateWeights(columns.ratio, answer.slate);
  Judge(weights, columns, question, answer);
  std::vector<Terms> terms;
  std::vector<std::optional<double>> lambdas(asked.size());
  for (const std::string& name : asked) {
    if (answer.slate == 1) {
      const Rounds rounds = {
          .reward = reward, .weight = weights, .q_logged = columns.q_logged, .q_policy = columns.q_policy};
      lambdas[terms.size()] = LambdaFor(name, rounds);
      terms.push_back(Estimate(*FindEstimator(name), rounds, lambdas[terms.size()]));
    } else {
      const SlateRounds rounds = {.length = answer.slate, .reward = reward, .step_ratio = columns.ratio};
      terms.push_back(EstimateSlates(*FindSlateEstimator(name), rounds));
    }
  }
  answer.estimates = RowsOf(asked, terms, question);
  for (std::size_t at = 0; at < lambdas.size(); ++at) {
    answer.estimates[at].lambda = lambdas[at];
  }
  return answer;
}

LoggedValue ValueOfLog(const data::DecisionLog& log, const PolicyQuestion& question) {
  Terms terms;
  if (question.by_session) {
    const SessionColumns sessions(log, {});
    terms = EstimateSessions(SessionEstimator::kTis, sessions.View(question.discount));
    return {terms.Value(), StudentInterval(terms)};
  }
  terms.ratios.resize(1);
  std::vector<double>& sums = terms.ratios.front().numerator;
  sums.assign(static_cast<std::size_t>(log.size()), 0.0);
  const std::vector<std::int64_t> decisions = log.DecisionOfSlots();
  for (std::size_t slot = 0; slot < decisions.size(); ++slot) {
    sums[static_cast<std::size_t>(decisions[slot])] += log.reward[slot];
  }
  return {terms.Value(), StudentInterval(terms)};
}

}  // namespace recforce::ope
