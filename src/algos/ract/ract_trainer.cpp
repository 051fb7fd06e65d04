// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/ract_trainer.h"

#include <cmath>

#include "algos/common/finite.h"
#include "algos/ract/target.h"
#include "nn/device.h"
#include "nn/kernels.h"
#include "nn/tensor_io.h"

namespace recforce::algos {
namespace {

// The masks under which the features are measured; no training epoch uses them.
constexpr std::int64_t kMeasurePhase = 1 << 20;

ActorOptions OptionsOf(const RactConfig& config, std::int64_t num_items) {
  return {.shape = ActorShape(config, num_items),
          .keep = 1.0 - config.dropout,
          .noise_std = config.noise_std,
          .learning_rate = config.learning_rate,
          .kl_cap = config.kl_cap,
          .kl_anneal_steps = config.kl_anneal_steps,
          .batch_size = config.batch_size};
}

std::vector<core::Phase> PhasesOf(const RactConfig& config) {
  std::vector<core::Phase> phases = {{.name = "actor", .epochs = config.actor_epochs, .patience = config.patience}};
  if (config.finetune == "critic" && config.critic_epochs > 0) {
    phases.push_back({.name = "critic", .epochs = config.critic_epochs});
  }
  if (config.finetune_epochs > 0) {
    phases.push_back({.name = "finetune", .epochs = config.finetune_epochs, .patience = config.patience});
  }
  return phases;
}

// Mean error, correlation and the like of the critic over an epoch.
class CriticReport {
 public:
  void Add(const CriticStep& step, const std::vector<double>& omega) {
    for (std::size_t row = 0; row < omega.size(); ++row) {
      CheckFinite(step.value[row], "critic");
      const double c = step.value[row];
      const double w = omega[row];
      count_ += 1.0;
      error_ += (c - w) * (c - w);
      c_ += c;
      w_ += w;
      cc_ += c * c;
      ww_ += w * w;
      cw_ += c * w;
    }
  }
  // critic_mse, target_mean, target_variance, critic_r (Pearson correlation; 0 when either is constant).
  [[nodiscard]] core::Metrics Result() const {
    const double variance_c = cc_ / count_ - c_ / count_ * c_ / count_;
    const double variance_w = ww_ / count_ - w_ / count_ * w_ / count_;
    const double covariance = cw_ / count_ - c_ / count_ * w_ / count_;
    const double scale = std::sqrt(std::max(0.0, variance_c) * std::max(0.0, variance_w));
    return {{"critic_mse", error_ / count_},
            {"target_mean", w_ / count_},
            {"target_variance", variance_w},
            {"critic_r", scale > 0.0 ? covariance / scale : 0.0}};
  }

 private:
  double count_ = 0.0, error_ = 0.0, c_ = 0.0, w_ = 0.0, cc_ = 0.0, ww_ = 0.0, cw_ = 0.0;
};

}  // namespace

AutoencoderShape ActorShape(const RactConfig& config, std::int64_t num_items) {
  return {.items = num_items, .hidden = config.hidden, .latent = config.latent, .variational = true};
}

RactTrainer::RactTrainer(const RactConfig& config, const core::TrainView& view, const core::TrainerContext& context)
    : config_(config),
      phases_(PhasesOf(config)),
      actor_(view, OptionsOf(config, view.num_items), context),
      critic_(context.seed, actor_.device()),
      critic_adam_(critic_.parameters(), {.learning_rate = config.critic_learning_rate}) {
  if (config.finetune == "critic" && config.dropout == 0.0) {
    throw base::Error(
        base::ErrorKind::kUsage,
        "ract.dropout: hides no click: '0'; expected more than 0 with ract.finetune=critic, whose targets "
        "are the hidden clicks");
  }
}

const std::string& RactTrainer::StageOf(std::int64_t phase) const {
  RECFORCE_CHECK(phase >= 0 && phase < static_cast<std::int64_t>(phases_.size()), "no such phase");
  return phases_[static_cast<std::size_t>(phase)].name;
}

void RactTrainer::BeginPhase(std::int64_t phase) {
  phase_ = phase;
  const std::string& stage = StageOf(phase);
  if (stage == "finetune") {
    nn::Guarded([&] { actor_.ResetOptimizer(config_.finetune_learning_rate); });
  }
}

void RactTrainer::KeepBest() {
  nn::Guarded([&] { actor_.KeepBest(); });
}

void RactTrainer::EndPhase() {
  nn::Guarded([&] { actor_.RestoreBest(); });
}

bool RactTrainer::MeetsCritic(const std::string& stage) const {
  return config_.finetune == "critic" && stage == (config_.critic_epochs > 0 ? "critic" : "finetune");
}

void RactTrainer::MeasureFeatures(const core::EpochContext& context) {
  core::EpochContext silent = context;
  silent.progress = nullptr;
  CriticStatistics statistics;
  actor_.ForEachBatch(EpochId(kMeasurePhase, 0), &silent, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    AutoencoderPass& pass = actor_.pass();
    pass.Forward(actor_.params(), batch, noise);
    const auto rows = nn::SoftmaxNll(pass.logits, actor_.params().output_bias, batch.full.view());
    statistics.Add(batch, rows.nll);
  });
  normaliser_ = statistics.Normaliser();
}

core::Metrics RactTrainer::Epoch(const core::EpochContext& context) {
  return nn::Guarded([&] {
    const std::string& stage = StageOf(context.phase);
    if (stage == "actor") {
      return actor_.Epoch(context);
    }
    if (context.epoch == 0 && config_.critic_features == "frozen" && MeetsCritic(stage)) {
      MeasureFeatures(context);
    }
    if (stage == "critic") {
      return CriticEpoch(context);
    }
    return config_.finetune == "critic" ? FinetuneEpoch(context) : ControlEpoch(context);
  });
}

