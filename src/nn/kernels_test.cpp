// SPDX-License-Identifier: Apache-2.0
// Each kernel against the same formula in ATen, in float64 and float32, and the same bytes on 1 and 2 threads.
#include "nn/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "nn/vector_math.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::nn {
namespace {

using test::Distance;

// B rows over I items; row 2 is empty.
data::Csr RandomRows(std::int64_t rows, std::int64_t items, double density) {
  data::Csr csr;
  base::Rng rng(7, base::Stream::kTest);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < items; ++item) {
      if (rng.Uniform() < density && r != 2) {
        row.push_back(item);
      }
    }
    csr.AddRow(row);
  }
  return csr;
}

torch::Tensor Dense(const data::Csr& rows, std::int64_t items, torch::ScalarType type) {
  torch::Tensor dense = torch::zeros({rows.rows(), items}, torch::kFloat64);
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (const std::int32_t item : rows.row(r)) {
      dense[r][item] = 1.0;
    }
  }
  return dense.to(type);
}

class Kernels : public testing::TestWithParam<torch::ScalarType> {
 protected:
  Kernels() { torch::manual_seed(1); }
  [[nodiscard]] torch::Tensor Random(torch::IntArrayRef shape) const { return torch::randn(shape, GetParam()); }
  [[nodiscard]] double Tolerance() const { return GetParam() == torch::kFloat64 ? 1e-12 : 2e-5; }

  static constexpr std::int64_t kRows = 21;
  static constexpr std::int64_t kItems = 1003;
  static constexpr std::int64_t kHidden = 37;
  data::Csr rows_ = RandomRows(kRows, kItems, 0.05);
};

TEST_P(Kernels, BagTanhIsTheDenseLayer) {
  const torch::Tensor table = Random({kItems, kHidden});
  const torch::Tensor bias = Random({kHidden});
  std::vector<float> scale;
  for (std::int64_t r = 0; r < kRows; ++r) {
    scale.push_back(0.01F * static_cast<float>(r + 1));
  }
  torch::Tensor out = torch::empty({kRows, kHidden}, GetParam());
  BagTanh(rows_.view(), scale, table, bias, out);
  const torch::Tensor factors = torch::tensor(scale).to(GetParam()).unsqueeze(1);
  EXPECT_LT(Distance(out, torch::tanh((Dense(rows_, kItems, GetParam()) * factors).mm(table) + bias)), Tolerance());
}

TEST_P(Kernels, BagGradientIsTheDenseProductAtTouchedRows) {
  const torch::Tensor d = Random({kRows, kHidden});
  std::vector<float> scale(static_cast<std::size_t>(kRows), 0.25F);
  const ItemMajor by_item = ByItem(rows_.view(), kItems);
  const torch::Tensor gradient = BagGradient(by_item, scale, d);
  const torch::Tensor dense = Dense(rows_, kItems, GetParam()).t().mm(d * 0.25);
  const std::vector<std::int64_t> touched(by_item.items.begin(), by_item.items.end());
  EXPECT_LT(Distance(gradient, dense.index_select(0, torch::tensor(touched))), Tolerance());
}

TEST_P(Kernels, SoftmaxAndItsGradientAreThoseOfAutograd) {
  const torch::Tensor logits = Random({kRows, kItems}) * 3.0;
  const torch::Tensor bias = Random({kItems});
  const torch::Tensor x = Dense(rows_, kItems, GetParam());
  std::vector<double> weight;
  for (std::int64_t r = 0; r < kRows; ++r) {
    weight.push_back(r % 3 == 0 ? -0.1 : 0.05 * static_cast<double>(r));
  }
  torch::Tensor leaf = logits.clone().to(torch::kFloat64).requires_grad_(true);
  const torch::Tensor nll = -(x * torch::log_softmax(leaf + bias, 1)).sum(1);
  const torch::Tensor expected =
      torch::autograd::grad({(nll * torch::tensor(weight, torch::kFloat64)).sum()}, {leaf})[0];

  torch::Tensor apart = logits.clone();
  const SoftmaxRows rows = SoftmaxNll(apart, bias, rows_.view());
  EXPECT_LT(Distance(rows.nll, nll), Tolerance());
  EXPECT_EQ(rows.nll[2], 0.0) << "a row without clicks has no likelihood";
  SoftmaxGradient(apart, rows, rows_.view(), weight);
  EXPECT_LT(Distance(apart, expected), Tolerance());

  torch::Tensor at_once = logits.clone();
  SoftmaxNllGradient(at_once, bias, rows_.view(), weight);
  EXPECT_TRUE(at_once.equal(apart)) << "the fused form is the same arithmetic";
}

TEST_P(Kernels, TanhForwardAndBackward) {
  torch::Tensor values = Random({kRows, kHidden});
  const torch::Tensor bias = Random({kHidden});
  const torch::Tensor expected = torch::tanh(values + bias);
  TanhInPlace(values, bias);
  EXPECT_LT(Distance(values, expected), Tolerance());
  torch::Tensor d = Random({kRows, kHidden});
  const torch::Tensor by_input = d * (1 - expected * expected);
  TanhBackward(d, values);
  EXPECT_LT(Distance(d, by_input), Tolerance());
}

TEST_P(Kernels, ColumnSumsAddRows) {
  const torch::Tensor values = Random({kRows, kItems});
  EXPECT_LT(Distance(ColumnSums(values), values.sum(0)), Tolerance());
}

TEST_P(Kernels, ThreadsDoNotChangeABit) {
  const torch::Tensor logits = Random({kRows, kItems});
  const torch::Tensor bias = Random({kItems});
  const std::vector<double> weight(static_cast<std::size_t>(kRows), 0.1);
  const int before = base::Threads();
  std::vector<torch::Tensor> results;
  for (const int threads : {1, 2}) {
    base::SetThreads(threads);
    torch::Tensor gradient = logits.clone();
    SoftmaxNllGradient(gradient, bias, rows_.view(), weight);
    results.push_back(torch::cat({gradient.flatten(), ColumnSums(gradient)}));
  }
  base::SetThreads(before);
  EXPECT_TRUE(results[0].equal(results[1]));
}

INSTANTIATE_TEST_SUITE_P(Types, Kernels, testing::Values(torch::kFloat64, torch::kFloat32), [](const auto& param) {
  return param.param == torch::kFloat64 ? std::string("float64") : std::string("float32");
});

TEST(VectorMath, ExpAndTanhAreCloseEverywhere) {
  for (float x = -86.0F; x < 87.0F; x += 0.0137F) {
    EXPECT_NEAR(FastExp(x) / std::exp(static_cast<double>(x)), 1.0, 3e-7) << x;
  }
  for (float x = -20.0F; x < 20.0F; x += 0.0031F) {
    EXPECT_NEAR(FastTanh(x), std::tanh(static_cast<double>(x)), 2e-7) << x;
  }
  EXPECT_NEAR(FastExp(-1e30F), 0.0F, 1e-37F);
  EXPECT_TRUE(std::isnan(FastExp(std::numeric_limits<float>::quiet_NaN()))) << "divergence must not be hidden";
  EXPECT_TRUE(std::isnan(FastTanh(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Softmax, NanReachesTheLoss) {
  torch::Tensor logits = torch::zeros({1, 100});
  logits[0][70] = std::numeric_limits<float>::quiet_NaN();
  data::Csr x;
  x.AddRow(std::vector<std::int32_t>{3});
  EXPECT_TRUE(std::isnan(SoftmaxNll(logits, torch::zeros({100}), x.view()).nll[0]));
}

}  // namespace
}  // namespace recforce::nn
