// SPDX-License-Identifier: Apache-2.0
// The stages of RaCT: what each may change, the identity behind stage 3, checkpoints of the wrong stage.
#include "algos/ract/ract.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "algos/common/actor_learner.h"
#include "algos/common/one_phase_trainer.h"
#include "algos/ract/actors.h"
#include "algos/ract/critic.h"
#include "algos/ract/ract_trainer.h"
#include "algos/ract/stages.h"
#include "nn/kernels.h"
#include "recforce/base/rng.h"
#include "support/error_of.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

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

// The bytes of tensors of a model that are the critic's, or of those that are not.
std::map<std::string, std::string> Bytes(const base::TensorSet& set, bool of_critic) {
  std::map<std::string, std::string> bytes;
  for (const auto& [name, tensor] : set.tensors()) {
    if (name.starts_with("critic.") == of_critic) {
      bytes[name] =
          std::string(reinterpret_cast<const char*>(tensor.data), static_cast<std::size_t>(tensor.NumBytes()));
    }
  }
  return bytes;
}
std::map<std::string, std::string> ActorOf(const RactTrainer& trainer) { return Bytes(trainer.Export(), false); }
std::map<std::string, std::string> CriticOf(const RactTrainer& trainer) { return Bytes(trainer.Export(), true); }

std::map<std::string, double> RunPhase(RactTrainer& trainer, std::int64_t phase) {
  core::Metrics metrics;
  trainer.BeginPhase(phase);
  for (std::int64_t epoch = 0; epoch < trainer.Phases()[static_cast<std::size_t>(phase)].epochs; ++epoch) {
    metrics = trainer.Epoch({.phase = phase, .epoch = epoch});
  }
  trainer.EndPhase();
  return {metrics.begin(), metrics.end()};
}

std::string Refusal(const RactConfig& config) {
  const data::Csr rows = Rows();
  return test::ErrorOf([&] { RactTrainer(config, {rows.view(), kItems}, {}); });
}

TEST(Ract, EachStageChangesWhatItShould) {
  const data::Csr rows = Rows();
  RactTrainer trainer(Small(), {rows.view(), kItems}, {});
  ASSERT_EQ(trainer.Phases().size(), 3U);
  const auto critic0 = CriticOf(trainer);
  ASSERT_EQ(critic0.size(), 8U);
  const auto actor0 = ActorOf(trainer);
  RunPhase(trainer, 0);
  EXPECT_EQ(critic0, CriticOf(trainer)) << "stage 1 must not touch the critic";
  const auto actor1 = ActorOf(trainer);
  EXPECT_NE(actor0, actor1);
  RunPhase(trainer, 1);
  EXPECT_EQ(actor1, ActorOf(trainer)) << "stage 2 must not touch the actor";
  const auto critic2 = CriticOf(trainer);
  EXPECT_NE(critic0, critic2);
  RunPhase(trainer, 2);
  EXPECT_NE(actor1, ActorOf(trainer));
  EXPECT_NE(critic2, CriticOf(trainer));
}

TEST(Ract, StagesWithoutACriticHaveNone) {
  const data::Csr rows = Rows();
  for (const std::string finetune : {"nll", "nll_per_click", "unseen", "warp", "lambdarank"}) {
    SCOPED_TRACE(finetune);
    RactConfig config = Small();
    config.finetune = finetune;
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    ASSERT_EQ(trainer.Phases().size(), 2U);
    EXPECT_EQ(trainer.Phases()[1].name, "finetune");
    EXPECT_TRUE(CriticOf(trainer).empty());
    RunPhase(trainer, 0);
    const auto actor = ActorOf(trainer);
    RunPhase(trainer, 1);
    EXPECT_NE(actor, ActorOf(trainer));
  }
}

// Each loss of stage 3 falls where it is followed for a while.
TEST(Ract, FinetuningLowersWhatItFollows) {
  const data::Csr rows = Rows();
  for (const auto& [finetune, metric] : std::map<std::string, std::string>{{"nll", "error"},
                                                                           {"nll_per_click", "error"},
                                                                           {"unseen", "unseen_nll"},
                                                                           {"warp", "warp"},
                                                                           {"lambdarank", "pairs"}}) {
    SCOPED_TRACE(finetune);
    RactConfig config = Small();
    config.finetune = finetune;
    config.actor_epochs = 1;
    config.finetune_learning_rate = 1e-3;
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    RunPhase(trainer, 0);
    trainer.BeginPhase(1);
    double first = 0.0, last = 0.0;
    for (std::int64_t epoch = 0; epoch < 60; ++epoch) {
      const core::Metrics metrics = trainer.Epoch({.phase = 1, .epoch = epoch});
      ASSERT_EQ(metrics.size(), 1U);
      ASSERT_EQ(metrics[0].first, metric);
      (epoch < 5 ? first : last) += epoch < 5 || epoch >= 55 ? metrics[0].second : 0.0;
    }
    EXPECT_LT(last, first);
  }
}

