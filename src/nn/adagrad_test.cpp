// SPDX-License-Identifier: Apache-2.0
#include "nn/adagrad.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/error.h"
#include "recforce/base/threads.h"

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

// Rows and columns that fill no tile; rows without a product; a row that gets several rows of `more`. Any number of
// threads gives the same bytes.
TEST(AdagradTest, ProductsAreADenseGradient) {
  torch::manual_seed(1);
  constexpr std::int64_t kRows = 170;
  for (const std::int64_t width : {1, 19, 32}) {
    const torch::Tensor left = torch::randn({5, 100});
    const torch::Tensor right = torch::randn({5, width});
    const torch::Tensor more = torch::randn({4, width});
    std::vector<std::int32_t> rows;
    for (std::int32_t at = 0; at < 103; ++at) {
      rows.push_back(at * 37 % static_cast<std::int32_t>(kRows));
    }
    const std::vector<std::int32_t> places = {102, 3, 102, 99};
    torch::Tensor whole = torch::zeros({kRows, width});
    for (std::int64_t at = 0; at < 100; ++at) {
      whole[rows[static_cast<std::size_t>(at)]] = left.select(1, at).matmul(right);
    }
    for (std::size_t at = 0; at < places.size(); ++at) {
      whole[rows[static_cast<std::size_t>(places[at])]] += more[static_cast<std::int64_t>(at)];
    }
    std::vector<torch::Tensor> found;
    const int threads = base::Threads();
    for (const int count : {0, 1, 3}) {  // 0: the dense gradient
      base::SetThreads(std::max(count, 1));
      torch::Tensor parameter = torch::ones({kRows, width});
      const std::vector<torch::Tensor> parameters = {parameter};
      Adagrad adagrad(parameters, {.learning_rate = 0.2, .momentum = 0.3});
      for (int step = 0; step < 2; ++step) {
        if (count == 0) {
          adagrad.Update(0, parameter, whole);
        } else {
          adagrad.UpdateProduct(0, parameter,
                                {.left = left, .right = right, .rows = rows, .more = more, .places = places});
        }
      }
      found.push_back(parameter);
    }
    base::SetThreads(threads);
    EXPECT_TRUE(torch::allclose(found[1], found[0], 0.0, 1e-5)) << width;
    EXPECT_TRUE(torch::equal(found[1], found[2])) << width;
  }
}

TEST(AdagradTest, ProductsBeginAtTheirFirstRow) {
  const torch::Tensor left = torch::tensor({{1.0F, 0.0F}});
  const torch::Tensor right = torch::tensor({{2.0F, -2.0F}});
  torch::Tensor parameter = torch::zeros({4, 2});
  const std::vector<torch::Tensor> parameters = {parameter};
  Adagrad adagrad(parameters, {.learning_rate = 0.5});
  adagrad.UpdateProduct(0, parameter, {.left = left, .right = right, .first = 2});
  const torch::Tensor expected = torch::tensor({{0.0F, 0.0F}, {0.0F, 0.0F}, {-0.5F, 0.5F}, {0.0F, 0.0F}});
  EXPECT_TRUE(torch::allclose(parameter, expected, 0.0, 1e-6)) << parameter;
  const torch::Tensor narrow = torch::ones({1, 3});
  EXPECT_ANY_THROW(adagrad.UpdateProduct(0, parameter, {.left = left, .right = narrow}));
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
