// SPDX-License-Identifier: Apache-2.0
// The hand-written pass against explicit loops, finite differences and autograd.
#include "algos/cdqn/pass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "algos/cdqn/reference.h"
#include "algos/cdqn/step.h"
#include "algos/cdqn/test_networks.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kRows = 5;
constexpr std::int64_t kItems = 6;

struct Variant {
  std::string name;
  CdqnShape shape;
  bool cascade = true;
};

class CdqnPassTest : public testing::TestWithParam<Variant> {
 protected:
  CdqnPassTest() : shape_(GetParam().shape), params_(test::RandomParams(shape_, 3)), layout_(shape_) {
    recent_ = test::RandomRecent(kRows, shape_.memory, kItems);
    for (std::int32_t row = 0; row < kRows; ++row) {  // distinct in a row; the last of all is "no item"
      items_.insert(items_.end(), {row % 6, (row + 2) % 6, (row + 5) % 6});
    }
    items_.back() = kItems;
    rows_ = {{recent_.data(), kRows, shape_.memory}, {items_.data(), kRows, 3}, GetParam().cascade};
    flat_ = params_.flat.to(torch::kFloat64);
    for (int at = 0; at < 3 * kRows; ++at) {
      weights_.push_back(0.3 + 0.1 * at);
    }
  }
  // The weighted sum of all Q.
  double Sum(const torch::Tensor& flat) {
    const CdqnNumbers<double> numbers{shape_, layout_, flat.data_ptr<double>(), params_.features.data_ptr<float>()};
    const double* q = pass_.Forward(numbers, rows_);
    double sum = 0.0;
    for (std::size_t at = 0; at < weights_.size(); ++at) {
      sum += weights_[at] * q[at];
    }
    return sum;
  }
  torch::Tensor Gradient() {
    Sum(flat_);
    const CdqnNumbers<double> numbers{shape_, layout_, flat_.data_ptr<double>(), params_.features.data_ptr<float>()};
    torch::Tensor gradient = torch::zeros_like(flat_);
    pass_.Backward(numbers, rows_, weights_.data(), gradient.data_ptr<double>() + layout_.networks);
    AddInputGradient(numbers, rows_, pass_.d_states().data(), pass_.d_items().data(), gradient.data_ptr<double>());
    return gradient;
  }

  CdqnShape shape_;
  CdqnParams params_;
  CdqnLayout layout_;
  std::vector<std::int32_t> recent_, items_;
  CdqnRows rows_;
  torch::Tensor flat_;
  std::vector<double> weights_;  // [S, B]
  CdqnPass<double> pass_;
};

TEST_P(CdqnPassTest, QIsThatOfExplicitLoops) {
  const CdqnNumbers<double> numbers{shape_, layout_, flat_.data_ptr<double>(), params_.features.data_ptr<float>()};
  const double* q = pass_.Forward(numbers, rows_);
  for (std::int64_t slot = 0; slot < 3; ++slot) {
    for (std::int64_t row = 0; row < kRows; ++row) {
      const double expected = test::NaiveQ(params_, rows_.recent.row(row), rows_.chosen(row, slot),
                                           rows_.items.row(row)[static_cast<std::size_t>(slot)]);
      EXPECT_NEAR(q[slot * kRows + row], expected, 1e-9 * (1.0 + std::abs(expected)));
    }
  }
}

TEST_P(CdqnPassTest, GradientIsThatOfFiniteDifferences) {
  const torch::Tensor gradient = Gradient();
  constexpr double kStep = 1e-6;
  double largest = 0.0;
  for (std::int64_t at = 0; at < layout_.size; ++at) {
    torch::Tensor moved = flat_.clone();
    moved.data_ptr<double>()[at] += kStep;
    const double above = Sum(moved);
    moved.data_ptr<double>()[at] -= 2.0 * kStep;
    const double slope = (above - Sum(moved)) / (2.0 * kStep);
    ASSERT_NEAR(gradient.data_ptr<double>()[at], slope, 1e-6 * (1.0 + std::abs(slope))) << "parameter " << at;
    largest = std::max(largest, std::abs(slope));
  }
  EXPECT_GT(largest, 0.1);
}

TEST_P(CdqnPassTest, AtenFormIsTheSame) {
  const torch::Tensor leaf = flat_.clone().requires_grad_(true);
  const torch::Tensor q = ReferenceRows(shape_, leaf, params_.features, rows_);
  const torch::Tensor weights = torch::from_blob(weights_.data(), {3, kRows}, torch::kFloat64);
  const torch::Tensor sum = (q * weights).sum();
  EXPECT_NEAR(sum.item<double>(), Sum(flat_), 1e-9);
  const torch::Tensor expected = torch::autograd::grad({sum}, {leaf})[0];
  EXPECT_LT((Gradient() - expected).abs().max().item<double>(), 1e-9);
}

