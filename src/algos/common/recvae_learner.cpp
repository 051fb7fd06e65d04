// SPDX-License-Identifier: Apache-2.0
#include "algos/common/recvae_learner.h"

#include <numeric>

#include "algos/common/finite.h"
#include "algos/common/row_batches.h"
#include "algos/common/whole_rows.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/kernels.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

double Sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

}  // namespace

RecvaeModel RecvaeModel::Init(const RecvaeShape& shape, std::uint64_t seed, torch::Device device) {
  RecvaeModel model{InitEncoder(shape, seed, device), {}, InitDecoder(shape, seed, device)};
  model.old = model.encoder.Clone();
  return model;
}

void RecvaePass::Forward(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise) {
  const std::int64_t rows = batch.rows();
  const torch::Tensor& weight = model.decoder.at(0);
  encoder_.Forward(model.encoder, batch.seen.view(), batch.scale);
  noise_ = noise;
  sigma_ = (encoder_.logvar * 0.5).exp_();
  z_ = noise_.defined() ? encoder_.mu + noise_ * sigma_ : encoder_.mu;
  if (!logits_memory_.defined() || logits_memory_.size(0) < rows) {
    logits_memory_ = torch::empty({rows, weight.size(0)}, weight.options());
  }
  logits = logits_memory_.narrow(0, 0, rows);
  nn::MatMul(logits, z_, weight.t());
}

std::vector<torch::Tensor> RecvaePass::DecoderGradients() const {
  return {nn::MatMul(logits.t(), z_), nn::ColumnSums(logits)};
}

RecvaeBothGradients RecvaePass::Backward(const RecvaeModel& model, const nn::RowBatch& batch) {
  const torch::Tensor d_mu = nn::MatMul(logits, model.decoder.at(0));
  const torch::Tensor d_logvar =
      noise_.defined() ? (d_mu * noise_ * sigma_).mul_(0.5) : torch::zeros_like(encoder_.logvar);
  return {encoder_.Backward(model.encoder, batch.seen_by_item, batch.scale, d_mu, d_logvar), DecoderGradients()};
}

double RecvaePass::MeanNllGradient(const RecvaeModel& model, const nn::RowBatch& batch) {
  const std::vector<double> mean(static_cast<std::size_t>(batch.rows()), 1.0 / static_cast<double>(batch.rows()));
  return Sum(nn::SoftmaxNllGradient(logits, model.decoder.at(1), batch.full.view(), mean).nll);
}

RecvaeGradients RecvaePass::ForEncoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise,
                                       double gamma) {
  RecvaeGradients result;
  Forward(model, batch, noise);
  old_.Forward(model.old, batch.full.view(), WholeRowScale(batch.full.view()));
  result.nll = MeanNllGradient(model, batch);
  std::vector<double> weight;
  for (std::int64_t r = 0; r < batch.rows(); ++r) {
    weight.push_back(gamma * static_cast<double>(batch.full.row(r).size()) / static_cast<double>(batch.rows()));
  }
  const CompositeKl divergence = CompositeDivergence(z_, encoder_.logvar, noise, old_.mu, old_.logvar, weight);
  result.kl = Sum(divergence.kl);
  const torch::Tensor d_mu = nn::MatMul(logits, model.decoder.at(0)).add_(divergence.z_gradient);
  const torch::Tensor by_row = torch::tensor(weight, torch::kFloat64).to(d_mu.options()).unsqueeze(1);
  const torch::Tensor d_logvar = (d_mu * noise * sigma_ - by_row).mul_(0.5);
  result.gradients = encoder_.Backward(model.encoder, batch.seen_by_item, batch.scale, d_mu, d_logvar);
  return result;
}

RecvaeGradients RecvaePass::ForDecoder(const RecvaeModel& model, const nn::RowBatch& batch,
                                       const torch::Tensor& noise) {
  RecvaeGradients result;
  Forward(model, batch, noise);
  result.nll = MeanNllGradient(model, batch);
  result.gradients = DecoderGradients();
  return result;
}

void RecvaeRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    EncoderPass pass;
    pass.Forward(encoder_, users.history, WholeRowScale(users.history));
    ScoreRows(pass.mu, decoder_.at(0), decoder_.at(1), out);
  });
}

std::unique_ptr<core::Recommender> LoadRecvae(const RecvaeShape& shape, const base::TensorSet& tensors,
                                              const std::string& device) {
  NamedTensors encoder = InitEncoder(shape, 1, nn::ParseDevice(device));
  NamedTensors decoder = InitDecoder(shape, 1, nn::ParseDevice(device));
  encoder.Load(tensors, "");
  decoder.Load(tensors, "");
  return std::make_unique<RecvaeRecommender>(std::move(encoder), std::move(decoder));
}

RecvaeLearner::RecvaeLearner(const core::TrainView& view, const RecvaeOptions& options,
                             const core::TrainerContext& context)
    : view_(view),
      options_(options),
      seed_(context.seed),
      device_(nn::ParseDevice(context.device)),
      model_(RecvaeModel::Init(options.shape, context.seed, device_)),
      recommender_(model_.encoder, model_.decoder),
      encoder_adam_(model_.encoder.Tensors(), {.learning_rate = options.learning_rate}),
      decoder_adam_(model_.decoder.Tensors(), {.learning_rate = options.learning_rate}) {}

void RecvaeLearner::ForEachBatch(std::uint64_t epoch_id, const KeepRange& keep, const core::EpochContext* context,
                                 const BatchStep& step) {
  const RowBatchOptions batches = {
      .batch_size = options_.batch_size, .latent = options_.shape.latent, .seed = seed_, .device = device_};
  ForEachRowBatch(view_, batches, epoch_id, keep, context, step);
}

void RecvaeLearner::UpdateEncoder(const nn::RowBatch& batch, const std::vector<torch::Tensor>& gradients) {
  encoder_adam_.BeginStep();
  encoder_adam_.UpdateRows(0, model_.encoder.at(0), batch.seen_by_item.items, gradients[0]);
  for (std::size_t index = 1; index < gradients.size(); ++index) {
    encoder_adam_.Update(index, model_.encoder.at(index), gradients[index]);
  }
}

void RecvaeLearner::UpdateDecoder(const std::vector<torch::Tensor>& gradients) {
  decoder_adam_.BeginStep();
  for (std::size_t index = 0; index < gradients.size(); ++index) {
    decoder_adam_.Update(index, model_.decoder.at(index), gradients[index]);
  }
}

RecvaeGradients RecvaeLearner::EncoderPassOver(std::uint64_t pass, const core::EpochContext& context) {
  RecvaeGradients total;
  const KeepRange keep = {.least = options_.keep, .most = options_.keep};
  ForEachBatch(pass, keep, &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const RecvaeGradients step = pass_.ForEncoder(model_, batch, noise, options_.gamma);
    CheckFinite(step.nll + step.kl, "loss");
    total.nll += step.nll;
    total.kl += step.kl;
    UpdateEncoder(batch, step.gradients);
  });
  return total;
}

double RecvaeLearner::DecoderPassOver(std::uint64_t pass, const core::EpochContext& context) {
  double nll = 0.0;
  const KeepRange all = {.least = 1.0, .most = 1.0};
  ForEachBatch(pass, all, &context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const RecvaeGradients step = pass_.ForDecoder(model_, batch, noise);
    CheckFinite(step.nll, "decoder loss");
    nll += step.nll;
    UpdateDecoder(step.gradients);
  });
  return nll;
}