core::Metrics RactTrainer::CriticEpoch(const core::EpochContext& context) {
  CriticReport report;
  actor_.ForEachBatch(
      EpochId(context.phase, context.epoch), &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
        AutoencoderPass& pass = actor_.pass();
        const torch::Tensor& bias = actor_.params().output_bias;
        pass.Forward(actor_.params(), batch, noise);
        const std::vector<double> omega = NdcgTargets(pass.logits, bias, batch, config_.target_k);
        const nn::SoftmaxRows rows = nn::SoftmaxNll(pass.logits, bias, batch.full.view());
        report.Add(StepCritic(critic_, &critic_adam_, batch, rows.nll, omega, normaliser_, config_.critic_l2, false),
                   omega);
      });
  return report.Result();
}

core::Metrics RactTrainer::FinetuneEpoch(const core::EpochContext& context) {
  CriticReport report;
  double nll_sum = 0.0;
  double weight_sum = 0.0;
  double negative = 0.0;
  actor_.ForEachBatch(
      EpochId(context.phase, context.epoch), &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
        AutoencoderPass& pass = actor_.pass();
        const torch::Tensor& bias = actor_.params().output_bias;
        pass.Forward(actor_.params(), batch, noise);
        const std::vector<double> omega = NdcgTargets(pass.logits, bias, batch, config_.target_k);
        const nn::SoftmaxRows rows = nn::SoftmaxNll(pass.logits, bias, batch.full.view());
        const CriticStep step =
            StepCritic(critic_, &critic_adam_, batch, rows.nll, omega, normaliser_, config_.critic_l2, true);
        report.Add(step, omega);
        const auto users = static_cast<double>(batch.rows());
        std::vector<double> weight;  // w_u / B
        for (std::size_t row = 0; row < rows.nll.size(); ++row) {
          const double w = -step.slope[row];
          nll_sum += rows.nll[row];
          weight_sum += w;
          negative += w < 0.0 ? 1.0 : 0.0;
          weight.push_back(w / users);
        }
        CheckFinite(nll_sum + weight_sum, "fine-tuning loss");
        nn::SoftmaxGradient(pass.logits, rows, batch.full.view(), weight);
        actor_.Step(batch, config_.finetune_kl_weight / users);
      });
  const auto users = static_cast<double>(actor_.view().interactions.rows());
  core::Metrics metrics = report.Result();
  metrics.emplace_back("nll", nll_sum / users);
  metrics.emplace_back("weight_mean", weight_sum / users);
  metrics.emplace_back("weight_negative", negative / users);
  return metrics;
}

core::Metrics RactTrainer::ControlEpoch(const core::EpochContext& context) {
  double nll_sum = 0.0;
  actor_.ForEachBatch(EpochId(context.phase, context.epoch), &context,
                      [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
                        AutoencoderPass& pass = actor_.pass();
                        pass.Forward(actor_.params(), batch, noise);
                        const auto users = static_cast<double>(batch.rows());
                        std::vector<double> weight;
                        for (std::int64_t row = 0; row < batch.rows(); ++row) {
                          const auto clicks = static_cast<double>(batch.full.row(row).size());
                          weight.push_back((config_.finetune == "nll" ? 1.0 : 1.0 / std::max(1.0, clicks)) / users);
                        }
                        const nn::SoftmaxRows rows =
                            nn::SoftmaxNllGradient(pass.logits, actor_.params().output_bias, batch.full.view(), weight);
                        for (const double nll : rows.nll) {
                          nll_sum += nll;
                        }
                        CheckFinite(nll_sum, "fine-tuning loss");
                        actor_.Step(batch, config_.finetune_kl_weight / users);
                      });
  return {{"nll", nll_sum / static_cast<double>(actor_.view().interactions.rows())}};
}

base::TensorSet RactTrainer::Export() const {
  base::TensorSet set;
  actor_.params().Save(set, "");
  critic_.Save(set);
  return set;
}

base::TensorSet RactTrainer::SaveState() const {
  base::TensorSet set;
  actor_.Save(set);
  critic_.Save(set);
  critic_adam_.Save(set, "critic_adam");
  set.AddOwned("normaliser",
               std::vector<double>{normaliser_.mean[0], normaliser_.mean[1], normaliser_.mean[2],
                                   normaliser_.deviation[0], normaliser_.deviation[1], normaliser_.deviation[2]});
  set.SetMeta("stage", phase_ < 0 ? "none" : StageOf(phase_));
  return set;
}

void RactTrainer::LoadState(const base::TensorSet& state, std::int64_t phase) {
  const std::string& stage = state.Meta("stage");
  if (stage != StageOf(phase)) {
    throw base::Error(base::ErrorKind::kData,
                      state.where() + ": checkpoint is of stage '" + stage + "'; expected '" + StageOf(phase) + "'");
  }
  const auto numbers = state.Get("normaliser").As<double>();
  if (numbers.size() != 2 * kCriticFeatures) {
    throw base::Error(base::ErrorKind::kData, state.where() + ": tensor 'normaliser' has " +
                                                  std::to_string(numbers.size()) + " entries; expected 6");
  }
  if (stage == "finetune") {
    actor_.ResetOptimizer(config_.finetune_learning_rate);
  }
  actor_.Load(state);
  critic_.Load(state);
  critic_adam_.Load(state, "critic_adam");
  for (std::size_t f = 0; f < kCriticFeatures; ++f) {
    normaliser_.mean[f] = numbers[f];
    normaliser_.deviation[f] = numbers[kCriticFeatures + f];
  }
  phase_ = phase;
}

}  // namespace recforce::algos
