// SPDX-License-Identifier: Apache-2.0
// Training without files and without validation.
#pragma once

#include <cstdint>

#include "recforce/core/trainer.h"

namespace recforce::test {

// Trains from (phase, epoch) to the end of the schedule, or until `stop_after` epochs are done; every second epoch is
// the best so far.
inline void TrainFrom(core::Trainer& trainer, std::int64_t phase, std::int64_t epoch,
                      std::int64_t stop_after = 1 << 30) {
  const auto phases = trainer.Phases();
  for (; phase < static_cast<std::int64_t>(phases.size()); ++phase, epoch = 0) {
    if (epoch == 0) {
      trainer.BeginPhase(phase);
    }
    for (; epoch < phases[static_cast<std::size_t>(phase)].epochs; ++epoch) {
      trainer.Epoch({.phase = phase, .epoch = epoch});
      if (epoch % 2 == 0) {
        trainer.KeepBest();
      }
      if (--stop_after <= 0) {
        return;
      }
    }
    trainer.EndPhase();
  }
}

}  // namespace recforce::test
