// SPDX-License-Identifier: Apache-2.0
#include "nn/adagrad.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/error.h"

namespace recforce::nn {
namespace {

TEST(AdagradTest, ByHand) {
  torch::Tensor parameter = torch::tensor({1.0F, 2.0F});
  const std::vector<torch::Tensor> parameters = {parameter};
  Adagrad adagrad(parameters, {.learning_rate = 0.1, .momentum = 0.5, .epsilon = 1e-6});
  const torch::Tensor gradient = torch::tensor({3.0F, 0.0F});
  adagrad.Update(0, parameter, gradient);
  EXPECT_NEAR(parameter[0].item<float>(), 0.9, 1e-6);
  EXPECT_EQ(parameter[1].item<float>(), 2.0F);
  adagrad.Update(0, parameter, gradient);  // the move before was -0.1
  EXPECT_NEAR(parameter[0].item<float>(), 0.9 - 0.05 - 0.1 * 3.0 / std::sqrt(18.0), 1e-6);
}

// Rows that are named twice get the sum of their gradients before it is squared.
TEST(AdagradTest, RowsAreADenseGradientOfSums) {
  for (const double momentum : {0.0, 0.3}) {
    torch::Tensor some = torch::arange(15, torch::kFloat32).view({5, 3}) / 7;
    torch::Tensor all = some.clone();
    const std::vector<torch::Tensor> parameters = {some};
    Adagrad by_rows(parameters, {.learning_rate = 0.2, .momentum = momentum});
    Adagrad dense(parameters, {.learning_rate = 0.2, .momentum = momentum});
    const std::vector<std::int32_t> rows = {3, 1, 3, -1};
    const torch::Tensor values = torch::sin(torch::arange(12, torch::kFloat32)).view({4, 3});
    const std::vector<std::int32_t> more_rows = {1};
    const torch::Tensor more = torch::ones({1, 3});
    RowGradients gradients(3);
    for (int step = 0; step < 3; ++step) {
      gradients.Clear();
      gradients.Add(rows, values);
      gradients.Add(more_rows, more);
      gradients.Group();
      by_rows.UpdateRows(0, some, gradients);
      torch::Tensor whole = torch::zeros({5, 3});
      whole[3] = values[0] + values[2];
      whole[1] = values[1] + more[0];
      dense.Update(0, all, whole);
      EXPECT_EQ(gradients.rows(), (std::vector<std::int32_t>{1, 3}));
      EXPECT_TRUE(torch::equal(gradients.Sums()[1], whole[3]));
      EXPECT_TRUE(torch::equal(some, all)) << step;
    }
  }
}

TEST(AdagradTest, GoesOnFromItsState) {
  torch::Tensor a = torch::ones({2, 2});
  torch::Tensor b = a.clone();
  const std::vector<torch::Tensor> parameters = {a};
  const torch::Tensor gradient = torch::full({2, 2}, 0.3F);
  Adagrad first(parameters, {.momentum = 0.9});
  first.Update(0, a, gradient);
  base::TensorSet set;
  first.Save(set, "optimiser");
  Adagrad second(parameters, {.momentum = 0.9});
  second.Load(set, "optimiser");
  b.copy_(a);
  first.Update(0, a, gradient);
  second.Update(0, b, gradient);
  EXPECT_TRUE(torch::equal(a, b));
  const std::vector<torch::Tensor> others = {torch::ones({3})};
  Adagrad other(others, {});
  EXPECT_THROW(other.Load(set, "optimiser"), base::Error);
}

}  // namespace
}  // namespace recforce::nn
