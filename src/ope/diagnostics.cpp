// SPDX-License-Identifier: Apache-2.0
#include "recforce/ope/diagnostics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "ope/checks.h"
#include "recforce/base/text.h"

namespace recforce::ope {
namespace {

constexpr double kErrorsOfOne = 3.0;
constexpr double kRounding = 1e-9;
constexpr std::size_t kCalibrationBins = 10;

void RequireWeights(std::span<const double> weight) {
  RequireRounds("weights", weight.size());
  RequireFinite("weights", weight);
}

double DistanceFromOne(const MeanWeight& weight) { return std::abs(weight.mean - 1.0); }

MeanWeight FromSums(std::int64_t rounds, double sum, double squares_about_mean) {
  MeanWeight out;
  out.rounds = rounds;
  const auto n = static_cast<double>(rounds);
  out.mean = rounds == 0 ? 0.0 : sum / n;
  out.standard_error =
      rounds < 2 ? std::numeric_limits<double>::infinity() : std::sqrt(squares_about_mean / (n * (n - 1.0)));
  out.is_one = DistanceFromOne(out) <= kErrorsOfOne * out.standard_error + kRounding;
  return out;
}

std::string Percent(double share) { return base::FormatFixed(100.0 * share, 1) + " %"; }

}  // namespace

double EffectiveSampleSize(std::span<const double> weight) {
  RequireWeights(weight);
  double largest = 0.0;
  for (const double w : weight) {
    largest = std::max(largest, std::abs(w));
  }
  if (largest == 0.0) {
    return 0.0;
  }
  // In units of the largest: squares of products over long sessions would leave the range of double.
  double sum = 0.0;
  double squares = 0.0;
  for (const double w : weight) {
    const double scaled = w / largest;
    sum += scaled;
    squares += scaled * scaled;
  }
  return sum * sum / squares;
}

MeanWeight SummariseMean(std::span<const double> weight) {
  RequireWeights(weight);
  const auto n = static_cast<double>(weight.size());
  const double mean = MeanOf(weight);
  return FromSums(static_cast<std::int64_t>(weight.size()), mean * n, SpreadOf(weight, mean) * n);
}

std::vector<MeanWeight> MeanWeightBySegment(std::span<const double> weight, std::span<const std::int32_t> segment,
                                            std::int64_t num_segments) {
  RequireWeights(weight);
  RequireSize("segments of rounds", segment.size(), weight.size(), "one for each round");
  RequireIndices("segments of rounds", segment, num_segments);
  const auto segments = static_cast<std::size_t>(num_segments);
  std::vector<std::int64_t> rounds(segments, 0);
  std::vector<double> sums(segments, 0.0);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const auto s = static_cast<std::size_t>(segment[i]);
    ++rounds[s];
    sums[s] += weight[i];
  }
  std::vector<double> squares(segments, 0.0);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const auto s = static_cast<std::size_t>(segment[i]);
    const double off = weight[i] - sums[s] / static_cast<double>(rounds[s]);
    squares[s] += off * off;
  }
  std::vector<MeanWeight> out;
  for (std::size_t s = 0; s < segments; ++s) {
    out.push_back(FromSums(rounds[s], sums[s], squares[s]));
  }
  return out;
}

WeightSummary SummariseWeights(std::span<const double> weight, double clip) {
  WeightSummary out;
  out.mean = SummariseMean(weight);
  out.effective_sample_size = EffectiveSampleSize(weight);
  std::vector<double> sorted(weight.begin(), weight.end());
  std::sort(sorted.begin(), sorted.end());
  out.max = sorted.back();
  const auto n = static_cast<double>(sorted.size());
  for (std::size_t q = 0; q < kWeightLevels.size(); ++q) {
    const double rank = std::max(1.0, std::ceil(kWeightLevels[q] * n - kRounding));
    out.quantiles[q] = sorted[static_cast<std::size_t>(rank) - 1];
  }
  const auto above = sorted.end() - std::upper_bound(sorted.begin(), sorted.end(), clip);
  out.clipped_share = static_cast<double>(above) / n;
  return out;
}

