// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/critic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "recforce/base/rng.h"
#include "support/error_of.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

using test::Distance;

// A batch in which row r shows seen[r] items and hides unseen[r].
nn::RowBatch BatchOf(const std::vector<double>& seen, const std::vector<double>& unseen) {
  nn::RowBatch batch;
  for (std::size_t r = 0; r < seen.size(); ++r) {
    std::vector<std::int32_t> row;
    while (row.size() < static_cast<std::size_t>(seen[r])) {
      row.push_back(static_cast<std::int32_t>(row.size()));
    }
    batch.seen.AddRow(row);
    std::vector<std::int32_t> hidden;
    while (hidden.size() < static_cast<std::size_t>(unseen[r])) {
      hidden.push_back(static_cast<std::int32_t>(row.size() + hidden.size()));
    }
    batch.unseen.AddRow(hidden);
    row.insert(row.end(), hidden.begin(), hidden.end());
    batch.full.AddRow(row);
  }
  return batch;
}

const std::vector<CriticFeature> kAll = {CriticFeature::kSeen, CriticFeature::kHidden, CriticFeature::kError};

TEST(Critic, HasThePapersSize) { EXPECT_EQ(Critic(3, true, false, 1, torch::kCPU).NumParameters(), 11521); }

TEST(Critic, GoldenStepAndSlope) {
  const auto golden = test::ReadGolden("ract_critic.json");
  Critic critic(3, true, false, 1, torch::kCPU);
  for (std::size_t number = 0; number < 8; ++number) {
    critic.parameters()[number] =
        test::ToTensor(golden["parameters"][number]).to(torch::kFloat32).contiguous().requires_grad_(true);
  }
  const nn::RowBatch batch = BatchOf(golden["seen"], golden["unseen"]);
  const std::vector<double> nll = golden["nll"];
  const std::vector<double> omega = golden["omega"];
  CriticNormaliser normaliser = CriticNormaliser::Identity(3);
  for (std::size_t f = 0; f < 3; ++f) {
    normaliser.mean[f] = golden["mean"][f];
    normaliser.deviation[f] = golden["deviation"][f];
  }
  nn::Adam adam(critic.parameters(), {.learning_rate = golden["rate"].get<double>()});
  const std::vector<double> features = FeaturesOf(batch, nll, kAll);
  const CriticStep step = StepCritic(critic, &adam, {features, omega, false, 2}, normaliser, golden["l2"]);
  EXPECT_LT(Distance(step.value, test::ToTensor(golden["value"])), 1e-5);
  EXPECT_LT(Distance(step.slope, test::ToTensor(golden["slope"])), 1e-5);
  EXPECT_NEAR(step.loss, golden["loss"].get<double>(), 1e-5);
  for (std::size_t number = 0; number < 8; ++number) {
    const torch::Tensor after = critic.parameters()[number].detach().to(torch::kFloat64);
    const auto count = static_cast<double>(after.numel());
    // Adam's first step is +-rate where the gradient is not tiny; float32 may flip a few signs of tiny ones.
    EXPECT_NEAR(after.sum().item<double>(), golden["sums_after"][number].get<double>(), 0.002 * count) << number;
    EXPECT_NEAR(after.square().sum().item<double>(), golden["squares_after"][number].get<double>(), 0.002 * count);
  }
  EXPECT_LT(Distance(critic.parameters()[6], test::ToTensor(golden["last_layer_after"])), 1e-3);
}

TEST(Critic, StatisticsAreMeanAndDeviation) {
  CriticStatistics statistics(3);
  statistics.Add(FeaturesOf(BatchOf({1, 3}, {2, 2}), std::vector<double>{10.0, 14.0}, kAll));
  statistics.Add(FeaturesOf(BatchOf({5}, {2}), std::vector<double>{12.0}, kAll));
  const CriticNormaliser normaliser = statistics.Normaliser();
  EXPECT_DOUBLE_EQ(normaliser.mean[0], 3.0);
  EXPECT_NEAR(normaliser.deviation[0], std::sqrt(8.0 / 3.0), 1e-12);
  EXPECT_DOUBLE_EQ(normaliser.mean[1], 2.0);
  EXPECT_DOUBLE_EQ(normaliser.deviation[1], 1.0) << "a constant feature is not divided by zero";
  EXPECT_DOUBLE_EQ(normaliser.mean[2], 12.0);
  EXPECT_NEAR(CriticNormaliser::Authors(3).deviation[2], 1.0004999, 1e-6);
}

