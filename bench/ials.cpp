// SPDX-License-Identifier: Apache-2.0
// One sweep of iALS (items, then users) at the size of MovieLens-1M with ratings of 4 and 5 (6,040 users, 3,533 items,
// 575 thousand interactions), d = 64, beside the same sweep in NumPy, one solve a row, and beside a matrix product of
// as many operations as the sweep cannot do without.
#include <cstdio>
#include <string>
#include <vector>

#include "algos/ials/ials.h"
#include "products.h"
#include "python_twin.h"
#include "random_log.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kUsers = 6040;
constexpr std::int64_t kItems = 3533;
constexpr std::int64_t kClicks = 95;
constexpr std::int64_t kDim = 64;

// n d^2 for each side's normal equations (symmetric: half of a product), d^3 / 3 a factorisation, the Gram matrices.
double SweepFlops(const data::Csr& rows) {
  const auto d = static_cast<double>(kDim);
  const auto solved = static_cast<double>(kUsers + kItems);
  return 2.0 * static_cast<double>(rows.nnz()) * d * d + solved * (d * d * d / 3.0 + d * d);
}

void Main() {
  UseAllCores();
  const data::Csr rows = RandomLog(kUsers, kItems, kClicks);
  const core::AlgorithmSpec spec = algos::IalsSpec();
  const auto trainer = spec.make_trainer(spec.make_config(), {rows.view(), kItems}, {});
  PythonTwin numpy("ials_numpy.py",
                   TwinFile("ials")
                       .Add(std::vector<std::int64_t>{rows.rows(), kItems, rows.nnz(), kDim})
                       .Add(rows.offsets)
                       .Add(rows.items)
                       .Close(),
                   "python3-numpy");
  const double flops = SweepFlops(rows);
  std::vector<Contender> contenders = {{"iALS sweep, d = 64", [&] { trainer->Epoch({}); }},
                                       {"as many operations in products", [&] { Multiply(flops); }},
                                       {"NumPy, one solve a row", [&] { numpy.Ask("sweep"); }}};
  Run(contenders, 5);
  std::printf("%.2f GFLOP a sweep: %.0f GFLOP/s of the %.0f of matrix products\n", flops / 1e9,
              flops / 1e9 / Median(contenders[0].seconds), flops / 1e9 / Median(contenders[1].seconds));
  PrintRatio("iALS sweep over FLOP floor", contenders[0], contenders[1], "<= 3");
  PrintRatio("NumPy over iALS sweep", contenders[2], contenders[0], ">= 6");
}

}  // namespace
}  // namespace recforce::bench

int main() { recforce::bench::Main(); }
