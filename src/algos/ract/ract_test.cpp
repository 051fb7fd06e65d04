// SPDX-License-Identifier: Apache-2.0
// The stages of RaCT: what each may change, the identity behind stage 3, checkpoints of the wrong stage.
#include "algos/ract/ract.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "algos/common/one_phase_trainer.h"
#include "algos/ract/ract_trainer.h"
#include "algos/ract/target.h"
#include "nn/kernels.h"
#include "recforce/base/rng.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

using test::Distance;

constexpr std::int64_t kItems = 40;

// Two kinds of users, each clicking mostly in one half of the catalogue.
data::Csr Rows() {
  data::Csr rows;
  for (std::uint64_t user = 0; user < 60; ++user) {
    base::Rng rng(1, base::Stream::kTest, user);
    std::vector<std::int32_t> row;
    for (std::int32_t item = 0; item < kItems; ++item) {
      const bool mine = (item < kItems / 2) == (user % 2 == 0);
      if (rng.Uniform() < (mine ? 0.5 : 0.05)) {
        row.push_back(item);
      }
    }
    rows.AddRow(row);
  }
  return rows;
}

RactConfig Small() {
  RactConfig config;
  config.actor_epochs = 8;
  config.critic_epochs = 3;
  config.finetune_epochs = 2;
  config.hidden = 16;
  config.latent = 8;
  config.batch_size = 20;
  config.learning_rate = 1e-2;
  config.critic_learning_rate = 1e-3;
  config.finetune_learning_rate = 1e-4;
  config.target_k = 10;
  return config;
}

std::vector<torch::Tensor> Copy(const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> copies;
  for (const torch::Tensor& tensor : tensors) {
    copies.push_back(tensor.detach().clone());
  }
  return copies;
}

bool Same(const std::vector<torch::Tensor>& a, const std::vector<torch::Tensor>& b) {
  for (std::size_t number = 0; number < a.size(); ++number) {
    if (!a[number].equal(b[number])) {
      return false;
    }
  }
  return a.size() == b.size();
}

core::Metrics RunPhase(RactTrainer& trainer, std::int64_t phase) {
  core::Metrics metrics;
  trainer.BeginPhase(phase);
  for (std::int64_t epoch = 0; epoch < trainer.Phases()[static_cast<std::size_t>(phase)].epochs; ++epoch) {
    metrics = trainer.Epoch({.phase = phase, .epoch = epoch});
  }
  trainer.EndPhase();
  return metrics;
}

TEST(Ract, EachStageChangesWhatItShould) {
  const data::Csr rows = Rows();
  RactTrainer trainer(Small(), {rows.view(), kItems}, {});
  ASSERT_EQ(trainer.Phases().size(), 3U);
  const auto critic0 = Copy(trainer.critic().parameters());
  const auto actor0 = Copy(trainer.actor().Tensors());
  RunPhase(trainer, 0);
  EXPECT_TRUE(Same(critic0, trainer.critic().parameters())) << "stage 1 must not touch the critic";
  const auto actor1 = Copy(trainer.actor().Tensors());
  EXPECT_FALSE(Same(actor0, actor1));
  RunPhase(trainer, 1);
  EXPECT_TRUE(Same(actor1, trainer.actor().Tensors())) << "stage 2 must not touch the actor";
  const auto critic2 = Copy(trainer.critic().parameters());
  EXPECT_FALSE(Same(critic0, critic2));
  RunPhase(trainer, 2);
  EXPECT_FALSE(Same(actor1, trainer.actor().Tensors()));
  EXPECT_FALSE(Same(critic2, trainer.critic().parameters()));
}

TEST(Ract, ControlsHaveNoCritic) {
  const data::Csr rows = Rows();
  for (const std::string finetune : {"nll", "nll_per_click"}) {
    RactConfig config = Small();
    config.finetune = finetune;
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    ASSERT_EQ(trainer.Phases().size(), 2U);
    EXPECT_EQ(trainer.Phases()[1].name, "finetune");
    const auto critic = Copy(trainer.critic().parameters());
    RunPhase(trainer, 0);
    const auto actor = Copy(trainer.actor().Tensors());
    RunPhase(trainer, 1);
    EXPECT_TRUE(Same(critic, trainer.critic().parameters()));
    EXPECT_FALSE(Same(actor, trainer.actor().Tensors()));
  }
}

TEST(Ract, CriticLearnsTheMetric) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_epochs = 400;
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  RunPhase(trainer, 0);
  std::map<std::string, double> last;
  for (const auto& [name, value] : RunPhase(trainer, 1)) {
    last[name] = value;
  }
  EXPECT_LT(last["critic_mse"], 0.8 * last["target_variance"]);
  EXPECT_GT(last["critic_r"], 0.45);
  for (const double deviation : trainer.normaliser().deviation) {
    EXPECT_GT(deviation, 0.0);
  }
}

TEST(Ract, RawFeaturesAreAnOption) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_features = "raw";
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  RunPhase(trainer, 0);
  RunPhase(trainer, 1);
  EXPECT_DOUBLE_EQ(trainer.normaliser().mean[2], 0.0);
  EXPECT_DOUBLE_EQ(trainer.normaliser().deviation[2], std::sqrt(1.001));
}

TEST(Ract, FeaturesAreMeasuredAlsoWithoutACriticStage) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_epochs = 0;
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  ASSERT_EQ(trainer.Phases().size(), 2U);
  RunPhase(trainer, 0);
  RunPhase(trainer, 1);
  EXPECT_NE(trainer.normaliser().mean[2], 0.0);
}

