// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace recforce::eval {

// Makes a column of gauc (EvalResult::per_user) of some users' AUCs, in place. targets: how many each user has.
inline void WeighByTargets(std::span<double> values, std::span<const std::int32_t> targets) {
  double sum = 0.0;
  double weighted = 0.0;
  for (std::size_t user = 0; user < values.size(); ++user) {
    sum += targets[user];
    weighted += targets[user] * values[user];
  }
  const double mean = weighted / sum;
  for (std::size_t user = 0; user < values.size(); ++user) {
    values[user] = mean + (values[user] - mean) * targets[user] * static_cast<double>(values.size()) / sum;
  }
}

}  // namespace recforce::eval
