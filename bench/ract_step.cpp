// SPDX-License-Identifier: Apache-2.0
// An epoch of each stage of RaCT, side by side. Stage 3 adds to stage 1 the metric of each user and a critic of 11,521
// weights; the authors' code took 2.44 times as long. Twice: at the size of MovieLens-1M (4,500 users, 3,500 items, 95
// clicks), and 1,000 users of the shape of MovieLens-20M (20,108 items) in batches of 500, with what an epoch of stage
// 3 holds in memory beside data, weights and the moments of Adam.
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "algos/ract/ract_trainer.h"
#include "random_log.h"
#include "recforce/data/generate.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

// Largest resident set of the process so far, in MB.
double PeakMegabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      double kilobytes = 0.0;
      status >> kilobytes;
      return kilobytes / 1024.0;
    }
  }
  return 0.0;
}

data::Csr MovieLens20M(std::int64_t users) {
  data::WorldOptions options = data::PresetOptions("ml20m-shape");
  options.users = users;
  const data::World world = data::GenerateWorld(options, 1);
  data::Csr rows;
  std::vector<std::int32_t> row;
  for (std::size_t at = 0; at < world.log.user.size(); ++at) {
    row.push_back(world.log.item[at]);
    if (at + 1 == world.log.user.size() || world.log.user[at + 1] != world.log.user[at]) {
      rows.AddRow(row);
      row.clear();
    }
  }
  return rows;
}

void Stages(const char* name, const data::Csr& rows, std::int64_t items, int rounds) {
  algos::RactTrainer trainer({}, {rows.view(), items}, {});
  for (std::int64_t phase = 0; phase < 3; ++phase) {
    trainer.BeginPhase(phase);
  }
  std::int64_t epoch = 0;
  const auto stage = [&](std::int64_t phase) {
    return [&trainer, &epoch, phase] { trainer.Epoch({.phase = phase, .epoch = epoch++}); };
  };
  const double before = PeakMegabytes();
  stage(2)();
  std::printf("%s: an epoch of stage 3 raises the peak by %.0f MB to %.0f MB\n", name, PeakMegabytes() - before,
              PeakMegabytes());
  std::vector<Contender> contenders = {{std::string(name) + " stage 1 epoch", stage(0)},
                                       {std::string(name) + " stage 2 epoch", stage(1)},
                                       {std::string(name) + " stage 3 epoch", stage(2)}};
  Run(contenders, rounds);
  PrintRatio(std::string(name) + ": ract stage 3 over stage 1", contenders[2], contenders[0], "at most 1.15");
}

void Main() {
  UseAllCores();
  Stages("ml-1m", RandomLog(4500, 3500, 95), 3500, 7);
  Stages("ml-20m", MovieLens20M(1000), 20108, 5);
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
