// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/critic.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Critic, HasThePapersSize) { EXPECT_EQ(Critic(1, torch::kCPU).NumParameters(), 11521); }

TEST(Critic, GoldenStepAndSlope) {
  const auto golden = test::ReadGolden("ract_critic.json");
  Critic critic(1, torch::kCPU);
  for (std::size_t number = 0; number < 8; ++number) {
    critic.parameters()[number] =
        test::ToTensor(golden["parameters"][number]).to(torch::kFloat32).contiguous().requires_grad_(true);
  }
  const nn::RowBatch batch = BatchOf(golden["seen"], golden["unseen"]);
  const std::vector<double> nll = golden["nll"];
  const std::vector<double> omega = golden["omega"];
  CriticNormaliser normaliser;
  for (std::size_t f = 0; f < 3; ++f) {
    normaliser.mean[f] = golden["mean"][f];
    normaliser.deviation[f] = golden["deviation"][f];
  }
  nn::Adam adam(critic.parameters(), {.learning_rate = golden["rate"].get<double>()});
  const CriticStep step = StepCritic(critic, &adam, batch, nll, omega, normaliser, golden["l2"], true);
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
  CriticStatistics statistics;
  statistics.Add(BatchOf({1, 3}, {2, 2}), std::vector<double>{10.0, 14.0});
  statistics.Add(BatchOf({5}, {2}), std::vector<double>{12.0});
  const CriticNormaliser normaliser = statistics.Normaliser();
  EXPECT_DOUBLE_EQ(normaliser.mean[0], 3.0);
  EXPECT_NEAR(normaliser.deviation[0], std::sqrt(8.0 / 3.0), 1e-12);
  EXPECT_DOUBLE_EQ(normaliser.mean[1], 2.0);
  EXPECT_DOUBLE_EQ(normaliser.deviation[1], 1.0) << "a constant feature is not divided by zero";
  EXPECT_DOUBLE_EQ(normaliser.mean[2], 12.0);
  EXPECT_NEAR(CriticNormaliser::AuthorsIdentity().deviation[2], 1.0004999, 1e-6);
}

// RaCT spec 5.2 R2: with statistics of the batch the critic cannot see a shift of all likelihoods, so their
// gradients add up to zero and the mean likelihood gets no signal. Frozen statistics do not do that.
TEST(Critic, FrozenNormaliserLetsTheMeanLikelihoodThrough) {
  const Critic critic(4, torch::kCPU);
  torch::manual_seed(6);
  const torch::Tensor raw = torch::rand({64, 3}) * 50.0;
  const auto slope_sums = [&](bool batch_statistics) {
    const torch::Tensor nll = raw.select(1, 2).clone().requires_grad_(true);
    const torch::Tensor features = torch::stack({raw.select(1, 0), raw.select(1, 1), nll}, 1);
    const torch::Tensor& source = batch_statistics ? features : raw;
    const torch::Tensor mean = source.mean(0);
    const torch::Tensor deviation = source.std(0, /*unbiased=*/false);
    const torch::Tensor slope = torch::autograd::grad({critic.Forward((features - mean) / deviation).sum()}, {nll})[0];
    return std::pair(std::abs(slope.sum().item<double>()), slope.abs().sum().item<double>());
  };
  const auto [batch_sum, batch_scale] = slope_sums(true);
  EXPECT_LT(batch_sum, 1e-4 * batch_scale);
  const auto [frozen_sum, frozen_scale] = slope_sums(false);
  EXPECT_GT(frozen_sum, 0.05 * frozen_scale);
}

}  // namespace
}  // namespace recforce::algos
