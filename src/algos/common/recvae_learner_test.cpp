// SPDX-License-Identifier: Apache-2.0
// RecVAE as what RaCT fine-tunes: both networks at once, from any gradient of the logits.
#include "algos/common/recvae_learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "algos/common/row_batches.h"
#include "nn/kernels.h"
#include "recforce/base/error.h"
#include "support/golden.h"
#include "support/same_tensors.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

using test::Distance;

constexpr std::int64_t kItems = 12;

data::Csr Rows() {
  data::Csr rows;
  for (std::int32_t r = 0; r < 25; ++r) {
    rows.AddRow(std::vector<std::int32_t>{r % 12, (r + 3) % 12, (r + 5) % 12, (r + 10) % 12});
  }
  return rows;
}

RecvaeOptions Small() {
  return {.shape = {.items = kItems, .hidden = 6, .latent = 3}, .learning_rate = 1e-2, .batch_size = 10};
}

std::vector<double> Mean(const nn::RowBatch& batch) {
  return std::vector<double>(static_cast<std::size_t>(batch.rows()), 1.0 / static_cast<double>(batch.rows()));
}

// An epoch of fine-tuning by likelihood; its mean.
double FineTune(RecvaeLearner& learner, std::int64_t epoch) {
  double sum = 0.0;
  learner.ForEachBatch(EpochId(2, epoch), {0.5, 0.9}, nullptr, [&](const nn::RowBatch& batch, const auto& noise) {
    learner.Forward(batch, noise);
    const std::vector<double> errors = learner.Errors(batch);
    sum += std::accumulate(errors.begin(), errors.end(), 0.0);
    learner.ErrorGradient(batch, Mean(batch));
    learner.Step(batch, 0.0);
  });
  return sum / static_cast<double>(learner.view().interactions.rows());
}

// In float64, so that the two ways to the same gradients can be told from different ones.
TEST(RecvaePass, BothGradientsAreThoseOfTheAlternatingUpdates) {
  RecvaeModel model = RecvaeModel::Init({.items = kItems, .hidden = 6, .latent = 3}, 1, torch::kCPU);
  for (NamedTensors* tensors : {&model.encoder, &model.old, &model.decoder}) {
    for (auto& [name, tensor] : tensors->list) {
      tensor = tensor.to(torch::kFloat64);
    }
  }
  const data::Csr rows = Rows();
  const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), std::vector<std::int32_t>{4, 0, 9, 20}, {}, kItems);
  torch::manual_seed(8);
  const torch::Tensor noise = torch::randn({4, 3}, torch::kFloat64);
  RecvaePass apart;
  const RecvaeGradients encoder = apart.ForEncoder(model, batch, noise, 0.0);
  const RecvaeGradients decoder = apart.ForDecoder(model, batch, noise);
  RecvaePass pass;
  pass.Forward(model, batch, noise);
  nn::SoftmaxNllGradient(pass.logits, model.decoder.at(1), batch.full.view(), Mean(batch));
  const RecvaeBothGradients both = pass.Backward(model, batch);
  ASSERT_EQ(both.encoder.size(), encoder.gradients.size());
  for (std::size_t index = 0; index < both.encoder.size(); ++index) {
    EXPECT_LT(Distance(both.encoder[index], encoder.gradients[index]), 1e-14) << model.encoder.list[index].first;
  }
  ASSERT_EQ(both.decoder.size(), 2U);
  for (std::size_t index = 0; index < 2; ++index) {
    EXPECT_LT(Distance(both.decoder[index], decoder.gradients[index]), 1e-14) << model.decoder.list[index].first;
  }
}

// Without noise z = mu, and nothing depends on logvar.
TEST(RecvaePass, WithoutNoiseGradientsAreThoseOfNoiseZero) {
  const RecvaeModel model = RecvaeModel::Init({.items = kItems, .hidden = 6, .latent = 3}, 1, torch::kCPU);
  const data::Csr rows = Rows();
  const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), std::vector<std::int32_t>{4, 0}, {}, kItems);
  std::vector<RecvaeBothGradients> found;
  for (const torch::Tensor& noise : {torch::Tensor(), torch::zeros({2, 3})}) {
    RecvaePass pass;
    pass.Forward(model, batch, noise);
    found.push_back(pass.Backward(model, batch));
  }
  for (std::size_t index = 0; index < found[0].encoder.size(); ++index) {
    EXPECT_TRUE(found[0].encoder[index].equal(found[1].encoder[index])) << model.encoder.list[index].first;
  }
  EXPECT_EQ(found[0].encoder[EncoderPlaces::kLogvar].abs().max().item<float>(), 0.0F);
  EXPECT_GT(found[0].encoder[EncoderPlaces::kMu].abs().max().item<float>(), 0.0F);
}

