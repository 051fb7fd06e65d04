// SPDX-License-Identifier: Apache-2.0
#include "nn/adam.h"

#include <gtest/gtest.h>

#include "support/golden.h"
#include "support/temp_dir.h"

namespace recforce::nn {
namespace {

// Five steps of torch::optim::Adam on given gradients, with l2 as part of the gradient.
torch::Tensor Reference(torch::Tensor parameter, const std::vector<torch::Tensor>& gradients, double l2) {
  parameter = parameter.clone().requires_grad_(true);
  torch::optim::Adam adam({parameter}, torch::optim::AdamOptions(0.01));
  for (const torch::Tensor& gradient : gradients) {
    parameter.mutable_grad() = gradient + 2.0 * l2 * parameter.detach();
    adam.step();
  }
  return parameter.detach();
}

TEST(Adam, DenseStepsAreThoseOfTorch) {
  torch::manual_seed(2);
  for (const double l2 : {0.0, 0.3}) {
    torch::Tensor parameter = torch::randn({40, 7}, torch::kFloat64);
    std::vector<torch::Tensor> gradients;
    for (int step = 0; step < 5; ++step) {
      gradients.push_back(torch::randn({40, 7}, torch::kFloat64));
    }
    const torch::Tensor expected = Reference(parameter, gradients, l2);
    Adam adam(std::vector<torch::Tensor>{parameter}, {.learning_rate = 0.01, .l2 = l2});
    for (const torch::Tensor& gradient : gradients) {
      adam.BeginStep();
      adam.Update(0, parameter, gradient);
    }
    EXPECT_LT(test::Distance(parameter, expected), 1e-12);
  }
}

TEST(Adam, RowStepsAreDenseStepsWithZeros) {
  torch::manual_seed(3);
  torch::Tensor parameter = torch::randn({50, 6}, torch::kFloat64);
  std::vector<std::vector<std::int32_t>> rows = {{0, 7, 49}, {}, {1}, {7, 8}, {49}};
  std::vector<torch::Tensor> sparse;
  std::vector<torch::Tensor> dense;
  for (const auto& touched : rows) {
    sparse.push_back(torch::randn({static_cast<std::int64_t>(touched.size()), 6}, torch::kFloat64));
    dense.push_back(torch::zeros({50, 6}, torch::kFloat64));
    for (std::size_t r = 0; r < touched.size(); ++r) {
      dense.back()[touched[r]] = sparse.back()[static_cast<std::int64_t>(r)];
    }
  }
  const torch::Tensor expected = Reference(parameter, dense, 0.0);
  Adam adam(std::vector<torch::Tensor>{parameter}, {.learning_rate = 0.01});
  for (std::size_t step = 0; step < rows.size(); ++step) {
    adam.BeginStep();
    adam.UpdateRows(0, parameter, rows[step], sparse[step]);
  }
  EXPECT_LT(test::Distance(parameter, expected), 1e-12);
}

TEST(Adam, SavedAndLoadedGoesOnAsIfNothingHappened) {
  torch::manual_seed(4);
  test::TempDir dir;
  torch::Tensor a = torch::randn({9});
  torch::Tensor b = a.clone();
  const torch::Tensor gradient = torch::randn({9});
  Adam first(std::vector<torch::Tensor>{a}, {});
  first.BeginStep();
  first.Update(0, a, gradient);
  base::TensorSet set;
  first.Save(set, "adam");
  base::WriteTensorFile(base::RealFileSystem(), dir / "adam.safetensors", set);
  b.copy_(a);
  Adam second(std::vector<torch::Tensor>{b}, {});
  second.Load(base::ReadTensorFile(dir / "adam.safetensors"), "adam");
  EXPECT_EQ(second.step(), 1);
  for (Adam* adam : {&first, &second}) {
    adam->BeginStep();
  }
  first.Update(0, a, gradient);
  second.Update(0, b, gradient);
  EXPECT_TRUE(a.equal(b));
}

}  // namespace
}  // namespace recforce::nn
