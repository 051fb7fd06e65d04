// SPDX-License-Identifier: Apache-2.0
#include "algos/recvae/learner.h"

#include <algorithm>
#include <cmath>

#include "algos/common/finite.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/kernels.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

// 1 / |row|: what a row is multiplied by when all of it is seen.
std::vector<float> FullScale(data::CsrView rows) {
  std::vector<float> scale;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    const auto count = static_cast<float>(rows.row(r).size());
    scale.push_back(count > 0.0F ? 1.0F / std::sqrt(count) : 0.0F);
  }
  return scale;
}

double Sum(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) {
    sum += value;
  }
  return sum;
}

}  // namespace

RecvaeModel RecvaeModel::Init(const RecvaeShape& shape, std::uint64_t seed, torch::Device device) {
  RecvaeModel model{InitEncoder(shape, seed, device), {}, InitDecoder(shape, seed, device)};
  model.old = model.encoder.Clone();
  return model;
}

double RecvaePass::Decode(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise) {
  const std::int64_t rows = batch.rows();
  const torch::Tensor& weight = model.decoder.at(0);
  sigma_ = (encoder_.logvar * 0.5).exp_();
  z_ = encoder_.mu + noise * sigma_;
  if (!logits_memory_.defined() || logits_memory_.size(0) < rows) {
    logits_memory_ = torch::empty({rows, weight.size(0)}, weight.options());
  }
  logits_ = logits_memory_.narrow(0, 0, rows);
  nn::MatMul(logits_, z_, weight.t());
  const std::vector<double> mean(static_cast<std::size_t>(rows), 1.0 / static_cast<double>(rows));
  return Sum(nn::SoftmaxNllGradient(logits_, model.decoder.at(1), batch.full.view(), mean).nll);
}

RecvaeGradients RecvaePass::ForEncoder(const RecvaeModel& model, const nn::RowBatch& batch, const torch::Tensor& noise,
                                       double gamma) {
  RecvaeGradients result;
  encoder_.Forward(model.encoder, batch.seen.view(), batch.scale);
  old_.Forward(model.old, batch.full.view(), FullScale(batch.full.view()));
  result.nll = Decode(model, batch, noise);
  std::vector<double> weight;
  for (std::int64_t r = 0; r < batch.rows(); ++r) {
    weight.push_back(gamma * static_cast<double>(batch.full.row(r).size()) / static_cast<double>(batch.rows()));
  }
  const CompositeKl divergence = CompositeDivergence(z_, encoder_.logvar, noise, old_.mu, old_.logvar, weight);
  result.kl = Sum(divergence.kl);
  const torch::Tensor d_mu = nn::MatMul(logits_, model.decoder.at(0)).add_(divergence.z_gradient);
  const torch::Tensor by_row = torch::tensor(weight, torch::kFloat64).to(d_mu.options()).unsqueeze(1);
  const torch::Tensor d_logvar = (d_mu * noise * sigma_ - by_row).mul_(0.5);
  result.gradients = encoder_.Backward(model.encoder, batch.seen_by_item, batch.scale, d_mu, d_logvar);
  return result;
}

RecvaeGradients RecvaePass::ForDecoder(const RecvaeModel& model, const nn::RowBatch& batch,
                                       const torch::Tensor& noise) {
  RecvaeGradients result;
  encoder_.Forward(model.encoder, batch.seen.view(), batch.scale);
  result.nll = Decode(model, batch, noise);
  result.gradients = {nn::MatMul(logits_.t(), z_), nn::ColumnSums(logits_)};
  return result;
}

void RecvaeRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
    EncoderPass pass;
    pass.Forward(encoder_, users.history, FullScale(users.history));
    torch::Tensor scores = torch::from_blob(out.data, {out.rows, out.cols}, torch::kFloat32);
    if (!pass.mu.is_cpu()) {
      scores.copy_(torch::addmm(decoder_.at(1), pass.mu, decoder_.at(0).t()));
      return;
    }
    nn::MatMul(scores, pass.mu, decoder_.at(0).t());
    const float* bias = decoder_.at(1).data_ptr<float>();
    base::ParallelFor(0, out.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t item = 0; item < out.cols; ++item) {
          out.data[r * out.cols + item] += bias[item];
        }
      }
    });
  });
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