TEST(Critic, RunningStatisticsReachThoseOfTheirBatches) {
  CriticNormaliser normaliser = CriticNormaliser::Identity(2);
  const std::vector<double> rows = {1.0, 7.0, 3.0, 7.0};  // means 2 and 7, deviations 1 and 0
  normaliser.MoveTowards(rows, 0.25);
  EXPECT_DOUBLE_EQ(normaliser.mean[0], 0.5);
  EXPECT_DOUBLE_EQ(normaliser.deviation[0], 1.0);
  EXPECT_DOUBLE_EQ(normaliser.mean[1], 1.75);
  EXPECT_DOUBLE_EQ(normaliser.deviation[1], std::sqrt(0.75));
  for (int step = 0; step < 200; ++step) {
    normaliser.MoveTowards(rows, 0.25);
  }
  EXPECT_NEAR(normaliser.mean[0], 2.0, 1e-9);
  EXPECT_NEAR(normaliser.deviation[0], 1.0, 1e-9);
}

TEST(Critic, FeaturesAreThoseAskedFor) {
  const nn::RowBatch batch = BatchOf({1, 3}, {4, 2});
  const std::vector<CriticFeature> features = ParseCriticFeatures({"error", "hidden"});
  EXPECT_EQ(FeaturesOf(batch, std::vector<double>{0.5, 0.25}, features), (std::vector<double>{0.5, 4.0, 0.25, 2.0}));
  EXPECT_EQ(test::ErrorOf([] { ParseCriticFeatures({"nll"}); }),
            "Usage: ract.critic_features: no such choice: 'nll'; expected one of seen, hidden, error");
  EXPECT_EQ(test::ErrorOf([] {
              ParseCriticFeatures({"error", "error"});
            }),
            "Usage: ract.critic_features: is named twice: 'error'");
  EXPECT_EQ(test::ErrorOf([] { ParseCriticFeatures({}); }),
            "Usage: ract.critic_features: is empty; expected some of seen, hidden, error");
}

// A target without a bound may be predicted above 1.
TEST(Critic, LearnsAnUnboundedTarget) {
  const std::vector<double> features = {0.0, 1.0};
  const std::vector<double> omega = {0.5, 4.0};
  Critic critic(1, false, true, 3, torch::kCPU);
  nn::Adam adam(critic.parameters(), {.learning_rate = 1e-2});
  const CriticNormaliser normaliser = CriticNormaliser::Identity(1);
  CriticStep step;
  for (int update = 0; update < 300; ++update) {
    step = StepCritic(critic, &adam, {features, omega, false, -1}, normaliser, 0.0);
  }
  EXPECT_NEAR(step.value[0], 0.5, 0.1);
  EXPECT_NEAR(step.value[1], 4.0, 0.2);
  EXPECT_TRUE(step.slope.empty());
}

// With statistics of the batch the critic cannot see a shift of all errors, so their gradients add up to zero and the
// mean error gets no signal (RaCT spec 5.2, R2). Frozen statistics do not do that.
TEST(Critic, OnlyBatchStatisticsHideTheMeanError) {
  Critic critic(3, true, false, 4, torch::kCPU);
  base::Rng rng(6, base::Stream::kTest, 0);
  std::vector<double> features;
  while (features.size() < 3 * 64) {
    features.push_back(50.0 * rng.Uniform());
  }
  const std::vector<double> omega(64, 0.5);
  const auto slopes = [&](bool batch) {
    const CriticStep step =
        StepCritic(critic, nullptr, {features, omega, batch, 2}, CriticNormaliser::Identity(3), 0.0);
    double sum = 0.0, size = 0.0;
    for (const double slope : step.slope) {
      sum += slope;
      size += std::abs(slope);
    }
    return std::pair(std::abs(sum), size);
  };
  const auto [batch_sum, batch_scale] = slopes(true);
  EXPECT_LT(batch_sum, 1e-4 * batch_scale);
  const auto [frozen_sum, frozen_scale] = slopes(false);
  EXPECT_GT(frozen_sum, 0.05 * frozen_scale);
}

}  // namespace
}  // namespace recforce::algos
