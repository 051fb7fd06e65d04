// SPDX-License-Identifier: Apache-2.0
// One epoch of BPR at the size of MovieLens-1M (6,040 users, 3,533 items, 575 thousand interactions), d = 64, on one
// thread and on all: samples a second, and what the threads bring.
#include <cstdio>
#include <vector>

#include "algos/bpr/bpr.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

void Main() {
  UseAllCores();
  const data::Csr rows = RandomLog(6040, 3533, 95);
  const core::AlgorithmSpec spec = algos::BprSpec();
  const auto trainer = spec.make_trainer(spec.make_config(), {rows.view(), 3533}, {});
  const auto epoch_on = [&](int threads) {
    base::SetThreads(threads);
    trainer->Epoch({});
  };
  std::vector<Contender> contenders = {{"BPR epoch, all threads", [&] { epoch_on(base::AvailableCores()); }},
                                       {"BPR epoch, one thread", [&] { epoch_on(1); }}};
  Run(contenders, 9);
  std::printf("%.2f million samples a second\n", static_cast<double>(rows.nnz()) / 1e6 / Median(contenders[0].seconds));
  PrintRatio("BPR one thread over all", contenders[1], contenders[0], "near the number of threads");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
