// SPDX-License-Identifier: Apache-2.0
#include "nn/spd_inverse.h"

#include <gtest/gtest.h>

#include "nn/gemm.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::nn {
namespace {

// X'X + I of random rows, with NaN above the diagonal: that part is not to be read.
torch::Tensor LowerOfGram(std::int64_t order, torch::ScalarType type) {
  torch::manual_seed(order);
  const torch::Tensor x = torch::randn({order + 50, order}, torch::kFloat64);
  torch::Tensor gram = x.t().mm(x) + torch::eye(order, torch::kFloat64);
  const torch::Tensor above = torch::ones({order, order}, torch::kBool).triu(1);
  return gram.masked_fill(above, std::numeric_limits<double>::quiet_NaN()).to(type).contiguous();
}

torch::Tensor Full(const torch::Tensor& lower) { return lower.tril() + lower.tril(-1).t(); }

TEST(NegativeInverse, TwoByTwoByHand) {
  // [[2, 1], [1, 3]] has determinant 5 and inverse [[3, -1], [-1, 2]] / 5.
  torch::Tensor a = torch::tensor({{2.0, -77.0}, {1.0, 3.0}}, torch::kFloat64);
  ASSERT_TRUE(NegativeInverseInPlace(a));
  const torch::Tensor expected = torch::tensor({{-0.6, 0.0}, {0.2, -0.4}}, torch::kFloat64);
  EXPECT_LT(test::Distance(a.tril(), expected), 1e-15);
}

// One block, a whole number of blocks, a last block that is smaller.
TEST(NegativeInverse, IsTheInverseAndTheSameOnAnyNumberOfThreads) {
  UseOneBlasThread();
  const int before = base::Threads();
  for (const std::int64_t order : {1, 100, 512, 777}) {
    const torch::Tensor lower = LowerOfGram(order, torch::kFloat64);
    const torch::Tensor gram = Full(lower.tril());
    for (const auto type : {torch::kFloat64, torch::kFloat32}) {
      std::vector<torch::Tensor> results;
      for (const int threads : {1, 2, 3}) {
        base::SetThreads(threads);
        torch::Tensor a = lower.to(type).clone();
        ASSERT_TRUE(NegativeInverseInPlace(a));
        results.push_back(a.tril());
      }
      EXPECT_TRUE(results[0].equal(results[1])) << order;
      EXPECT_TRUE(results[0].equal(results[2])) << order;
      const torch::Tensor identity = -Full(results[0]).to(torch::kFloat64).mm(gram);
      const double limit = type == torch::kFloat64 ? 1e-10 : 2e-3;
      EXPECT_LT(test::Distance(identity, torch::eye(order, torch::kFloat64)), limit) << order;
    }
  }
  base::SetThreads(before);
}

TEST(NegativeInverse, RefusesWhatIsNotPositiveDefinite) {
  torch::Tensor a = torch::eye(600, torch::kFloat64);
  a[550][550] = -1.0;
  EXPECT_FALSE(NegativeInverseInPlace(a));
}

TEST(NegativeInverse, PollsAndStops) {
  torch::Tensor a = torch::eye(600, torch::kFloat64);
  int calls = 0;
  const auto stop = [&calls] {
    if (++calls == 2) {
      throw base::Error(base::ErrorKind::kInterrupted, "stop");
    }
  };
  EXPECT_THROW(NegativeInverseInPlace(a, stop), base::Error);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace recforce::nn
