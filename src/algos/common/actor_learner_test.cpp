// SPDX-License-Identifier: Apache-2.0
#include "algos/common/actor_learner.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "recforce/base/stop_flag.h"

namespace recforce::algos {
namespace {

data::Csr Rows() {
  data::Csr rows;
  for (std::int32_t r = 0; r < 25; ++r) {
    rows.AddRow(std::vector<std::int32_t>{r % 10, (r + 3) % 10, (r + 5) % 10});
  }
  return rows;
}

ActorOptions Small() {
  return {.shape = {.items = 10, .hidden = 6, .latent = 3}, .learning_rate = 1e-2, .batch_size = 10};
}

TEST(KlWeight, RisesToItsCap) {
  EXPECT_DOUBLE_EQ(KlWeight(20000, 200000, 0.2), 0.1);
  EXPECT_DOUBLE_EQ(KlWeight(40000, 200000, 0.2), 0.2);
  EXPECT_DOUBLE_EQ(KlWeight(100000, 200000, 0.2), 0.2);
  EXPECT_DOUBLE_EQ(KlWeight(0, 200000, 0.2), 0.0);
  EXPECT_DOUBLE_EQ(KlWeight(0, 0, 0.2), 0.2);
}

TEST(ActorLearner, AnEpochVisitsEveryUserOnce) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  std::multiset<std::uint32_t> visited;
  std::vector<std::int64_t> sizes;
  learner.ForEachBatch(0, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    visited.insert(batch.ids.begin(), batch.ids.end());
    sizes.push_back(batch.rows());
    EXPECT_EQ(noise.size(0), batch.rows());
  });
  EXPECT_EQ(visited.size(), 25U);
  EXPECT_EQ(std::set<std::uint32_t>(visited.begin(), visited.end()).size(), 25U);
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{10, 10, 5}));
}

TEST(ActorLearner, LikelihoodFalls) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  core::EpochContext context;
  const double first = learner.Epoch(context)[0].second;
  double late = 0.0;
  for (context.epoch = 1; context.epoch <= 100; ++context.epoch) {
    const double nll = learner.Epoch(context)[0].second;
    late += context.epoch > 80 ? nll / 20.0 : 0.0;
  }
  // Three clicks out of ten items: 3 ln 10 = 6.9 for a uniform guess, 3 ln 3 = 3.3 for a perfect one. Half of the
  // clicks are hidden and z is noisy, so the mean settles near 5.3.
  EXPECT_NEAR(first, 6.9, 0.3);
  EXPECT_LT(late, 5.8);
}

TEST(ActorLearner, StopsBetweenSteps) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  base::StopFlag stop;
  core::EpochContext context;
  context.stop = &stop;
  std::int64_t steps = 0;
  context.progress = [&](std::int64_t done, std::int64_t total) {
    steps = done;
    EXPECT_EQ(total, 3);
    stop.Set();
  };
  try {
    learner.Epoch(context);
    FAIL() << "it went on";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInterrupted);
  }
  EXPECT_EQ(steps, 1);
}

TEST(ActorLearner, DivergenceIsAnError) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  learner.params().output.fill_(std::numeric_limits<float>::quiet_NaN());
  try {
    learner.Epoch({});
    FAIL() << "NaN went unnoticed";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kDiverged);
    EXPECT_STREQ(error.what(), "loss: not a finite number: training diverged. Try a smaller learning_rate");
  }
}

TEST(ActorLearner, BestIsRemembered) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  const torch::Tensor before = learner.params().output.clone();
  learner.KeepBest();
  learner.Epoch({});
  EXPECT_FALSE(learner.params().output.equal(before));
  learner.RestoreBest();
  EXPECT_TRUE(learner.params().output.equal(before));
}

}  // namespace
}  // namespace recforce::algos