TEST(Ract, CriticLearnsTheMetric) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_epochs = 400;
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  RunPhase(trainer, 0);
  auto last = RunPhase(trainer, 1);
  EXPECT_LT(last["critic_mse"], 0.8 * last["target_variance"]);
  EXPECT_GT(last["critic_r"], 0.45);
  EXPECT_GT(last["calibration"], 0.5);
}

TEST(Ract, EveryScalingLearns) {
  const data::Csr rows = Rows();
  std::map<std::string, double> loss;
  for (const std::string& scaling : CriticScalingNames()) {
    SCOPED_TRACE(scaling);
    RactConfig config = Small();
    config.critic_scaling = scaling;
    config.critic_epochs = 200;
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    RunPhase(trainer, 0);
    loss[scaling] = RunPhase(trainer, 1)["critic_mse"];
    const auto critic = CriticOf(trainer);
    RunPhase(trainer, 2);
    EXPECT_NE(critic, CriticOf(trainer));
  }
  EXPECT_LT(loss["frozen"], loss["none"]) << "features that are not scaled are hard to learn from";
}

TEST(Ract, FeaturesAreMeasuredAlsoWithoutACriticStage) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_epochs = 0;
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  ASSERT_EQ(trainer.Phases().size(), 2U);
  RunPhase(trainer, 0);
  RunPhase(trainer, 1);
  EXPECT_NE(trainer.SaveState().Get("normaliser").As<double>()[2], 0.0);
}

TEST(Ract, ACriticThatIsFrozenInFinetuningStays) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.finetune_critic = false;
  RactTrainer trainer(config, {rows.view(), kItems}, {});
  RunPhase(trainer, 0);
  RunPhase(trainer, 1);
  const auto critic = CriticOf(trainer);
  const auto actor = ActorOf(trainer);
  RunPhase(trainer, 2);
  EXPECT_EQ(critic, CriticOf(trainer));
  EXPECT_NE(actor, ActorOf(trainer));
}

TEST(Ract, NoWeightIsNegativeWhenNoneMayBe) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.critic_epochs = 0;  // an unlearnt critic wants some likelihoods lower
  const auto share = [&] {
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    RunPhase(trainer, 0);
    return RunPhase(trainer, 1)["weight_negative"];
  };
  EXPECT_GT(share(), 0.0);
  config.positive_weights = true;
  EXPECT_EQ(share(), 0.0);
}

TEST(Ract, WeightsAreHandedOver) {
  const data::Csr rows = Rows();
  for (const bool best : {true, false}) {
    RactConfig config = Small();
    config.hand_over = best ? "best" : "last";
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    trainer.BeginPhase(0);
    trainer.Epoch({.phase = 0, .epoch = 0});
    trainer.KeepBest();
    const auto kept = ActorOf(trainer);
    trainer.Epoch({.phase = 0, .epoch = 1});
    trainer.EndPhase();
    EXPECT_EQ(ActorOf(trainer) == kept, best);
    trainer.BeginPhase(2);
    trainer.Epoch({.phase = 2, .epoch = 0});
    trainer.EndPhase();
    EXPECT_EQ(ActorOf(trainer), kept) << "a run ends with its best";
  }
}

TEST(Ract, StagesAreData) {
  const data::Csr rows = Rows();
  RactConfig config = Small();
  config.stages = {"actor:4:2", "critic:2", "ac:1", "critic:1", "finetune:3:5"};
  config.patience = 7;
  const RactTrainer trainer(config, {rows.view(), kItems}, {});
  const std::vector<core::Phase> phases = trainer.Phases();
  ASSERT_EQ(phases.size(), 5U);
  EXPECT_EQ(phases[0].patience, 2);
  EXPECT_EQ(phases[1].patience, 0);
  EXPECT_EQ(phases[2].name, "finetune");
  EXPECT_EQ(phases[2].patience, 7);
  EXPECT_EQ(phases[4].epochs, 3);
  EXPECT_EQ(phases[4].patience, 5);
  const auto refusal = [](const std::string& text) {
    return test::ErrorOf([&] { ParseStages({"actor:1", "critic:1", text}, 0); });
  };
  const std::string expected =
      "; expected actor, critic or finetune with its epochs and perhaps its patience, as in actor:200 or "
      "finetune:50:10";
  EXPECT_EQ(refusal("finetune"), "Usage: ract.stages: is no stage: 'finetune'" + expected);
  EXPECT_EQ(refusal("tune:3"), "Usage: ract.stages: there is no such stage: 'tune:3'" + expected);
  EXPECT_EQ(refusal("finetune:0"), "Usage: ract.stages: '0' is no number from 1 to 1000000: 'finetune:0'" + expected);
  EXPECT_EQ(refusal("actor:3"),
            "Usage: ract.stages: comes after another stage, whose work it would undo: 'actor:3'" + expected);
}

