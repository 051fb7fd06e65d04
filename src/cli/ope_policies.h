// SPDX-License-Identifier: Apache-2.0
// Models as policies over a decision log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "recforce/core/algorithm.h"
#include "recforce/data/decision_log.h"
#include "recforce/ope/policies.h"

namespace recforce::cli {

// How scores become decisions: the best items take `greedy` of a slate's places, rounded down, the others are drawn one
// after the other in proportion to exp(score / temperature) among the best `candidates` (0: all); with probability
// `epsilon` an item is drawn from all alike.
struct ModelPolicyOptions {
  double temperature = 1.0;
  double epsilon = 0.0;
  double greedy = 0.0;
  std::int64_t candidates = 0;
  std::string device = "cpu";
};

// The model of a run: it sees the history of each decision, where the log has histories, and scores the items that
// could be chosen, as far as it knows them. Warns of items that it does not know. Refers to `log`. Error(Data): a
// decision of which it knows no item that could be chosen; Error(NotFound): no such run.
std::unique_ptr<ope::ActionDistribution> OpenModelPolicy(const core::Registry& registry, const std::string& run,
                                                         const data::DecisionLog& log,
                                                         const ModelPolicyOptions& options);

}  // namespace recforce::cli