TEST(Ract, ACriticNeedsHiddenClicks) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.dropout = 0.0;
  EXPECT_THROW(RactTrainer(config, {rows.view(), kItems}, {}), base::Error);
  config.finetune = "nll";
  EXPECT_NO_THROW(RactTrainer(config, {rows.view(), kItems}, {}));
}

// RaCT spec 1.5: the gradient of -mean C by the actor, through the whole critic, is that of mean w_u nll_u.
TEST(Ract, StageThreeIsReweightedLikelihood) {
  const data::Csr rows = Rows();
  AutoencoderParams params = AutoencoderParams::Init({.items = kItems, .hidden = 12, .latent = 6}, 9, torch::kCPU);
  const Critic critic(2, torch::kCPU);
  CriticNormaliser normaliser;
  normaliser.mean = {5.0, 5.0, 30.0};
  normaliser.deviation = {3.0, 3.0, 12.0};
  std::vector<std::int32_t> order;
  for (std::int32_t r = 0; r < 30; ++r) {
    order.push_back(r);
  }
  const nn::RowBatch batch = nn::MakeRowBatch(rows.view(), order, {.keep = 0.5, .seed = 1, .epoch = 0}, kItems);
  const torch::Tensor noise = torch::randn({30, 6});

  // Full autograd, dense.
  torch::Tensor input = torch::zeros({30, kItems});
  torch::Tensor x = torch::zeros({30, kItems});
  for (std::int64_t r = 0; r < 30; ++r) {
    for (const std::int32_t item : batch.seen.row(r)) {
      input[r][item] = batch.scale[static_cast<std::size_t>(r)];
    }
    for (const std::int32_t item : batch.full.row(r)) {
      x[r][item] = 1.0;
    }
  }
  AutoencoderParams leaves = params.Clone();
  std::vector<torch::Tensor> list;
  for (const auto& [name, tensor] : leaves.Named()) {
    tensor->requires_grad_(true);
    list.push_back(*tensor);
  }
  const torch::Tensor h1 = torch::tanh(input.mm(leaves.encoder) + leaves.encoder_bias);
  const torch::Tensor logvar = h1.mm(leaves.logvar.t()) + leaves.logvar_bias;
  const torch::Tensor z = h1.mm(leaves.mu.t()) + leaves.mu_bias + noise * (0.5 * logvar).exp();
  const torch::Tensor h2 = torch::tanh(z.mm(leaves.decoder.t()) + leaves.decoder_bias);
  const torch::Tensor nll = -(x * torch::log_softmax(h2.mm(leaves.output.t()) + leaves.output_bias, 1)).sum(1);
  torch::Tensor features = critic.Features(batch, std::vector<double>(30, 0.0), normaliser);
  const torch::Tensor likelihood = (nll - normaliser.mean[2]) / normaliser.deviation[2];
  features = torch::cat({features.slice(1, 0, 2), likelihood.unsqueeze(1)}, 1);
  const auto expected = torch::autograd::grad({-critic.Forward(features).mean()}, list);

  // Ours.
  AutoencoderPass pass;
  pass.Forward(params, batch, noise);
  const nn::SoftmaxRows softmax = nn::SoftmaxNll(pass.logits, params.output_bias, batch.full.view());
  Critic same = critic;
  const CriticStep step =
      StepCritic(same, nullptr, batch, softmax.nll, std::vector<double>(30, 0.0), normaliser, 0.0, true);
  std::vector<double> weight;
  for (const double slope : step.slope) {
    weight.push_back(-slope / 30.0);
  }
  nn::SoftmaxGradient(pass.logits, softmax, batch.full.view(), weight);
  const AutoencoderGradients gradients = pass.Backward(params, batch, 0.0);
  const auto relative = [](const torch::Tensor& a, const torch::Tensor& b) {
    return ((a - b).norm() / b.norm()).item<double>();
  };
  const std::vector<std::int64_t> touched(batch.seen_by_item.items.begin(), batch.seen_by_item.items.end());
  EXPECT_LT(relative(gradients[0], expected[0].index_select(0, torch::tensor(touched))), 1e-5);
  for (std::size_t number = 1; number < gradients.size(); ++number) {
    EXPECT_LT(relative(gradients[number], expected[number]), 1e-5) << number;
  }
}

TEST(Ract, FirstStageIsMultiVae) {
  const data::Csr rows = Rows();
  RactTrainer ract(Small(), {rows.view(), kItems}, {});
  const ActorOptions options = {
      .shape = {.items = kItems, .hidden = 16, .latent = 8}, .learning_rate = 1e-2, .batch_size = 20};
  const auto vae = MakeOnePhaseTrainer<ActorLearner>({rows.view(), kItems}, options, {}, 8, 0);
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    ract.BeginPhase(0);
    EXPECT_EQ(ract.Epoch({.phase = 0, .epoch = epoch}), vae->Epoch({.phase = 0, .epoch = epoch}));
  }
}

TEST(Ract, CheckpointOfAnotherStageIsRefused) {
  const data::Csr rows = Rows();
  RactTrainer trainer(Small(), {rows.view(), kItems}, {});
  RunPhase(trainer, 0);
  test::TempDir dir;
  base::WriteTensorFile(base::RealFileSystem(), dir / "state", trainer.SaveState());
  const base::TensorSet state = base::ReadTensorFile(dir / "state");
  RactTrainer other(Small(), {rows.view(), kItems}, {});
  other.LoadState(state, 0);
  try {
    other.LoadState(state, 1);
    FAIL() << "an actor's checkpoint passed for a critic's";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    EXPECT_EQ(std::string(error.what()),
              (dir / "state").string() + ": checkpoint is of stage 'actor'; expected 'critic'");
  }
}

}  // namespace
}  // namespace recforce::algos
