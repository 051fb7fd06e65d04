// SPDX-License-Identifier: Apache-2.0
#include "algos/common/actor_learner.h"

#include <algorithm>
#include <vector>

#include "algos/common/finite.h"
#include "nn/device.h"
#include "nn/kernels.h"
#include "recforce/base/text.h"

namespace recforce::algos {

double KlWeight(std::int64_t step, std::int64_t anneal_steps, double cap) {
  if (anneal_steps <= 0) {
    return cap;
  }
  return std::min(static_cast<double>(step) / static_cast<double>(anneal_steps), cap);
}

std::uint64_t EpochId(std::int64_t phase, std::int64_t epoch) {
  return (static_cast<std::uint64_t>(phase) << 32U) | static_cast<std::uint64_t>(epoch);
}

ActorLearner::ActorLearner(const core::TrainView& view, const ActorOptions& options,
                           const core::TrainerContext& context)
    : view_(view),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      params_(AutoencoderParams::Init(options.shape, context.seed, device_)),
      recommender_(params_),
      adam_(params_.Tensors(), {.learning_rate = options.learning_rate, .l2 = options.l2}) {}

void ActorLearner::ForEachBatch(std::uint64_t epoch_id, const core::EpochContext* context,
                                const std::function<void(const nn::RowBatch&, const torch::Tensor&)>& step) {
  const torch::NoGradGuard no_grad;
  const std::vector<std::int32_t> order = nn::EpochOrder(view_.interactions.rows(), seed_, epoch_id);
  const auto rows = static_cast<std::int64_t>(order.size());
  const std::int64_t batches = (rows + options_.batch_size - 1) / options_.batch_size;
  for (std::int64_t number = 0; number < batches; ++number) {
    if (context != nullptr && context->stop != nullptr) {
      context->stop->ThrowIfSet();
    }
    const std::int64_t begin = number * options_.batch_size;
    const std::int64_t size = std::min(options_.batch_size, rows - begin);
    const nn::RowBatch batch =
        nn::MakeRowBatch(view_.interactions, std::span(order).subspan(begin, size),
                         {.keep = options_.keep, .seed = seed_, .epoch = epoch_id}, view_.num_items);
    torch::Tensor noise;
    if (options_.shape.variational && options_.noise_std > 0.0) {
      noise = torch::empty({size, options_.shape.latent}, torch::kFloat32);
      nn::FillLatentNoise(batch.ids, seed_, epoch_id, options_.shape.latent,
                          {noise.data_ptr<float>(), static_cast<std::size_t>(noise.numel())});
      noise = noise.mul_(options_.noise_std).to(device_);
    }
    step(batch, noise);
    if (context != nullptr && context->progress) {
      context->progress(number + 1, batches);
    }
  }
}

core::Metrics ActorLearner::Epoch(const core::EpochContext& context) {
  double nll_sum = 0.0;
  double kl_sum = 0.0;
  double kl_weight = 0.0;
  ForEachBatch(EpochId(0, context.epoch), &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const auto rows = static_cast<double>(batch.rows());
    pass_.Forward(params_, batch, noise);
    const std::vector<double> weight(static_cast<std::size_t>(batch.rows()), 1.0 / rows);
    const nn::SoftmaxRows softmax =
        nn::SoftmaxNllGradient(pass_.logits, params_.output_bias, batch.full.view(), weight);
    kl_weight = options_.shape.variational ? KlWeight(step_, options_.kl_anneal_steps, options_.kl_cap) : 0.0;
    double nll = 0.0;
    for (const double value : softmax.nll) {
      nll += value;
    }
    CheckFinite(nll, "loss");
    nll_sum += nll;
    for (const double value : pass_.Kl()) {
      kl_sum += value;
    }
    Step(batch, kl_weight / rows);
    ++step_;
  });
  const auto users = static_cast<double>(view_.interactions.rows());
  core::Metrics metrics = {{"nll", nll_sum / users}};
  if (options_.shape.variational) {
    metrics.emplace_back("kl", kl_sum / users);
    metrics.emplace_back("kl_weight", kl_weight);
  }
  return metrics;
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
