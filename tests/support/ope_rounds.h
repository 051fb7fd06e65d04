// SPDX-License-Identifier: Apache-2.0
// Six logged rounds over three actions whose estimates are known to six digits, and columns that outlive their views.
#pragma once

#include <cstdint>
#include <vector>

#include "recforce/ope/estimators.h"
#include "recforce/ope/weights.h"

namespace recforce::test {

using Column = std::vector<double>;

struct GoldenRounds {
  Column pi = {0.6, 0.3, 0.1, 0.2, 0.5, 0.3, 0.1, 0.1, 0.8, 0.7, 0.2, 0.1, 0.3, 0.3, 0.4, 0.5, 0.25, 0.25};
  Column beta = {0.2, 0.5, 0.3, 0.25, 0.25, 0.5, 0.3, 0.6, 0.1, 0.4, 0.4, 0.2, 0.1, 0.2, 0.7, 0.5, 0.3, 0.2};
  Column q = {0.7, 0.4, 0.2, 0.3, 0.5, 0.6, 0.2, 0.1, 0.9, 0.8, 0.3, 0.3, 0.4, 0.4, 0.2, 0.6, 0.7, 0.5};
  std::vector<std::int32_t> action = {0, 1, 2, 0, 2, 1};
  Column reward = {1.0, 0.0, 1.0, 1.0, 0.0, 1.0};
  Column policy = ope::AtAction(pi, action, 3);
  Column propensity = ope::AtAction(beta, action, 3);
  Column weight = ope::ImportanceWeights(policy, propensity);
  Column q_logged = ope::AtAction(q, action, 3);
  Column q_policy = ope::ExpectedUnder(pi, q, 3);
  // What the most likely action of pi is in each round: 0, 1, 2, 0, 2, 0.
  Column match = {1.0, 1.0, 1.0, 1.0, 1.0, 0.0};

  [[nodiscard]] ope::Rounds rounds() const { return {reward, weight, q_logged, q_policy, match, weight, weight}; }
};

}  // namespace recforce::test