void RecvaeLearner::ForEachBatch(std::uint64_t pass, double keep, const core::EpochContext& context, const Step& step) {
  const std::vector<std::int32_t> order = nn::EpochOrder(view_.interactions.rows(), seed_, pass);
  const auto rows = static_cast<std::int64_t>(order.size());
  const std::int64_t batches = (rows + options_.batch_size - 1) / options_.batch_size;
  for (std::int64_t begin = 0; begin < rows; begin += options_.batch_size) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    const std::int64_t size = std::min(options_.batch_size, rows - begin);
    const nn::RowBatch batch = nn::MakeRowBatch(view_.interactions, std::span(order).subspan(begin, size),
                                                {.keep = keep, .seed = seed_, .epoch = pass}, view_.num_items);
    const torch::Tensor noise = torch::empty({size, options_.shape.latent}, torch::kFloat32);
    nn::FillLatentNoise(batch.ids, seed_, pass, options_.shape.latent,
                        {noise.data_ptr<float>(), static_cast<std::size_t>(noise.numel())});
    step(batch, noise.to(device_));
    ++steps_done_;
    if (context.progress) {
      context.progress(steps_done_, batches * (options_.encoder_passes + options_.decoder_passes));
    }
  }
}

RecvaeGradients RecvaeLearner::EncoderPassOver(std::uint64_t pass, const core::EpochContext& context) {
  RecvaeGradients total;
  ForEachBatch(pass, options_.keep, context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const RecvaeGradients step = pass_.ForEncoder(model_, batch, noise, options_.gamma);
    CheckFinite(step.nll + step.kl, "loss");
    total.nll += step.nll;
    total.kl += step.kl;
    encoder_adam_.BeginStep();
    encoder_adam_.UpdateRows(0, model_.encoder.at(0), batch.seen_by_item.items, step.gradients[0]);
    for (std::size_t index = 1; index < step.gradients.size(); ++index) {
      encoder_adam_.Update(index, model_.encoder.at(index), step.gradients[index]);
    }
  });
  return total;
}

double RecvaeLearner::DecoderPassOver(std::uint64_t pass, const core::EpochContext& context) {
  double nll = 0.0;
  ForEachBatch(pass, 1.0, context, [&](const nn::RowBatch& batch, const torch::Tensor& noise) {
    const RecvaeGradients step = pass_.ForDecoder(model_, batch, noise);
    CheckFinite(step.nll, "decoder loss");
    nll += step.nll;
    decoder_adam_.BeginStep();
    for (std::size_t index = 0; index < step.gradients.size(); ++index) {
      decoder_adam_.Update(index, model_.decoder.at(index), step.gradients[index]);
    }
  });
  return nll;
}

core::Metrics RecvaeLearner::Epoch(const core::EpochContext& context) {
  const torch::NoGradGuard no_grad;
  const auto passes = static_cast<std::uint64_t>(options_.encoder_passes + options_.decoder_passes);
  std::uint64_t pass = static_cast<std::uint64_t>(context.epoch) * passes;  // names the random streams
  steps_done_ = 0;
  const auto users = static_cast<double>(view_.interactions.rows());
  RecvaeGradients encoder;
  for (std::int64_t number = 0; number < options_.encoder_passes; ++number) {
    encoder = EncoderPassOver(pass++, context);
  }
  model_.old.CopyFrom(model_.encoder);
  double decoder_nll = 0.0;
  for (std::int64_t number = 0; number < options_.decoder_passes; ++number) {
    decoder_nll = DecoderPassOver(pass++, context);
  }
  return {{"nll", encoder.nll / users}, {"kl", encoder.kl / users}, {"decoder_nll", decoder_nll / users}};
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