TEST(Ract, OptionsThatContradictAreRefused) {
  RactConfig config = Small();
  config.dropout = 0.0;
  EXPECT_EQ(Refusal(config),
            "Usage: ract.dropout: hides no click: '0'; expected more than 0 with ract.finetune=critic, whose targets "
            "are the hidden clicks");
  config.finetune = "nll";
  EXPECT_EQ(Refusal(config), "");
  config = Small();
  config.critic_features = {"seen", "hidden"};
  EXPECT_EQ(Refusal(config),
            "Usage: ract.critic_features: nothing in them depends on the actor; expected 'error' among them");
  config = Small();
  config.actor = "recvae";
  config.finetune_kl_weight = 0.1;
  EXPECT_EQ(Refusal(config),
            "Usage: ract.finetune_kl_weight: recvae's KL is no part of fine-tuning: '0.1'; expected 0");
  for (const std::string text : {"0.5..0.1", "1", "half"}) {
    config = Small();
    config.finetune_dropout = text;
    EXPECT_EQ(Refusal(config),
              "Usage: ract.finetune_dropout: hides no such share: '" + text +
                  "'; expected auto, a number from 0 to below 1, or two of them, the smaller first, as "
                  "in 0.1..0.5");
  }
}

// Every actor goes through all stages, scores the same once it is loaded, and goes on from a checkpoint as if it had
// never stopped.
TEST(Ract, EveryActorIsTrainedLoadedAndResumed) {
  const data::Csr rows = Rows();
  for (const std::string& name : RactActorNames()) {
    SCOPED_TRACE(name);
    RactConfig config = Small();
    config.actor = name;
    config.finetune_dropout = "0.2..0.5";
    RactTrainer trainer(config, {rows.view(), kItems}, {});
    RunPhase(trainer, 0);
    RunPhase(trainer, 1);
    const auto actor = ActorOf(trainer);
    trainer.BeginPhase(2);
    trainer.Epoch({.phase = 2, .epoch = 0});
    EXPECT_NE(actor, ActorOf(trainer));
    test::TempDir dir;
    base::WriteTensorFile(base::RealFileSystem(), dir / "state", trainer.SaveState());
    trainer.Epoch({.phase = 2, .epoch = 1});
    RactTrainer resumed(config, {rows.view(), kItems}, {});
    resumed.LoadState(base::ReadTensorFile(dir / "state"), 2);
    resumed.Epoch({.phase = 2, .epoch = 1});
    EXPECT_EQ(ActorOf(trainer), ActorOf(resumed));
    EXPECT_EQ(CriticOf(trainer), CriticOf(resumed));

    const auto loaded = LoadRactActor(config, trainer.Export(), kItems, "cpu");
    std::vector<float> own(2 * kItems), other(2 * kItems);
    data::Csr histories;
    histories.AddRow(rows.view().row(0));
    histories.AddRow(rows.view().row(7));
    trainer.Current().ScoreBatch({.history = histories.view()}, {own.data(), 2, kItems});
    loaded->ScoreBatch({.history = histories.view()}, {other.data(), 2, kItems});
    EXPECT_EQ(own, other);
    EXPECT_NE(std::vector<float>(own.begin(), own.begin() + kItems),
              std::vector<float>(own.begin() + kItems, own.end()));
  }
}

// RaCT spec 1.5: the gradient of -mean C by the actor, through the whole critic, is that of mean w_u nll_u.
TEST(Ract, StageThreeIsReweightedLikelihood) {
  const data::Csr rows = Rows();
  AutoencoderParams params = AutoencoderParams::Init({.items = kItems, .hidden = 12, .latent = 6}, 9, torch::kCPU);
  const Critic critic(3, true, false, 2, torch::kCPU);
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
  std::vector<torch::Tensor> columns;
  for (std::size_t f = 0; f < 3; ++f) {
    std::vector<float> counts;
    for (std::int64_t r = 0; r < 30; ++r) {
      counts.push_back(static_cast<float>((f == 0 ? batch.seen : batch.unseen).row(r).size()));
    }
    columns.push_back(((f == 2 ? nll : torch::tensor(counts)) - normaliser.mean[f]) / normaliser.deviation[f]);
  }
  const torch::Tensor features = torch::stack(columns, 1);
  const auto expected = torch::autograd::grad({-critic.Forward(features).mean()}, list);

  // Ours.
  AutoencoderPass pass;
  pass.Forward(params, batch, noise);
  const nn::SoftmaxRows softmax = nn::SoftmaxNll(pass.logits, params.output_bias, batch.full.view());
  Critic same = critic;
  const std::vector<double> raw =
      FeaturesOf(batch, softmax.nll,
                 std::vector<CriticFeature>{CriticFeature::kSeen, CriticFeature::kHidden, CriticFeature::kError});
  const CriticStep step = StepCritic(same, nullptr, {raw, std::vector<double>(30, 0.0), false, 2}, normaliser, 0.0);
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
              (dir / "state").string() + ": checkpoint is of stage 0 'actor'; expected 1 'critic'");
  }
}

}  // namespace
}  // namespace recforce::algos
