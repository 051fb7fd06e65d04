// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/critic_report.h"

#include <algorithm>
#include <cmath>

#include "algos/common/finite.h"

namespace recforce::algos {

void CriticReport::Add(std::span<const double> value, std::span<const double> omega) {
  for (std::size_t row = 0; row < omega.size(); ++row) {
    const double c = value[row];
    const double w = omega[row];
    CheckFinite(c + w, "critic");
    count_ += 1.0;
    squares_ += (c - w) * (c - w);
    c_ += c;
    w_ += w;
    cc_ += c * c;
    ww_ += w * w;
    cw_ += c * w;
  }
}

void CriticReport::AddWeights(std::span<const double> errors, std::span<const double> weights) {
  for (std::size_t row = 0; row < weights.size(); ++row) {
    weighted_ += 1.0;
    error_ += errors[row];
    weight_ += weights[row];
    negative_ += weights[row] < 0.0 ? 1.0 : 0.0;
  }
  CheckFinite(error_ + weight_, "fine-tuning loss");
}

core::Metrics CriticReport::Result() const {
  core::Metrics metrics;
  if (count_ > 0.0) {
    const double variance_c = std::max(0.0, cc_ / count_ - c_ / count_ * c_ / count_);
    const double variance_w = std::max(0.0, ww_ / count_ - w_ / count_ * w_ / count_);
    const double covariance = cw_ / count_ - c_ / count_ * w_ / count_;
    const double scale = std::sqrt(variance_c * variance_w);
    metrics = {{"critic_mse", squares_ / count_},
               {"target_mean", w_ / count_},
               {"target_variance", variance_w},
               {"critic_r", scale > 0.0 ? covariance / scale : 0.0},
               {"calibration", variance_c > 0.0 ? covariance / variance_c : 0.0}};
  }
  if (weighted_ > 0.0) {
    metrics.emplace_back("error", error_ / weighted_);
    metrics.emplace_back("weight_mean", weight_ / weighted_);
    metrics.emplace_back("weight_negative", negative_ / weighted_);
  }
  return metrics;
}

}  // namespace recforce::algos