TEST(RecvaeLearner, ErrorsAreThoseOfItsScores) {
  const data::Csr rows = Rows();
  RecvaeLearner learner({rows.view(), kItems}, Small(), {});
  learner.ForEachBatch(EpochId(1, 0), {}, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    learner.Forward(batch, noise);
    const torch::Tensor scores = learner.hidden().mm(learner.items().t());
    EXPECT_LT(Distance(learner.logits(), scores), 1e-6);
    torch::Tensor x = torch::zeros({batch.rows(), kItems});
    for (std::int64_t r = 0; r < batch.rows(); ++r) {
      for (const std::int32_t item : batch.full.row(r)) {
        x[r][item] = 1.0F;
      }
    }
    const torch::Tensor f = scores + learner.bias();
    EXPECT_LT(Distance(learner.Errors(batch), -(x * f.log_softmax(1)).sum(1)), 1e-6);
    std::vector<double> weight(static_cast<std::size_t>(batch.rows()));
    std::iota(weight.begin(), weight.end(), -2.0);
    learner.ErrorGradient(batch, weight);
    const torch::Tensor expected = (x.sum(1, true) * f.softmax(1) - x) * torch::tensor(weight).unsqueeze(1);
    EXPECT_LT(Distance(learner.logits(), expected), 1e-5);
    EXPECT_EQ(learner.Kl(), std::vector<double>(static_cast<std::size_t>(batch.rows()), 0.0));
  });
}

TEST(RecvaeLearner, FineTuningByLikelihoodLowersIt) {
  const data::Csr rows = Rows();
  RecvaeLearner learner({rows.view(), kItems}, Small(), {});
  learner.ResetOptimizer(1e-2);
  const torch::Tensor items = learner.items().clone();
  const double first = FineTune(learner, 0);
  double last = 0.0;
  for (std::int64_t epoch = 1; epoch <= 60; ++epoch) {
    last = FineTune(learner, epoch);
  }
  EXPECT_FALSE(learner.items().equal(items)) << "the decoder did not move";
  // Four clicks of twelve items: 4 ln 12 = 9.9 for a uniform guess, more for a random one; 4 ln 4 = 5.5 for a perfect
  // one.
  EXPECT_GT(first, 9.8);
  EXPECT_LT(last, 8.0);
}

TEST(RecvaeLearner, HasNoKlToFollow) {
  const data::Csr rows = Rows();
  RecvaeLearner learner({rows.view(), kItems}, Small(), {});
  learner.ForEachBatch(EpochId(1, 0), {}, nullptr, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    learner.Forward(batch, noise);
    try {
      learner.Step(batch, 0.25);
      FAIL() << "it took a step";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
      EXPECT_STREQ(error.what(), "kl_weight: RecVAE's prior is no part of fine-tuning: '0.25'; expected 0");
    }
  });
}

// Moments of both Adams are part of the state: to go on from a file is to go on.
TEST(RecvaeLearner, FineTuningResumesToTheSameBytes) {
  const data::Csr rows = Rows();
  RecvaeLearner whole({rows.view(), kItems}, Small(), {});
  whole.Epoch({});
  whole.KeepBest();
  whole.ResetOptimizer(1e-3);
  FineTune(whole, 0);
  const test::TempDir dir;
  base::TensorSet state;
  whole.Save(state);
  base::WriteTensorFile(base::RealFileSystem(), dir / "state", state);
  RecvaeLearner resumed({rows.view(), kItems}, Small(), {});
  resumed.ResetOptimizer(1e-3);
  resumed.Load(base::ReadTensorFile(dir / "state"));
  FineTune(whole, 1);
  FineTune(resumed, 1);
  base::TensorSet expected;
  base::TensorSet found;
  whole.Save(expected);
  resumed.Save(found);
  test::ExpectSameTensors(expected, found);
  EXPECT_EQ(expected.metadata(), found.metadata());
}

TEST(RecvaeLearner, ProgressCountsAllPassesOfAnEpoch) {
  const data::Csr rows = Rows();
  RecvaeLearner learner({rows.view(), kItems}, Small(), {});
  std::vector<std::int64_t> steps;
  core::EpochContext context;
  context.progress = [&](std::int64_t done, std::int64_t total) {
    steps.push_back(done);
    EXPECT_EQ(total, 12);  // 3 steps in each of 3 encoder and 1 decoder passes
  };
  learner.Epoch(context);
  std::vector<std::int64_t> expected(12);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(steps, expected);
}

}  // namespace
}  // namespace recforce::algos
