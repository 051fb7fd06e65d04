// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/trainer.h"

#include <numeric>
#include <utility>

#include "algos/common/finite.h"
#include "algos/gan_user_model/calibrate.h"
#include "nn/device.h"
#include "recforce/base/log.h"

namespace recforce::algos {
namespace {

core::ChoiceRule Scaled(core::ChoiceRule rule, float scale) {
  if (rule.no_click) {
    *rule.no_click *= scale;
  }
  return rule;
}

}  // namespace

GanTrainer::GanTrainer(const core::TrainView& view, GanTrainerOptions options, const core::TrainerContext& context)
    : options_(std::move(options)),
      index_(*view.displays, view.num_items, options_.learner.no_click != NoClick::kAbsent),
      validation_(view.validation_displays) {
  if (options_.offset_unknown) {
    base::LogWarn(
        "gan_user_model: choosing nothing has a reward, but no display was left without a click: nothing holds the "
        "mean reward, which grows as long as training goes on, and simulated users will click almost always. Expected "
        "gan_user_model.no_click auto or absent");
  }
  for (std::int64_t member = 0; member < options_.model.members; ++member) {
    LearnerOptions learner = options_.learner;
    learner.member = member;
    learner.bootstrap = options_.model.members > 1;
    learner.init.seed = context.seed;
    learner.init.number = static_cast<std::uint64_t>(member);
    learners_.push_back(std::make_unique<UserLearner>(index_, learner, context));
  }
}

std::vector<core::Phase> GanTrainer::Phases() const {
  std::vector<core::Phase> phases = {{.name = "train", .epochs = options_.epochs, .patience = options_.patience}};
  if (options_.game_epochs > 0) {
    phases.push_back({.name = "game", .epochs = options_.game_epochs, .patience = options_.patience});
  }
  return phases;
}

void GanTrainer::Changed() {
  scale_ = 1.0F;
  model_.reset();
  recommender_.reset();
}

void GanTrainer::BeginPhase(std::int64_t phase) {
  nn::Guarded([&] {
    Changed();
    if (phase == 1) {
      for (auto& learner : learners_) {
        learner->BeginGame();
      }
    }
  });
}

core::Metrics GanTrainer::Epoch(const core::EpochContext& context) {
  return nn::Guarded([&] {
    Changed();
    EpochSums sums;
    std::int64_t done = 0;
    std::int64_t total = 0;
    for (const auto& learner : learners_) {
      total += learner->BatchesOf(context.epoch);
    }
    for (auto& learner : learners_) {
      core::EpochContext part = context;
      if (context.progress) {
        part.progress = [&](std::int64_t, std::int64_t) { context.progress(++done, total); };
      }
      sums.Add(context.phase == 0 ? learner->Epoch(part) : learner->GameEpoch(part));
    }
    const auto mean = [](double sum, std::int64_t count) {
      return count == 0 ? 0.0 : sum / static_cast<double>(count);
    };
    core::Metrics metrics = {{"loss", mean(sums.loss, sums.choices)}, {"reward", mean(sums.reward, sums.shown)}};
    if (context.phase == 1) {
      metrics.emplace_back("value", mean(sums.value, sums.choices));
    }
    return metrics;
  });
}

const std::shared_ptr<const UserModel>& GanTrainer::Model() const {
  if (!model_) {
    model_ = std::make_shared<const UserModel>(options_.model, Export());
  }
  return model_;
}

const core::Recommender& GanTrainer::Current() const {
  if (!recommender_) {
    recommender_ = std::make_unique<UserRecommender>(Model());
  }
  return *recommender_;
}

std::optional<double> GanTrainer::Validate(const base::StopFlag* stop) {
  if (validation_ == nullptr || validation_->size() == 0) {
    return std::nullopt;
  }
  if (stop != nullptr) {
    stop->ThrowIfSet();
  }
  return nn::Guarded([&] {
    // As the model would be if training ended here.
    const std::vector<float> rewards = ValidationRewards();
    const float scale = FittedScale(rewards);
    const double value = MeanLogLikelihood(Scaled(Model()->choice(), scale), Utilities(rewards, scale), *validation_);
    CheckFinite(value, "log_likelihood");
    return value;
  });
}

void GanTrainer::KeepBest() {
  nn::Guarded([&] {
    for (auto& learner : learners_) {
      learner->KeepBest();
    }
  });
}

void GanTrainer::EndPhase() {
  nn::Guarded([&] {
    for (auto& learner : learners_) {
      learner->RestoreBest();
    }
    Changed();
    if (options_.temperature && validation_ != nullptr) {
      const float scale = FittedScale(ValidationRewards());
      Changed();
      scale_ = scale;
    }
  });
}

std::vector<float> GanTrainer::ValidationRewards() const {
  std::vector<float> rewards = DisplayRewards(*Model(), *validation_);
  CheckFinite(std::accumulate(rewards.begin(), rewards.end(), 0.0), "reward");
  return rewards;
}

std::vector<float> GanTrainer::Utilities(std::span<const float> rewards, float scale) const {
  const float factor = scale * static_cast<float>(Model()->utility_of_reward());
  std::vector<float> utilities;
  utilities.reserve(rewards.size());
  for (const float reward : rewards) {
    utilities.push_back(reward * factor);
  }
  return utilities;
}

float GanTrainer::FittedScale(std::span<const float> rewards) const {
  if (!options_.temperature) {
    return 1.0F;
  }
  return static_cast<float>(FitScale(Model()->choice(), Utilities(rewards, 1.0F), *validation_));
}

base::TensorSet GanTrainer::Export() const {
  return nn::Guarded([&] {
    base::TensorSet set;
    for (std::size_t member = 0; member < learners_.size(); ++member) {
      learners_[member]->Export(set, MemberPrefix(static_cast<std::int64_t>(member)));
    }
    set.AddOwned("scale", std::vector<float>{scale_}, {1});
    if (!options_.features.empty()) {
      const UserShape& shape = options_.model.shape;
      set.AddOwned("item.features", options_.features, {shape.items, shape.features});
    }
    return set;
  });
}

base::TensorSet GanTrainer::SaveState() const {
  return nn::Guarded([&] {
    base::TensorSet set;
    for (std::size_t member = 0; member < learners_.size(); ++member) {
      learners_[member]->Save(set, MemberPrefix(static_cast<std::int64_t>(member)));
    }
    return set;
  });
}

void GanTrainer::LoadState(const base::TensorSet& state, std::int64_t /*phase*/) {
  nn::Guarded([&] {
    for (std::size_t member = 0; member < learners_.size(); ++member) {
      learners_[member]->Load(state, MemberPrefix(static_cast<std::int64_t>(member)));
    }
    Changed();
  });
}

}  // namespace recforce::algos
