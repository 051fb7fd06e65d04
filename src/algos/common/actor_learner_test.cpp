// SPDX-License-Identifier: Apache-2.0
#include "algos/common/actor_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "recforce/base/stop_flag.h"
#include "recforce/base/threads.h"
#include "support/golden.h"

namespace recforce::algos {
namespace {

using test::Distance;

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

// Masks, order and noise of an epoch are named by it, whatever the number of threads.
TEST(ActorLearner, BatchesDoNotDependOnThreads) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  const int before = base::Threads();
  std::vector<std::vector<std::int32_t>> seen(2);
  std::vector<torch::Tensor> noises(2);
  for (const int threads : {1, 2}) {
    base::SetThreads(threads);
    const auto at = static_cast<std::size_t>(threads - 1);
    std::vector<torch::Tensor> parts;
    learner.ForEachBatch(EpochId(2, 1), {0.4, 0.9}, nullptr, [&](const nn::RowBatch& batch, const auto& noise) {
      seen[at].insert(seen[at].end(), batch.ids.begin(), batch.ids.end());
      seen[at].insert(seen[at].end(), batch.seen.items.begin(), batch.seen.items.end());
      parts.push_back(noise.clone());
    });
    noises[at] = torch::cat(parts);
  }
  base::SetThreads(before);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_TRUE(noises[0].equal(noises[1]));
}

TEST(ActorLearner, ARangeOfSharesReachesTheBatches) {
  const data::Csr rows = Rows();
  ActorLearner learner({rows.view(), 10}, Small(), {});
  std::set<float> scales;
  learner.ForEachBatch(EpochId(1, 0), {0.4, 0.9}, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor&) {
    scales.insert(batch.scale.begin(), batch.scale.end());
  });
  EXPECT_EQ(scales.size(), 25U) << "each user has a share of its own";
  learner.ForEachBatch(EpochId(1, 0), {0.4, 0.4}, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor&) {
    for (const float scale : batch.scale) {
      EXPECT_FLOAT_EQ(scale, 1.0F / (std::sqrt(3.0F) * 0.4F));
    }
  });
}

// What RaCT sees of the family: scores from hidden and items, errors and gradients of those scores, a step along them.
TEST(ActorLearner, ErrorsAreThoseOfItsScores) {
  const data::Csr rows = Rows();
  for (const RowErrorKind kind : {RowErrorKind::kMultinomial, RowErrorKind::kSquare}) {
    for (const std::int64_t hidden : {6, 0}) {
      ActorOptions options = Small();
      options.shape.hidden = hidden;
      options.error = kind;
      ActorLearner learner({rows.view(), 10}, options, {});
      learner.ForEachBatch(EpochId(1, 0), {}, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
        learner.Forward(batch, noise);
        const torch::Tensor f = learner.hidden().mm(learner.items().t()) + learner.bias();
        EXPECT_LT(Distance(learner.logits() + learner.bias(), f), 1e-6);
        torch::Tensor x = torch::zeros({batch.rows(), 10});
        for (std::int64_t r = 0; r < batch.rows(); ++r) {
          for (const std::int32_t item : batch.full.row(r)) {
            x[r][item] = 1.0F;
          }
        }
        const torch::Tensor w = 1.0 + 4.0 * x;
        const bool square = kind == RowErrorKind::kSquare;
        const torch::Tensor errors = square ? (w * (x - f).square()).sum(1) : -(x * f.log_softmax(1)).sum(1);
        EXPECT_LT(Distance(learner.Errors(batch), errors), 1e-5);
        std::vector<double> weight(static_cast<std::size_t>(batch.rows()));
        std::iota(weight.begin(), weight.end(), -2.0);
        learner.ErrorGradient(batch, weight);
        const torch::Tensor gradient = square ? 2.0 * w * (f - x) : x.sum(1, true) * f.softmax(1) - x;
        EXPECT_LT(Distance(learner.logits(), gradient * torch::tensor(weight).unsqueeze(1)), 1e-5);
      });
    }
  }
}

TEST(ActorLearner, SquareErrorOfALinearNetworkFalls) {
  const data::Csr rows = Rows();
  for (const bool variational : {true, false}) {
    ActorOptions options = Small();
    options.shape = {.items = 10, .hidden = 0, .latent = 6, .variational = variational, .linear = true};
    options.error = RowErrorKind::kSquare;
    options.kl_cap = 0.0;
    ActorLearner learner({rows.view(), 10}, options, {});
    core::EpochContext context;
    const core::Metrics first = learner.Epoch(context);
    EXPECT_EQ(first[0].first, "square_error");
    EXPECT_EQ(first.size(), variational ? 3U : 1U);
    double last = 0.0;
    for (context.epoch = 1; context.epoch <= 100; ++context.epoch) {
      last = learner.Epoch(context)[0].second;
    }
    // The best constants, 5 * 0.3 / (5 * 0.3 + 0.7) for every item, leave 4.8 of the 15 that zeros cost.
    EXPECT_GT(first[0].second, 8.0);
    EXPECT_LT(last, 4.5) << (variational ? "variational" : "not variational");
  }
}

TEST(ActorLearner, XavierNormalStartsFromNoBiases) {
  const data::Csr rows = Rows();
  ActorOptions options = Small();
  options.xavier_normal = true;
  const ActorLearner normal({rows.view(), 10}, options, {});
  const ActorLearner uniform({rows.view(), 10}, Small(), {});
  EXPECT_EQ(normal.params().output_bias.abs().max().item<float>(), 0.0F);
  EXPECT_GT(uniform.params().output_bias.abs().max().item<float>(), 0.0F);
  const float limit = std::sqrt(6.0F / 16.0F);  // of 10 items and 6 hidden units
  EXPECT_LE(uniform.params().output.abs().max().item<float>(), limit);
  EXPECT_GT(normal.params().output.abs().max().item<float>(), limit);
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
