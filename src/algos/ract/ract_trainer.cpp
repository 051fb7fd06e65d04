// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/ract_trainer.h"

#include <algorithm>
#include <array>

#include "algos/common/row_batches.h"
#include "algos/ract/actors.h"
#include "algos/ract/losses.h"
#include "algos/ract/stages.h"
#include "nn/device.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

// The masks under which the features are measured; no training epoch uses them.
constexpr std::int64_t kMeasurePhase = 1 << 20;

std::vector<std::string> StagesOf(const RactConfig& config) {
  if (!config.stages.empty()) {
    return config.stages;
  }
  const std::array<std::pair<const char*, std::int64_t>, 3> stages = {{{kActorStage, config.actor_epochs},
                                                                       {kCriticStage, config.critic_epochs},
                                                                       {kFinetuneStage, config.finetune_epochs}}};
  std::vector<std::string> texts;
  for (const auto& [name, epochs] : stages) {
    if (epochs > 0) {
      texts.push_back(name + (":" + std::to_string(epochs)));
    }
  }
  return texts;
}

std::vector<core::Phase> PhasesOf(const RactConfig& config, bool has_critic) {
  std::vector<core::Phase> phases = ParseStages(StagesOf(config), config.patience);
  std::erase_if(phases, [has_critic](const core::Phase& phase) { return !has_critic && phase.name == kCriticStage; });
  return phases;
}

// "auto", "0.2" or "0.1..0.5", shares of clicks that are hidden.
KeepRange KeepOf(const RactConfig& config) {
  const std::string& text = config.finetune_dropout;
  if (text == "auto") {
    return {1.0 - config.dropout, 1.0 - config.dropout};
  }
  const std::size_t dots = text.find("..");
  const auto first = base::ParseReal(text.substr(0, dots));
  const auto last = dots == std::string::npos ? first : base::ParseReal(text.substr(dots + 2));
  if (!first || !last || *first < 0.0 || *last < *first || *last >= 1.0) {
    throw base::Error(base::ErrorKind::kUsage, "ract.finetune_dropout: hides no such share: '" + text +
                                                   "'; expected auto, a number from 0 to below 1, or two of them, the "
                                                   "smaller first, as in 0.1..0.5");
  }
  return {1.0 - *last, 1.0 - *first};
}

}  // namespace

const std::vector<std::string>& FinetuneNames() {
  static const std::vector<std::string> names = {"critic", "nll", "nll_per_click", "unseen", "warp", "lambdarank"};
  return names;
}

std::unique_ptr<FinetuneLoss> MakeFinetuneLoss(const RactConfig& config, std::uint64_t seed, torch::Device device) {
  if (config.finetune == "nll" || config.finetune == "nll_per_click") {
    return MakeOwnErrorLoss(config.finetune == "nll_per_click");
  }
  if (config.finetune == "unseen") {
    return MakeUnseenLikelihoodLoss();
  }
  if (config.finetune == "warp" || config.finetune == "lambdarank") {
    return MakePairwiseLoss(config.finetune == "warp", config.pairs_k);
  }
  return MakeUserCriticLoss({.features = ParseCriticFeatures(config.critic_features),
                             .scaling = ParseCriticScaling(config.critic_scaling),
                             .target = ParseTarget(config.target, config.target_k),
                             .learning_rate = config.critic_learning_rate,
                             .l2 = config.critic_l2,
                             .learns_in_finetune = config.finetune_critic,
                             .positive_weights = config.positive_weights,
                             .target_per_root = config.target_per_root,
                             .xavier_normal = config.init == "xavier_normal"},
                            seed, device);
}

RactTrainer::RactTrainer(const RactConfig& config, const core::TrainView& view, const core::TrainerContext& context)
    : config_(config),
      keep_(KeepOf(config)),
      actor_(MakeRactActor(config, view, context)),
      loss_(MakeFinetuneLoss(config, context.seed, actor_->device())),
      phases_(PhasesOf(config, loss_->has_critic())) {
  const bool needs_hidden = config.finetune != "nll" && config.finetune != "nll_per_click";
  if (needs_hidden && keep_.most >= 1.0 && keep_.least >= 1.0) {
    throw base::Error(base::ErrorKind::kUsage,
                      "ract.dropout: hides no click: '0'; expected more than 0 with ract.finetune=" + config.finetune +
                          ", whose targets are the hidden clicks");
  }
  if (config.actor == "recvae" && config.finetune_kl_weight != 0.0) {
    throw base::Error(base::ErrorKind::kUsage, "ract.finetune_kl_weight: recvae's KL is no part of fine-tuning: '" +
                                                   base::FormatReal(config.finetune_kl_weight) + "'; expected 0");
  }
}

