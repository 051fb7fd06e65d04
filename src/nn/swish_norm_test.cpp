// SPDX-License-Identifier: Apache-2.0
#include "nn/swish_norm.h"

#include <gtest/gtest.h>

#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::nn {
namespace {

TEST(SwishNorm, IsThatOfLibtorchForwardAndBackward) {
  torch::manual_seed(1);
  const auto random = [](torch::IntArrayRef shape) { return torch::randn(shape, torch::kFloat64); };
  const torch::Tensor x = random({37, 21});
  const torch::Tensor gain = random({21});
  const torch::Tensor bias = random({21});
  const torch::Tensor d = random({37, 21});
  torch::Tensor out = torch::empty_like(x);
  torch::Tensor statistics = torch::empty({37, 2}, torch::kFloat64);
  SwishNorm(x, gain, bias, 0.1, out, statistics);
  torch::Tensor by_x = d.clone();
  const NormGradients gradients = SwishNormBackward(by_x, x, gain, statistics);

  const std::vector<torch::Tensor> leaves = {x.clone().requires_grad_(true), gain.clone().requires_grad_(true),
                                             bias.clone().requires_grad_(true)};
  const torch::Tensor expected = torch::layer_norm(torch::silu(leaves[0]), {21}, leaves[1], leaves[2], 0.1);
  const auto by = torch::autograd::grad({(expected * d).sum()}, leaves);
  EXPECT_LT(test::Distance(out, expected), 1e-12);
  EXPECT_LT(test::Distance(by_x, by[0]), 1e-12);
  EXPECT_LT(test::Distance(gradients.gain, by[1]), 1e-12);
  EXPECT_LT(test::Distance(gradients.bias, by[2]), 1e-12);
}

TEST(SwishNorm, AnyNumberOfThreadsGivesTheSameBytes) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::randn({100, 30});
  const torch::Tensor gain = torch::randn({30});
  const torch::Tensor d = torch::randn({100, 30});
  const int before = base::Threads();
  std::vector<torch::Tensor> results;
  for (const int threads : {1, 3}) {
    base::SetThreads(threads);
    torch::Tensor out = torch::empty_like(x);
    torch::Tensor statistics = torch::empty({100, 2});
    SwishNorm(x, gain, gain, 0.1, out, statistics);
    torch::Tensor by_x = d.clone();
    const NormGradients gradients = SwishNormBackward(by_x, x, gain, statistics);
    results.push_back(torch::cat({out.flatten(), by_x.flatten(), gradients.gain, gradients.bias}));
  }
  base::SetThreads(before);
  EXPECT_TRUE(results[0].equal(results[1]));
}

}  // namespace
}  // namespace recforce::nn
