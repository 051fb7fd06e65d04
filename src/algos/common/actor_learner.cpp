// SPDX-License-Identifier: Apache-2.0
#include "algos/common/actor_learner.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "algos/common/finite.h"
#include "nn/device.h"
#include "recforce/base/text.h"

namespace recforce::algos {

double KlWeight(std::int64_t step, std::int64_t anneal_steps, double cap) {
  if (anneal_steps <= 0) {
    return cap;
  }
  return std::min(static_cast<double>(step) / static_cast<double>(anneal_steps), cap);
}

ActorLearner::ActorLearner(const core::TrainView& view, const ActorOptions& options,
                           const core::TrainerContext& context)
    : view_(view),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      params_(AutoencoderParams::Init(options.shape, context.seed, device_, options.xavier_normal)),
      recommender_(params_),
      error_(options.error, options.positive_weight),
      adam_(params_.Tensors(), {.learning_rate = options.learning_rate, .l2 = options.l2}) {}

void ActorLearner::ForEachBatch(std::uint64_t epoch_id, const KeepRange& keep, const core::EpochContext* context,
                                const BatchStep& step) {
  const RowBatchOptions batches = {.batch_size = options_.batch_size,
                                   .latent = options_.shape.variational ? options_.shape.latent : 0,
                                   .noise_std = options_.noise_std,
                                   .seed = seed_,
                                   .device = device_};
  ForEachRowBatch(view_, batches, epoch_id, keep, context, step);
}

void ActorLearner::ForEachBatch(std::uint64_t epoch_id, const core::EpochContext* context, const BatchStep& step) {
  ForEachBatch(epoch_id, KeepRange{.least = options_.keep, .most = options_.keep}, context, step);
}

core::Metrics ActorLearner::Epoch(const core::EpochContext& context) {
  const bool variational = options_.shape.variational;
  double error_sum = 0.0;
  double kl_sum = 0.0;
  double kl_weight = 0.0;
  ForEachBatch(EpochId(0, context.epoch), &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const auto rows = static_cast<double>(batch.rows());
    Forward(batch, noise);
    const std::vector<double> weight(static_cast<std::size_t>(batch.rows()), 1.0 / rows);
    const std::vector<double> errors =
        error_.ErrorsAndGradient(pass_.logits, params_.output_bias, batch.full.view(), weight);
    const double error = std::accumulate(errors.begin(), errors.end(), 0.0);
    CheckFinite(error, "loss");
    error_sum += error;
    kl_weight = variational ? KlWeight(step_, options_.kl_anneal_steps, options_.kl_cap) : 0.0;
    for (const double value : pass_.Kl()) {
      kl_sum += value;
    }
    Step(batch, kl_weight / rows);
    ++step_;
  });
  const auto users = static_cast<double>(view_.interactions.rows());
  core::Metrics metrics = {{options_.error == RowErrorKind::kMultinomial ? "nll" : "square_error", error_sum / users}};
  if (variational) {
    metrics.emplace_back("kl", kl_sum / users);
    metrics.emplace_back("kl_weight", kl_weight);
  }
  return metrics;
}

void ActorLearner::Forward(const nn::RowBatch& batch, const torch::Tensor& noise) {
  pass_.Forward(params_, batch, noise);
}

std::vector<double> ActorLearner::Errors(const nn::RowBatch& batch) {
  return error_.Errors(pass_.logits, params_.output_bias, batch.full.view());
}

void ActorLearner::ErrorGradient(const nn::RowBatch& batch, std::span<const double> weight) {
  error_.Gradient(pass_.logits, batch.full.view(), weight);
}

void ActorLearner::ResetOptimizer(double learning_rate) {
  adam_ = nn::Adam(params_.Tensors(), {.learning_rate = learning_rate});
}

void ActorLearner::Step(const nn::RowBatch& batch, double kl_weight) {
  const AutoencoderGradients gradients = pass_.Backward(params_, batch, kl_weight);
  auto named = params_.Named();
  adam_.BeginStep();
  adam_.UpdateRows(0, *named[0].second, batch.seen_by_item.items, gradients[0]);
  for (std::size_t index = 1; index < named.size(); ++index) {
    adam_.Update(index, *named[index].second, gradients[index]);
  }
}

void ActorLearner::KeepBest() {
  if (best_) {
    best_->CopyFrom(params_);
  } else {
    best_ = params_.Clone();
  }
}

void ActorLearner::RestoreBest() {
  if (best_) {
    params_.CopyFrom(*best_);
  }
}

void ActorLearner::Save(base::TensorSet& set) const {
  params_.Save(set, "actor.");
  if (best_) {
    best_->Save(set, "best.");
  }
  adam_.Save(set, "actor_adam");
  set.SetMeta("actor_steps", std::to_string(step_));
}

void ActorLearner::Load(const base::TensorSet& set) {
  params_.CopyFrom(AutoencoderParams::Load(options_.shape, set, "actor.", device_));
  best_.reset();
  if (set.Has("best.output.bias")) {
    best_ = AutoencoderParams::Load(options_.shape, set, "best.", device_);
  }
  adam_.Load(set, "actor_adam");
  const auto steps = base::ParseInt(set.Meta("actor_steps"));
  if (!steps) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": 'actor_steps' is not a step count");
  }
  step_ = *steps;
}

}  // namespace recforce::algos