const std::string& RactTrainer::StageOf(std::int64_t phase) const {
  RECFORCE_CHECK(phase >= 0 && phase < static_cast<std::int64_t>(phases_.size()), "no such phase");
  return phases_[static_cast<std::size_t>(phase)].name;
}

void RactTrainer::BeginPhase(std::int64_t phase) {
  phase_ = phase;
  if (StageOf(phase) == kFinetuneStage) {
    nn::Guarded([&] { actor_->ResetOptimizer(config_.finetune_learning_rate); });
  }
}

void RactTrainer::KeepBest() {
  nn::Guarded([&] { actor_->KeepBest(); });
}

void RactTrainer::EndPhase() {
  const bool last = phase_ + 1 == static_cast<std::int64_t>(phases_.size());
  if (config_.hand_over == "best" || last) {
    nn::Guarded([&] { actor_->RestoreBest(); });
  }
}

bool RactTrainer::MeetsCritic(std::int64_t phase) const {
  const auto is_actor = [](const core::Phase& each) { return each.name == kActorStage; };
  return loss_->has_critic() && !is_actor(phases_[static_cast<std::size_t>(phase)]) &&
         std::all_of(phases_.begin(), phases_.begin() + phase, is_actor);
}

void RactTrainer::MeasureFeatures(const core::EpochContext& context) {
  core::EpochContext silent = context;
  silent.progress = nullptr;
  actor_->ForEachBatch(EpochId(kMeasurePhase, 0), keep_, &silent,
                       [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
                         actor_->Forward(batch, noise);
                         loss_->Measure(*actor_, batch);
                       });
  loss_->EndMeasure();
}

core::Metrics RactTrainer::Epoch(const core::EpochContext& context) {
  return nn::Guarded([&] {
    const std::string& stage = StageOf(context.phase);
    if (stage == kActorStage) {
      return actor_->Epoch(context);
    }
    if (context.epoch == 0 && MeetsCritic(context.phase)) {
      MeasureFeatures(context);
    }
    actor_->ForEachBatch(EpochId(context.phase, context.epoch), keep_, &context,
                         [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
                           actor_->Forward(batch, noise);
                           if (stage == kCriticStage) {
                             loss_->LearnCritic(*actor_, batch);
                             return;
                           }
                           loss_->Gradient(*actor_, batch);
                           actor_->Step(batch, config_.finetune_kl_weight / static_cast<double>(batch.rows()));
                         });
    return loss_->TakeReport();
  });
}

base::TensorSet RactTrainer::Export() const {
  base::TensorSet set;
  actor_->Export(set);
  loss_->Export(set);
  return set;
}

base::TensorSet RactTrainer::SaveState() const {
  base::TensorSet set;
  actor_->Save(set);
  loss_->Save(set);
  set.SetMeta("stage", phase_ < 0 ? "none" : StageOf(phase_));
  set.SetMeta("phase", std::to_string(phase_));
  return set;
}

void RactTrainer::LoadState(const base::TensorSet& state, std::int64_t phase) {
  const std::string& stage = state.Meta("stage");
  if (stage != StageOf(phase) || state.Meta("phase") != std::to_string(phase)) {
    throw base::Error(base::ErrorKind::kData, state.where() + ": checkpoint is of stage " + state.Meta("phase") + " '" +
                                                  stage + "'; expected " + std::to_string(phase) + " '" +
                                                  StageOf(phase) + "'");
  }
  if (stage == kFinetuneStage) {
    actor_->ResetOptimizer(config_.finetune_learning_rate);
  }
  actor_->Load(state);
  loss_->Load(state);
  phase_ = phase;
}

}  // namespace recforce::algos