core::Metrics RecvaeLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  const std::int64_t passes = options_.encoder_passes + options_.decoder_passes;
  const std::int64_t first = context.epoch * passes;  // passes name the random streams
  std::int64_t done = 0;                              // passes of this epoch
  core::EpochContext part = context;
  if (context.progress) {
    part.progress = [&](std::int64_t step, std::int64_t steps) {
      context.progress(done * steps + step, passes * steps);
    };
  }
  const auto users = static_cast<double>(view_.interactions.rows());
  RecvaeGradients encoder;
  for (; done < options_.encoder_passes; ++done) {
    encoder = EncoderPassOver(static_cast<std::uint64_t>(first + done), part);
  }
  model_.old.CopyFrom(model_.encoder);
  double decoder_nll = 0.0;
  for (; done < passes; ++done) {
    decoder_nll = DecoderPassOver(static_cast<std::uint64_t>(first + done), part);
  }
  return {{"nll", encoder.nll / users}, {"kl", encoder.kl / users}, {"decoder_nll", decoder_nll / users}};
}

void RecvaeLearner::Forward(const nn::RowBatch& batch, const torch::Tensor& noise) {
  pass_.Forward(model_, batch, noise);
}

std::vector<double> RecvaeLearner::Kl() const {
  return std::vector<double>(static_cast<std::size_t>(pass_.z().size(0)), 0.0);
}

std::vector<double> RecvaeLearner::Errors(const nn::RowBatch& batch) {
  return error_.Errors(pass_.logits, bias(), batch.full.view());
}

void RecvaeLearner::ErrorGradient(const nn::RowBatch& batch, std::span<const double> weight) {
  error_.Gradient(pass_.logits, batch.full.view(), weight);
}

void RecvaeLearner::ResetOptimizer(double learning_rate) {
  encoder_adam_ = nn::Adam(model_.encoder.Tensors(), {.learning_rate = learning_rate});
  decoder_adam_ = nn::Adam(model_.decoder.Tensors(), {.learning_rate = learning_rate});
}

void RecvaeLearner::Step(const nn::RowBatch& batch, double kl_weight) {
  if (kl_weight != 0.0) {
    throw base::Error(base::ErrorKind::kUsage, "kl_weight: RecVAE's prior is no part of fine-tuning: '" +
                                                   base::FormatReal(kl_weight) + "'; expected 0");
  }
  const RecvaeBothGradients gradients = pass_.Backward(model_, batch);
  UpdateEncoder(batch, gradients.encoder);
  UpdateDecoder(gradients.decoder);
}

void RecvaeLearner::KeepBest() {
  if (best_) {
    best_->encoder.CopyFrom(model_.encoder);
    best_->decoder.CopyFrom(model_.decoder);
  } else {
    best_ = Best{model_.encoder.Clone(), model_.decoder.Clone()};
  }
}

void RecvaeLearner::RestoreBest() {
  if (best_) {
    model_.encoder.CopyFrom(best_->encoder);
    model_.decoder.CopyFrom(best_->decoder);
  }
}

void RecvaeLearner::Export(base::TensorSet& set) const {
  model_.encoder.Save(set, "");
  model_.decoder.Save(set, "");
}

void RecvaeLearner::Save(base::TensorSet& set) const {
  model_.encoder.Save(set, "model.");
  model_.decoder.Save(set, "model.");
  model_.old.Save(set, "old.");
  if (best_) {
    best_->encoder.Save(set, "best.");
    best_->decoder.Save(set, "best.");
  }
  encoder_adam_.Save(set, "encoder_adam");
  decoder_adam_.Save(set, "decoder_adam");
}

void RecvaeLearner::Load(const base::TensorSet& set) {
  model_.encoder.Load(set, "model.");
  model_.decoder.Load(set, "model.");
  model_.old.Load(set, "old.");
  best_.reset();
  if (set.Has("best.decoder.bias")) {
    KeepBest();
    best_->encoder.Load(set, "best.");
    best_->decoder.Load(set, "best.");
  }
  encoder_adam_.Load(set, "encoder_adam");
  decoder_adam_.Load(set, "decoder_adam");
}

}  // namespace recforce::algos
