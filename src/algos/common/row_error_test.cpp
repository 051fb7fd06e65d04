// SPDX-License-Identifier: Apache-2.0
// Errors of rows and their gradients against dense formulas under autograd, in float64 and float32.
#include "algos/common/row_error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

using test::Distance;

constexpr std::int64_t kRows = 21;
constexpr std::int64_t kItems = 203;
constexpr double kPositiveWeight = 5.0;

// Row 2 is empty, row 3 holds every item.
data::Csr Clicks() {
  data::Csr rows;
  base::Rng rng(4, base::Stream::kTest);
  for (std::int64_t r = 0; r < kRows; ++r) {
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < kItems; ++item) {
      if ((r == 3 || rng.Uniform() < 0.1) && r != 2) {
        row.push_back(item);
      }
    }
    rows.AddRow(row);
  }
  return rows;
}

// Errors and the gradient of their weighted sum, as one would write them.
struct Expected {
  Expected(RowErrorKind kind, const torch::Tensor& logits, const torch::Tensor& bias, const data::Csr& rows,
           const std::vector<double>& weight) {
    torch::Tensor x = torch::zeros({kRows, kItems}, torch::kFloat64);
    for (std::int64_t r = 0; r < kRows; ++r) {
      for (const std::int32_t item : rows.row(r)) {
        x[r][item] = 1.0;
      }
    }
    const torch::Tensor leaf = logits.to(torch::kFloat64).clone().requires_grad_(true);
    const torch::Tensor f = leaf + bias.to(torch::kFloat64);
    if (kind == RowErrorKind::kMultinomial) {
      errors = -(x * torch::log_softmax(f, 1)).sum(1);
    } else {
      errors = ((1.0 + (kPositiveWeight - 1.0) * x) * (x - f).square()).sum(1);
    }
    gradient = torch::autograd::grad({(errors * torch::tensor(weight, torch::kFloat64)).sum()}, {leaf})[0];
  }
  torch::Tensor errors, gradient;
};

class RowErrors : public testing::TestWithParam<std::tuple<RowErrorKind, torch::ScalarType>> {
 protected:
  RowErrors() {
    torch::manual_seed(3);
    logits_ = torch::randn({kRows, kItems}, std::get<1>(GetParam()));
    bias_ = torch::randn({kItems}, std::get<1>(GetParam()));
    for (std::int64_t r = 0; r < kRows; ++r) {
      weight_.push_back(r % 3 == 0 ? -0.2 : 0.05 * static_cast<double>(r));
    }
  }
  [[nodiscard]] double Tolerance() const { return std::get<1>(GetParam()) == torch::kFloat64 ? 1e-12 : 1e-5; }

  data::Csr rows_ = Clicks();
  torch::Tensor logits_, bias_;
  std::vector<double> weight_;
};

TEST_P(RowErrors, AreThoseOfTheDenseFormula) {
  const Expected expected(std::get<0>(GetParam()), logits_, bias_, rows_, weight_);
  RowError error(std::get<0>(GetParam()), kPositiveWeight);
  torch::Tensor apart = logits_.clone();
  EXPECT_LT(Distance(error.Errors(apart, bias_, rows_.view()), expected.errors), Tolerance());
  error.Gradient(apart, rows_.view(), weight_);
  EXPECT_LT(Distance(apart, expected.gradient), Tolerance());
}

TEST_P(RowErrors, AtOnceOrApartAreTheSameBytes) {
  RowError error(std::get<0>(GetParam()), kPositiveWeight);
  torch::Tensor apart = logits_.clone();
  const std::vector<double> errors = error.Errors(apart, bias_, rows_.view());
  error.Gradient(apart, rows_.view(), weight_);
  torch::Tensor at_once = logits_.clone();
  EXPECT_EQ(error.ErrorsAndGradient(at_once, bias_, rows_.view(), weight_), errors);
  EXPECT_TRUE(at_once.equal(apart));
}

TEST_P(RowErrors, ThreadsDoNotChangeABit) {
  const int before = base::Threads();
  std::vector<torch::Tensor> gradients;
  std::vector<std::vector<double>> errors;
  for (const int threads : {1, 2}) {
    base::SetThreads(threads);
    torch::Tensor& gradient = gradients.emplace_back(logits_.clone());
    RowError error(std::get<0>(GetParam()), kPositiveWeight);
    errors.push_back(error.Errors(gradient, bias_, rows_.view()));
    error.Gradient(gradient, rows_.view(), weight_);
  }
  base::SetThreads(before);
  EXPECT_EQ(errors[0], errors[1]);
  EXPECT_TRUE(gradients[0].equal(gradients[1]));
}

TEST_P(RowErrors, NanReachesTheError) {
  logits_[5][200] = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> errors =
      RowError(std::get<0>(GetParam()), kPositiveWeight).Errors(logits_, bias_, rows_.view());
  EXPECT_TRUE(std::isnan(errors[5]));
  EXPECT_FALSE(std::isnan(errors[6]));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RowErrors,
                         testing::Combine(testing::Values(RowErrorKind::kMultinomial, RowErrorKind::kSquare),
                                          testing::Values(torch::kFloat64, torch::kFloat32)),
                         [](const auto& param) {
                           return std::string(std::get<0>(param.param) == RowErrorKind::kSquare ? "Square"
                                                                                                : "Multinomial") +
                                  (std::get<1>(param.param) == torch::kFloat64 ? "Float64" : "Float32");
                         });

// f = (0.5, -1, 2): clicks on the first and the last item, weight 5.
TEST(SquareError, ByHand) {
  data::Csr x;
  x.AddRow(std::vector<std::int32_t>{0, 2});
  torch::Tensor logits = torch::tensor({{0.25, -1.0, 2.5}}, torch::kFloat64);
  const torch::Tensor bias = torch::tensor({0.25, 0.0, -0.5}, torch::kFloat64);
  RowError error(RowErrorKind::kSquare, 5.0);
  EXPECT_DOUBLE_EQ(error.Errors(logits, bias, x.view())[0], 5.0 * 0.25 + 1.0 + 5.0);
  error.Gradient(logits, x.view(), std::vector<double>{0.5});
  EXPECT_TRUE(logits.equal(torch::tensor({{-2.5, -1.0, 5.0}}, torch::kFloat64)));
}

TEST(SquareError, TensorOpsAreTheSameFormula) {
  torch::manual_seed(6);
  const data::Csr rows = Clicks();
  const torch::Tensor logits = torch::randn({kRows, kItems}, torch::kFloat64);
  const torch::Tensor bias = torch::randn({kItems}, torch::kFloat64);
  const std::vector<double> weight(static_cast<std::size_t>(kRows), -0.3);
  torch::Tensor ours = logits.clone();
  RowError error(RowErrorKind::kSquare, kPositiveWeight);
  const std::vector<double> errors = error.Errors(ours, bias, rows.view());
  torch::Tensor theirs = logits.clone();
  EXPECT_LT(Distance(SquareErrorsByTensorOps(theirs, bias, rows.view(), kPositiveWeight),
                     torch::tensor(errors, torch::kFloat64)),
            1e-12);
  EXPECT_LT(Distance(theirs, ours), 1e-12) << "both leave f";
  error.Gradient(ours, rows.view(), weight);
  SquareGradientByTensorOps(theirs, rows.view(), kPositiveWeight, weight);
  EXPECT_LT(Distance(theirs, ours), 1e-12);
}

}  // namespace
}  // namespace recforce::algos
