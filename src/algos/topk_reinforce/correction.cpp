// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/correction.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr double kTfFloor = 0.001;  // of alpha / beta, with its ceiling and what is added to beta
constexpr double kTfCeiling = 10.0;
constexpr double kTfAdded = 1e-6;

}  // namespace

double LogOneMinus(double log_p) {
  if (log_p >= 0.0) {
    return -std::numeric_limits<double>::infinity();
  }
  return log_p > -std::log(2.0) ? std::log(-std::expm1(log_p)) : std::log1p(-std::exp(log_p));
}

double InclusionProbability(double log_p, std::int64_t k) {
  return -std::expm1(static_cast<double>(k) * LogOneMinus(log_p));
}

double TopKMultiplier(double log_p, std::int64_t k) {
  if (k == 1) {
    return 1.0;
  }
  return static_cast<double>(k) * std::exp(static_cast<double>(k - 1) * LogOneMinus(log_p));
}

CorrectionKind ParseCorrection(const std::string& name) {
  static const std::vector<std::pair<std::string, CorrectionKind>> names = {
      {"paper", CorrectionKind::kPaper},          {"none", CorrectionKind::kNone},
      {"ratio_clip", CorrectionKind::kRatioClip}, {"tf_agent", CorrectionKind::kTfAgent},
      {"no_detach", CorrectionKind::kNoDetach},   {"seed", CorrectionKind::kSeed}};
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == name; });
  RECFORCE_CHECK(found != names.end(), "no correction is called " + name);
  return found->second;
}

ActionWeight WeightOf(const Correction& correction, double log_pi, double log_beta, double log_pi_drawn,
                      double log_beta_drawn) {
  const double lambda = TopKMultiplier(log_pi, correction.top_k);
  const bool has_cap = correction.cap > 0.0 && !correction.normalised;
  const double log_cap = has_cap ? std::log(correction.cap) : std::numeric_limits<double>::infinity();
  const auto capped = [&](double log_ratio) {
    ActionWeight weight;
    weight.capped = log_ratio > log_cap;
    weight.weight = std::exp(std::min(log_ratio, log_cap));
    weight.coefficient = weight.weight * lambda;
    return weight;
  };
  switch (correction.kind) {
    case CorrectionKind::kPaper:
      return capped(log_pi - log_beta);
    case CorrectionKind::kNone:
      return {.weight = 1.0, .coefficient = lambda};
    case CorrectionKind::kRatioClip: {
      ActionWeight weight = capped(log_pi - log_beta);
      weight.coefficient = weight.capped ? 0.0 : weight.coefficient;
      return weight;
    }
    case CorrectionKind::kTfAgent: {
      const double alpha = InclusionProbability(log_pi, correction.top_k);
      const double ratio = alpha / (std::exp(log_beta) + kTfAdded);
      const double weight = std::clamp(ratio, kTfFloor, kTfCeiling);
      return {.weight = weight, .coefficient = weight, .capped = weight != ratio};
    }
    case CorrectionKind::kSeed:
      return capped(log_pi_drawn - log_beta_drawn);
    case CorrectionKind::kNoDetach: {
      // d/d log pi of (pi / beta) lambda(pi) log pi = (pi / beta) (lambda (1 + log pi) + pi lambda' log pi),
      // pi lambda' = -k (k - 1) pi (1 - pi)^(k - 2).
      ActionWeight weight = capped(log_pi - log_beta);
      if (weight.capped) {
        return weight;  // the cap is a constant
      }
      const auto k = static_cast<double>(correction.top_k);
      const double bend =
          correction.top_k == 1 ? 0.0 : -k * (k - 1.0) * std::exp(log_pi + (k - 2.0) * LogOneMinus(log_pi));
      weight.coefficient = weight.weight * (lambda * (1.0 + log_pi) + bend * log_pi);
      return weight;
    }
  }
  RECFORCE_CHECK(false, "a correction without a rule");
  return {};
}

void NormaliseWeights(std::span<ActionWeight> batch) {
  double sum = 0.0;
  for (const ActionWeight& action : batch) {
    sum += action.weight;
  }
  if (sum <= 0.0) {
    return;
  }
  const double factor = static_cast<double>(batch.size()) / sum;
  for (ActionWeight& action : batch) {
    action.weight *= factor;
    action.coefficient *= factor;
  }
}

}  // namespace recforce::algos
