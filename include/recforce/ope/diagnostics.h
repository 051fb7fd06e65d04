// SPDX-License-Identifier: Apache-2.0
// Whether logged rounds can say anything of a policy, before anybody reads an estimate. Works on weights of any
// estimator; Error(Data) for empty columns, columns of different lengths and values that are not finite.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace recforce::ope {

// (sum w)^2 / sum w^2; 0 where all weights are 0.
double EffectiveSampleSize(std::span<const double> weight);

// Weights average to 1 if and only if propensities are right and logging covers the policy.
struct MeanWeight {
  std::int64_t rounds = 0;
  double mean = 0.0;
  double standard_error = 0.0;  // sqrt(var / (n - 1)), var with 1/n; infinite for one round
  bool is_one = false;          // |mean - 1| <= 3 standard errors (and 1e-9 for rounding)
};
MeanWeight SummariseMean(std::span<const double> weight);
// For each of `num_segments` segments; segment: [n] in [0, num_segments). A segment without rounds has mean 0.
std::vector<MeanWeight> MeanWeightBySegment(std::span<const double> weight, std::span<const std::int32_t> segment,
                                            std::int64_t num_segments);

inline constexpr std::array kWeightLevels = {0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};

struct WeightSummary {
  MeanWeight mean;
  double effective_sample_size = 0.0;
  double max = 0.0;
  std::array<double, kWeightLevels.size()> quantiles{};  // nearest ranks, at kWeightLevels
  double clipped_share = 0.0;                            // rounds whose weight is above `clip`
};
WeightSummary SummariseWeights(std::span<const double> weight, double clip = std::numeric_limits<double>::infinity());

// [n] sum of pi(a|x) over the actions that logging never takes or takes with a probability below `least`: the column
// of which JudgeSupport wants the mean. policy, logging: [n, num_actions].
std::vector<double> UncoveredMass(std::span<const double> policy, std::span<const double> logging,
                                  std::int64_t num_actions, double least = 0.0);

// How well an estimated logging policy foresees the logged actions. estimate: [n, num_actions]; action: [n].
struct LoggingFit {
  double log_loss = 0.0;           // mean -ln estimate(a|x); infinite if a logged action had probability 0
  double marginal_log_loss = 0.0;  // of the actions' frequencies in these rounds: an estimate that uses x beats it
  double calibration_error =
      0.0;  // in [0, 2]: sum over ten bins of the estimate of |foreseen - seen actions|, by round
};
LoggingFit CheckLoggingFit(std::span<const double> estimate, std::span<const std::int32_t> action,
                           std::int64_t num_actions);

// When an estimate is refused.
struct SupportLimits {
  double max_uncovered_mass = 0.05;       // mean share of the policy on actions that logging never takes
  double min_effective_sample_size = 10;  // and
  double min_effective_share = 0.001;     // of the rounds: the larger of both holds
  double mean_weight_errors = 3.0;        // refused if the mean weight is farther from 1 than so many standard errors
  double mean_weight_gap = 0.05;          // and than this
};

enum class SupportFailure { kUncoveredMass, kEffectiveSampleSize, kMeanWeight };

struct Verdict {
  struct Reason {
    SupportFailure failure;
    std::string message;  // `what: found; expected`
  };
  std::vector<Reason> reasons;
  [[nodiscard]] bool refused() const { return !reasons.empty(); }
};
// uncovered_mass: mean of UncoveredMass, where the logging policy is known for actions that were not logged.
Verdict JudgeSupport(const WeightSummary& weights, std::optional<double> uncovered_mass = std::nullopt,
                     const SupportLimits& limits = {});

}  // namespace recforce::ope
