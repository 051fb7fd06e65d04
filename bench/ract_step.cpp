// SPDX-License-Identifier: Apache-2.0
// An epoch of each stage of RaCT at the size of MovieLens-1M (4,500 users, 3,500 items, 95 clicks). Stage 3 adds to
// stage 1 a top-100 selection and a critic of 11,521 weights; the authors' code took 2.44 times as long.
#include <cstdio>
#include <vector>

#include "algos/ract/ract_trainer.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

void Main() {
  UseAllCores();
  constexpr std::int64_t kItems = 3500;
  const data::Csr rows = RandomLog(4500, kItems, 95);
  algos::RactTrainer trainer({}, {rows.view(), kItems}, {});
  for (std::int64_t phase = 0; phase < 3; ++phase) {
    trainer.BeginPhase(phase);
  }
  std::int64_t epoch = 0;
  const auto stage = [&](std::int64_t phase) {
    return [&trainer, &epoch, phase] { trainer.Epoch({.phase = phase, .epoch = epoch++}); };
  };
  std::vector<Contender> contenders = {
      {"stage 1 epoch", stage(0)}, {"stage 2 epoch", stage(1)}, {"stage 3 epoch", stage(2)}};
  Run(contenders, 7);
  PrintRatio("ract stage 3 over stage 1", contenders[2], contenders[0], "at most 1.15");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