const std::vector<std::int64_t> kTwoLayers = {7, 4};
INSTANTIATE_TEST_SUITE_P(
    Variants, CdqnPassTest,
    testing::Values(Variant{"separate", {.items = kItems, .embedding = 3, .positions = 3, .hidden = kTwoLayers}},
                    Variant{"features",
                            {.items = kItems, .features = 2, .embedding = 3, .positions = 3, .hidden = {5}}},
                    Variant{"memory",
                            {.items = kItems,
                             .features = 2,
                             .embedding = 3,
                             .memory = 4,
                             .sums = 2,
                             .positions = 3,
                             .hidden = kTwoLayers}},
                    Variant{"shared",
                            {.items = kItems,
                             .embedding = 3,
                             .memory = 4,
                             .sums = 2,
                             .positions = 3,
                             .shared = true,
                             .hidden = kTwoLayers}},
                    Variant{"alone", {.items = kItems, .embedding = 3, .positions = 1, .hidden = kTwoLayers}, false}),
    [](const auto& param) { return param.param.name; });

// Losses by hand: errors 0.5 and -3 give 0.125 and 2.5 with Huber's, 0.125 and 4.5 with squares.
TEST(CdqnStepTest, LossIsTheMeanOverRowsOfTheSumOverSlots) {
  const CdqnShape shape{.items = 4, .embedding = 2, .positions = 2, .hidden = {3}};
  const CdqnParams params = test::RandomParams(shape, 8);
  const std::vector<std::int32_t> recent = {1, -1};
  const std::vector<std::int32_t> items = {0, 2, 3, 1};
  const CdqnRows rows{{recent.data(), 2, 1}, {items.data(), 2, 2}, true};
  std::vector<float> targets;
  for (std::int64_t slot = 0; slot < 2; ++slot) {
    for (std::int64_t row = 0; row < 2; ++row) {
      const double q = test::NaiveQ(params, rows.recent.row(row), rows.chosen(row, slot), items[row * 2 + slot]);
      targets.push_back(static_cast<float>(q) + (slot == 0 ? -0.5F : 3.0F));
    }
  }
  EXPECT_NEAR(CdqnStep(CdqnLoss::kHuber, false).Run(params, rows, targets, 0.0), 0.125 + 2.5, 1e-5);
  EXPECT_NEAR(CdqnStep(CdqnLoss::kSquared, false).Run(params, rows, targets, 0.0), 0.125 + 4.5, 1e-5);
}

TEST(CdqnStepTest, SummedQHasOneErrorForAllItems) {
  const CdqnShape shape{.items = 4, .embedding = 2, .positions = 1, .hidden = {3}};
  const CdqnParams params = test::RandomParams(shape, 8);
  const std::vector<std::int32_t> recent = {1};
  const std::vector<std::int32_t> items = {0, 2};
  const CdqnRows rows{{recent.data(), 1, 1}, {items.data(), 1, 2}, false};
  const double sum = test::NaiveQ(params, recent, {}, 0) + test::NaiveQ(params, recent, {}, 2);
  const std::vector<float> targets = {static_cast<float>(sum) - 0.5F};
  CdqnStep step(CdqnLoss::kSquared, true);
  EXPECT_NEAR(step.Run(params, rows, targets, 0.0), 0.125, 1e-5);
  // The bias of the output gets the slope 0.5 from either item.
  EXPECT_NEAR(step.gradient()[-1].item<double>(), 2 * 0.5, 1e-5);
}

TEST(CdqnStepTest, ShardsGiveTheGradientOfAutogradClippedToItsNorm) {
  const CdqnShape shape{.items = 9, .embedding = 4, .memory = 3, .sums = 2, .positions = 2, .hidden = {6, 5}};
  const CdqnParams params = test::RandomParams(shape, 8);
  constexpr std::int64_t kBatch = 75;  // two whole shards and a rest
  const std::vector<std::int32_t> recent = test::RandomRecent(kBatch, 3, 9);
  std::vector<std::int32_t> items;
  for (std::int32_t row = 0; row < kBatch; ++row) {
    items.insert(items.end(), {row % 9, (row + 4) % 9});
  }
  const CdqnRows rows{{recent.data(), kBatch, 3}, {items.data(), kBatch, 2}, true};
  const std::vector<float> targets = test::RandomNumbers(2 * kBatch, 77);
  // By autograd, with a loss of libtorch's and with ours.
  const torch::Tensor leaf = params.flat.clone().requires_grad_(true);
  const torch::Tensor y = torch::from_blob(const_cast<float*>(targets.data()), {2, kBatch}, torch::kFloat32);
  const torch::Tensor loss =
      torch::huber_loss(ReferenceRows(shape, leaf, params.features, rows), y, at::Reduction::Sum);
  const torch::Tensor expected = torch::autograd::grad({loss / kBatch}, {leaf})[0];
  CdqnStep aten(CdqnLoss::kHuber, false, true);
  EXPECT_NEAR(aten.Run(params, rows, targets, 0.0), loss.item<double>() / kBatch, 1e-4);
  EXPECT_LT((aten.gradient() - expected).abs().max().item<double>(), 1e-5);
  CdqnStep step(CdqnLoss::kHuber, false);
  EXPECT_NEAR(step.Run(params, rows, targets, 0.0), loss.item<double>() / kBatch, 1e-4);
  EXPECT_LT((step.gradient() - expected).abs().max().item<double>(), 1e-4);
  const double norm = expected.norm().item<double>();
  step.Run(params, rows, targets, 0.5 * norm);
  EXPECT_LT((step.gradient() - 0.5 * expected).abs().max().item<double>(), 1e-4);
  step.Run(params, rows, targets, 2.0 * norm);
  EXPECT_LT((step.gradient() - expected).abs().max().item<double>(), 1e-4);
}

}  // namespace
}  // namespace recforce::algos
