// SPDX-License-Identifier: Apache-2.0
// What `train` does with a trainer that validates itself, without files.
#pragma once

#include <cstdint>

#include "recforce/core/trainer.h"

namespace recforce::test {

// All phases, each until its patience ends. Returns the best validation value.
inline double TrainToTheEnd(core::Trainer& trainer) {
  double best = -1e300;
  const auto phases = trainer.Phases();
  for (std::int64_t phase = 0; phase < static_cast<std::int64_t>(phases.size()); ++phase) {
    trainer.BeginPhase(phase);
    const core::Phase& plan = phases[static_cast<std::size_t>(phase)];
    std::int64_t since = 0;
    for (std::int64_t epoch = 0; epoch < plan.epochs && (plan.patience == 0 || since < plan.patience); ++epoch) {
      trainer.Epoch({.phase = phase, .epoch = epoch});
      if (const auto value = trainer.Validate(nullptr); value && *value > best) {
        best = *value;
        trainer.KeepBest();
        since = 0;
      } else {
        ++since;
      }
    }
    trainer.EndPhase();
  }
  return best;
}

}  // namespace recforce::test
