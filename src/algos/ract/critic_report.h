// SPDX-License-Identifier: Apache-2.0
// What is said of a critic, and of the weights that an actor follows, over the batches of an epoch.
#pragma once

#include <cstdint>
#include <span>

#include "recforce/core/trainer.h"

namespace recforce::algos {

class CriticReport {
 public:
  // value: what the critic said, omega: what the metric was. Error(Diverged) where either is not finite.
  void Add(std::span<const double> value, std::span<const double> omega);
  // errors: of the rows, weights: what the gradients of their errors are multiplied with.
  void AddWeights(std::span<const double> errors, std::span<const double> weights);

  // critic_mse, target_mean, target_variance, critic_r (Pearson; 0 when either is constant), calibration (slope of the
  // target by the value: 1 where the critic neither exaggerates nor flattens), and of batches with weights `error`,
  // weight_mean and weight_negative (share). Empty without a row.
  [[nodiscard]] core::Metrics Result() const;

 private:
  double count_ = 0.0, squares_ = 0.0, c_ = 0.0, w_ = 0.0, cc_ = 0.0, ww_ = 0.0, cw_ = 0.0;
  double weighted_ = 0.0, error_ = 0.0, weight_ = 0.0, negative_ = 0.0;
};

}  // namespace recforce::algos
