// SPDX-License-Identifier: Apache-2.0
// Steps of GRU4Rec at the shape of its authors' best setting for YooChoose (480 units, 48 sessions side by side, 2,048
// drawn items, shared embeddings, cross-entropy with dropout) over a random log of the size of YooChoose 1/64: ours,
// lanes, draws and optimiser included; the same steps in PyTorch as it comes and in two ways that spare the table
// (gru4rec_torch.py); and matrix products of as many operations as a step has, which no implementation can avoid.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "algos/gru4rec/learner.h"
#include "products.h"
#include "python_twin.h"
#include "random_log.h"
#include "recforce/base/error.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kItems = 37484;
constexpr std::int64_t kSessions = 116000;
constexpr std::int64_t kLongest = 20;
constexpr std::int64_t kUnits = 480;
constexpr std::int64_t kLanes = 48;
constexpr std::int64_t kNegatives = 2048;
constexpr std::int64_t kSteps = 50;  // a round

// Sessions of 2 clicks and more, 4.2 on average.
data::Csr Sessions() {
  const data::Csr longest = RandomLog(kSessions, kItems, kLongest);
  base::Rng rng(2, base::Stream::kGenerate);
  data::Csr rows;
  for (std::int64_t session = 0; session < kSessions; ++session) {
    const auto more = static_cast<std::int64_t>(std::log(rng.Uniform()) / std::log(0.687));
    rows.AddRow(longest.row(session).first(static_cast<std::size_t>(std::min(2 + more, kLongest))));
  }
  return rows;
}

// Of the products of a step: those of W three times (forward, its gradient, that of the inputs), those of U twice and
// once more through r * h, the scores three times.
constexpr double Flops() {
  constexpr double kSquare = static_cast<double>(kUnits * kUnits);
  constexpr double kScores = static_cast<double>((kLanes + kNegatives) * kUnits);
  return 2.0 * static_cast<double>(kLanes) * (9.0 * kSquare + 7.0 * kSquare + 3.0 * kScores);
}

// The first kSteps steps of an epoch.
void SomeSteps(algos::Gru4recLearner& learner, std::int64_t epoch) {
  base::StopFlag stop;
  std::int64_t steps = 0;
  core::EpochContext context;
  context.epoch = epoch;
  context.stop = &stop;
  context.progress = [&](std::int64_t, std::int64_t) {
    if (++steps == kSteps) {
      stop.Set();
    }
  };
  try {
    learner.Epoch(context);
  } catch (const base::Error&) {  // stopped as asked
  }
}

void Main() {
  UseAllCores();
  const data::Csr rows = Sessions();
  algos::Gru4recOptions options;
  options.shape.items = kItems;
  options.shape.layers = {kUnits};
  options.batch_size = kLanes;
  options.keep_hidden = 0.8;
  options.loss.mask_hits = true;
  options.columns = {.negatives = kNegatives, .exponent = 0.5, .logq = 1.0};
  algos::Gru4recLearner learner({.interactions = rows.view(), .num_items = kItems}, options, {});
  std::int64_t epoch = 0;

  PythonTwin torch("gru4rec_torch.py",
                   TwinFile("gru4rec")
                       .Add(std::vector<std::int64_t>{kItems, kSessions, rows.nnz(), kLanes, kUnits, kNegatives, kSteps,
                                                      base::Threads()})
                       .Add(rows.offsets)
                       .Add(rows.items)
                       .Close(),
                   "python3-torch");
  std::string losses[3];
  std::vector<Contender> contenders = {
      {"recforce", [&] { SomeSteps(learner, epoch++); }},
      {"PyTorch", [&] { losses[0] = torch.Ask("dense"); }},
      {"PyTorch, sparse gradients", [&] { losses[1] = torch.Ask("sparse"); }},
      {"PyTorch, rows by hand", [&] { losses[2] = torch.Ask("rows"); }},
      {"products", [&] { Multiply(Flops() * kSteps); }},
  };
  Run(contenders, 7);
  std::printf("%lld items, %lld sessions, %lld pairs of clicks; %.0f MFLOP a step\n", static_cast<long long>(kItems),
              static_cast<long long>(kSessions), static_cast<long long>(rows.nnz() - kSessions), 1e-6 * Flops());
  for (const Contender& contender : contenders) {
    const double seconds = Median(contender.seconds) / kSteps;
    std::printf("%-26s %7.2f ms a step, %7.0f events a second, %5.1f GFLOP/s\n", contender.name.c_str(), 1e3 * seconds,
                kLanes / seconds, 1e-9 * Flops() / seconds);
  }
  std::printf("last mean loss of PyTorch's three: %s, %s, %s\n", losses[0].c_str(), losses[1].c_str(),
              losses[2].c_str());
  PrintRatio("gru4rec_step, PyTorch", contenders[1], contenders[0], "at least 4");
  PrintRatio("gru4rec_step, PyTorch, sparse gradients", contenders[2], contenders[0], "> 1");
  PrintRatio("gru4rec_step, PyTorch, rows by hand", contenders[3], contenders[0], "> 1");
  PrintRatio("gru4rec_step over floor", contenders[0], contenders[4], "at most 2");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
