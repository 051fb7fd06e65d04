// SPDX-License-Identifier: Apache-2.0
// The inverse that EASE needs: ours, in place; libtorch's Cholesky factor and inverse (LAPACK with all threads); and a
// matrix product of as many operations, which is as fast as the machine can be. `bench_ease [ITEMS]`, 6,000 unless
// told.
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "nn/gemm.h"
#include "nn/spd_inverse.h"
#include "nn/torch.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

void Main(std::int64_t items) {
  UseAllCores();
  const torch::NoGradGuard no_grad;
  const torch::Tensor x = torch::randn({items + 200, items});
  torch::Tensor gram = torch::empty({items, items});
  nn::MatMul(gram, x.t(), x);
  gram.diagonal().add_(500.0);
  const double flops = std::pow(static_cast<double>(items), 3.0);
  // A square product takes 2 N^3 operations: one of order N / 2^(1/3) takes as many as the inverse.
  const auto order = static_cast<std::int64_t>(std::cbrt(flops / 2.0));
  const torch::Tensor a = torch::randn({order, order});
  torch::Tensor product = torch::empty({order, order});
  torch::Tensor memory = gram.clone();
  std::vector<Contender> contenders = {
      {"recforce inverse",
       [&] {
         memory.copy_(gram);
         nn::NegativeInverseInPlace(memory);
       }},
      {"libtorch cholesky_inverse",
       [&] {
         const nn::ManyBlasThreads threads;
         torch::cholesky_inverse(torch::linalg_cholesky(gram));
       }},
      {"matrix product", [&] { nn::MatMul(product, a, a); }},
  };
  Run(contenders, 3);
  for (const Contender& contender : contenders) {
    std::printf("%s: %.0f GFLOP/s\n", contender.name.c_str(), flops / Median(contender.seconds) * 1e-9);
  }
  PrintRatio("ease inverse speed-up", contenders[1], contenders[0], "at least 0.9");
  PrintRatio("ease inverse over floor", contenders[0], contenders[2], "at most 1.4");
}

}  // namespace
}  // namespace recforce::bench

int main(int argc, char** argv) { recforce::bench::Main(argc > 1 ? std::atoll(argv[1]) : 6000); }