std::vector<double> UncoveredMass(std::span<const double> policy, std::span<const double> logging,
                                  std::int64_t num_actions, double least) {
  const std::size_t rounds = RequireDistributions("the policy's probabilities", policy, num_actions);
  RequireSize("the logging policy's probabilities", logging.size(), policy.size(), "one for each round and action");
  RequireProbabilities("the logging policy's probabilities", logging);
  const auto width = static_cast<std::size_t>(num_actions);
  std::vector<double> mass(rounds, 0.0);
  for (std::size_t i = 0; i < policy.size(); ++i) {
    mass[i / width] += logging[i] == 0.0 || logging[i] < least ? policy[i] : 0.0;
  }
  return mass;
}

LoggingFit CheckLoggingFit(std::span<const double> estimate, std::span<const std::int32_t> action,
                           std::int64_t num_actions) {
  const std::size_t rounds = RequireDistributions("the estimated logging policy", estimate, num_actions);
  RequireSize("logged actions", action.size(), rounds, "one for each round");
  RequireIndices("logged actions", action, num_actions);
  const auto width = static_cast<std::size_t>(num_actions);
  const auto n = static_cast<double>(rounds);
  std::vector<double> frequency(width, 0.0);
  std::array<double, kCalibrationBins> surplus{};  // foreseen less seen
  LoggingFit fit;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto logged = static_cast<std::size_t>(action[i]);
    frequency[logged] += 1.0 / n;
    fit.log_loss -= std::log(estimate[i * width + logged]) / n;
    for (std::size_t a = 0; a < width; ++a) {
      const double p = estimate[i * width + a];
      const auto bin = std::min(kCalibrationBins - 1, static_cast<std::size_t>(p * kCalibrationBins));
      surplus[bin] += p - (a == logged ? 1.0 : 0.0);
    }
  }
  for (const double share : frequency) {
    fit.marginal_log_loss -= share > 0.0 ? share * std::log(share) : 0.0;
  }
  for (const double bin : surplus) {
    fit.calibration_error += std::abs(bin) / n;
  }
  return fit;
}

Verdict JudgeSupport(const WeightSummary& weights, std::optional<double> uncovered_mass, const SupportLimits& limits) {
  Verdict verdict;
  const auto refuse = [&verdict](SupportFailure failure, const std::string& what, const std::string& found,
                                 const std::string& expected) {
    verdict.reasons.push_back({failure, what + ": " + found + "; expected " + expected});
  };
  if (uncovered_mass && !(*uncovered_mass <= limits.max_uncovered_mass)) {
    refuse(SupportFailure::kUncoveredMass, "share of the policy on actions that logging never takes",
           Percent(*uncovered_mass), "at most " + Percent(limits.max_uncovered_mass));
  }
  const double least =
      std::max(limits.min_effective_sample_size, limits.min_effective_share * static_cast<double>(weights.mean.rounds));
  if (!(weights.effective_sample_size >= least)) {
    refuse(SupportFailure::kEffectiveSampleSize, "effective sample size",
           base::FormatFixed(weights.effective_sample_size, 1) + " of " + base::FormatCount(weights.mean.rounds) +
               " rounds",
           "at least " + base::FormatFixed(least, 1));
  }
  const double distance = DistanceFromOne(weights.mean);
  if (distance > limits.mean_weight_gap && distance > limits.mean_weight_errors * weights.mean.standard_error) {
    refuse(SupportFailure::kMeanWeight, "mean weight",
           base::FormatFixed(weights.mean.mean, 4) + " with a standard error of " +
               base::FormatFixed(weights.mean.standard_error, 4),
           "1 within " + base::FormatReal(limits.mean_weight_errors) + " standard errors or " +
               Percent(limits.mean_weight_gap));
  }
  return verdict;
}

}  // namespace recforce::ope
