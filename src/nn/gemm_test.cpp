// SPDX-License-Identifier: Apache-2.0
#include "nn/gemm.h"

#include <gtest/gtest.h>

#include "nn/blas.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::nn {
namespace {

struct Shape {
  std::int64_t rows, inner, columns;
};

// One shape for each way of cutting: not at all, by columns, by rows, by the inner dimension.
class MatMulShapes : public testing::TestWithParam<Shape> {};

TEST_P(MatMulShapes, IsTheProductAndTheSameOnAnyNumberOfThreads) {
  UseOneBlasThread();
  torch::manual_seed(1);
  const Shape shape = GetParam();
  const torch::Tensor a = torch::randn({shape.rows, shape.inner});
  const torch::Tensor b = torch::randn({shape.columns, shape.inner}).t();  // a transposed view
  const torch::Tensor c = torch::randn({shape.inner, shape.rows}).t();
  const int before = base::Threads();
  std::vector<torch::Tensor> results;
  for (const int threads : {1, 2, 3}) {
    base::SetThreads(threads);
    results.push_back(torch::stack({MatMul(a, b), MatMul(c, b)}));
  }
  base::SetThreads(before);
  EXPECT_TRUE(results[0].equal(results[1]));
  EXPECT_TRUE(results[0].equal(results[2]));
  const torch::Tensor wide = b.to(torch::kFloat64);
  const torch::Tensor expected = torch::stack({a.to(torch::kFloat64).mm(wide), c.to(torch::kFloat64).mm(wide)});
  const double scale = std::sqrt(static_cast<double>(shape.inner));
  EXPECT_LT((results[0] - expected).abs().max().item<double>(), 1e-5 * scale);
}

INSTANTIATE_TEST_SUITE_P(Ways, MatMulShapes,
                         testing::Values(Shape{7, 11, 13}, Shape{200, 100, 3001}, Shape{3001, 100, 200},
                                         Shape{60, 20011, 100}));

TEST(BlasKernelsTest, OldOnesAreLeftWhereTheProcessorCanDoBetter) {
  EXPECT_EQ(BetterBlasKernels("Prescott", true), "Haswell");
  EXPECT_EQ(BetterBlasKernels("Prescott", false), "");
  EXPECT_EQ(BetterBlasKernels("Zen", true), "");
}

}  // namespace
}  // namespace recforce::nn
