// SPDX-License-Identifier: Apache-2.0
// What `recforce simulate` prints of policies that were tried.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/runner.h"
#include "train/open_environment.h"

namespace recforce::cli {

// A policy that was tried, and what came of it.
struct Tried {
  std::string name;  // as --policy has it
  sim::Outcome outcome;
  sim::OutcomeSummary summary;
  double seconds = 0.0;
};

struct Trials {
  const train::OpenedEnvironment& opened;
  sim::SimulationPlan plan;
  std::optional<double> optimum;  // the largest expected return, where it is known
  std::vector<Tried> tried;       // the others are compared with the first; never empty
};

void PrintJson(const Trials& trials);
void PrintTable(const Trials& trials);

}  // namespace recforce::cli
