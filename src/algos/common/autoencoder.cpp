// SPDX-License-Identifier: Apache-2.0
#include "algos/common/autoencoder.h"

#include <cmath>

#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/kernels.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr double kBiasDeviation = 0.001;

// Shape of every parameter that the network has, in the order of Named().
std::vector<std::vector<std::int64_t>> ShapesOf(const AutoencoderShape& shape) {
  const std::int64_t items = shape.items;
  const std::int64_t hidden = shape.hidden > 0 ? shape.hidden : shape.latent;
  std::vector<std::vector<std::int64_t>> shapes = {{items, hidden}, {hidden}};
  if (shape.hidden > 0) {
    shapes.insert(shapes.end(), {{shape.latent, hidden}, {shape.latent}});
    if (shape.variational) {
      shapes.insert(shapes.end(), {{shape.latent, hidden}, {shape.latent}});
    }
    shapes.insert(shapes.end(), {{hidden, shape.latent}, {hidden}});
  }
  shapes.insert(shapes.end(), {{items, hidden}, {items}});
  return shapes;
}

torch::Tensor Linear(const torch::Tensor& input, const torch::Tensor& weight) { return nn::MatMul(input, weight.t()); }

}  // namespace

std::vector<std::pair<std::string, torch::Tensor*>> AutoencoderParams::Named() {
  std::vector<std::pair<std::string, torch::Tensor*>> named = {{"encoder.weight", &encoder},
                                                               {"encoder.bias", &encoder_bias}};
  if (shape.hidden > 0) {
    named.insert(named.end(), {{"mu.weight", &mu}, {"mu.bias", &mu_bias}});
    if (shape.variational) {
      named.insert(named.end(), {{"logvar.weight", &logvar}, {"logvar.bias", &logvar_bias}});
    }
    named.insert(named.end(), {{"decoder.weight", &decoder}, {"decoder.bias", &decoder_bias}});
  }
  named.insert(named.end(), {{"output.weight", &output}, {"output.bias", &output_bias}});
  return named;
}

std::vector<torch::Tensor> AutoencoderParams::Tensors() const {
  AutoencoderParams copy = *this;
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : copy.Named()) {
    tensors.push_back(*tensor);
  }
  return tensors;
}

AutoencoderParams AutoencoderParams::Init(const AutoencoderShape& shape, std::uint64_t seed, torch::Device device) {
  RECFORCE_CHECK(shape.hidden > 0 || !shape.variational, "a variational autoencoder needs a hidden layer");
  AutoencoderParams params;
  params.shape = shape;
  const auto shapes = ShapesOf(shape);
  std::uint64_t number = 0;
  for (const auto& [name, tensor] : params.Named()) {
    const auto& size = shapes[number];
    *tensor = size.size() == 1 ? nn::TruncatedNormal(size, kBiasDeviation, seed, number)
                               : nn::XavierUniform(size, size[1], size[0], seed, number);
    *tensor = tensor->to(device);
    ++number;
  }
  return params;
}

AutoencoderParams AutoencoderParams::Load(const AutoencoderShape& shape, const base::TensorSet& set,
                                          const std::string& prefix, torch::Device device) {
  AutoencoderParams params;
  params.shape = shape;
  const auto shapes = ShapesOf(shape);
  std::size_t number = 0;
  for (const auto& [name, tensor] : params.Named()) {
    *tensor = nn::GetTensor(set, prefix + name, shapes[number++], device);
  }
  return params;
}

void AutoencoderParams::Save(base::TensorSet& set, const std::string& prefix) const {
  AutoencoderParams copy = *this;
  for (const auto& [name, tensor] : copy.Named()) {
    nn::AddTensor(set, prefix + name, *tensor);
  }
}

AutoencoderParams AutoencoderParams::Clone() const {
  AutoencoderParams copy = *this;
  for (const auto& [name, tensor] : copy.Named()) {
    *tensor = tensor->clone();
  }
  return copy;
}

void AutoencoderParams::CopyFrom(const AutoencoderParams& other) {
  const std::vector<torch::Tensor> from = other.Tensors();
  std::size_t number = 0;
  for (const auto& [name, tensor] : Named()) {
    tensor->copy_(from[number++]);
  }
}

void AutoencoderPass::Forward(const AutoencoderParams& params, const nn::RowBatch& batch, const torch::Tensor& noise) {
  const std::int64_t rows = batch.rows();
  const auto options = params.encoder.options();
  noise_ = noise;
  h1_ = torch::empty({rows, params.encoder.size(1)}, options);
  nn::BagTanh(batch.seen.view(), batch.scale, params.encoder, params.encoder_bias, h1_);
  if (params.shape.hidden == 0) {
    h2_ = h1_;
  } else {
    mu_ = Linear(h1_, params.mu).add_(params.mu_bias);
    z_ = mu_;
    if (params.shape.variational) {
      logvar_ = Linear(h1_, params.logvar).add_(params.logvar_bias);
      sigma_ = (logvar_ * 0.5).exp_();
      if (noise_.defined()) {
        z_ = mu_ + noise_ * sigma_;
      }
    }
    h2_ = Linear(z_, params.decoder);
    nn::TanhInPlace(h2_, params.decoder_bias);
  }
  if (!logits_memory_.defined() || logits_memory_.size(0) < rows || logits_memory_.size(1) != params.shape.items) {
    logits_memory_ = torch::empty({rows, params.shape.items}, options);
  }
  logits = logits_memory_.narrow(0, 0, rows);
  nn::MatMul(logits, h2_, params.output.t());
}

std::vector<double> AutoencoderPass::Kl() const {
  std::vector<double> result(static_cast<std::size_t>(h2_.size(0)), 0.0);
  if (logvar_.defined()) {
    const torch::Tensor terms = mu_ * mu_ + sigma_ * sigma_ - logvar_ - 1.0;
    const torch::Tensor kl = (0.5 * terms.sum(1)).to(torch::kCPU, torch::kFloat64);
    result.assign(kl.data_ptr<double>(), kl.data_ptr<double>() + kl.numel());
  }
  return result;
}

AutoencoderGradients AutoencoderPass::Backward(const AutoencoderParams& params, const nn::RowBatch& batch,
                                               double kl_weight) {
  if (!output_gradient_.defined()) {
    output_gradient_ = torch::empty_like(params.output);
  }
  nn::MatMul(output_gradient_, logits.t(), h2_);
  torch::Tensor output_bias_gradient = nn::ColumnSums(logits);
  torch::Tensor d = nn::MatMul(logits, params.output);  // [B, H], by h2
  nn::TanhBackward(d, h2_);
  AutoencoderGradients middle;
  if (params.shape.hidden > 0) {
    const torch::Tensor dz = nn::MatMul(d, params.decoder);
    const torch::Tensor decoder_gradient = nn::MatMul(d.t(), z_);
    const torch::Tensor decoder_bias_gradient = nn::ColumnSums(d);
    const torch::Tensor dmu = params.shape.variational ? dz + kl_weight * mu_ : dz;
    middle = {nn::MatMul(dmu.t(), h1_), nn::ColumnSums(dmu)};
    d = nn::MatMul(dmu, params.mu);
    if (params.shape.variational) {
      torch::Tensor dlogvar = (sigma_ * sigma_ - 1.0).mul_(0.5 * kl_weight);
      if (noise_.defined()) {
        dlogvar.add_(dz * noise_ * sigma_, 0.5);
      }
      middle.push_back(nn::MatMul(dlogvar.t(), h1_));
      middle.push_back(nn::ColumnSums(dlogvar));
      d.add_(nn::MatMul(dlogvar, params.logvar));
    }
    middle.push_back(decoder_gradient);
    middle.push_back(decoder_bias_gradient);
    nn::TanhBackward(d, h1_);
  }
  AutoencoderGradients gradients = {nn::BagGradient(batch.seen_by_item, batch.scale, d), nn::ColumnSums(d)};
  gradients.insert(gradients.end(), middle.begin(), middle.end());
  gradients.push_back(output_gradient_);
  gradients.push_back(output_bias_gradient);
  return gradients;
}

void AutoencoderRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    const std::int64_t rows = users.size();
    const std::int64_t items = params_.shape.items;
    RECFORCE_CHECK(out.rows == rows && out.cols == items, "scores have another shape");
    std::vector<float> scale;
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto count = static_cast<float>(users.history.row(r).size());
      scale.push_back(count > 0.0F ? 1.0F / std::sqrt(count) : 0.0F);
    }
    torch::Tensor hidden = torch::empty({rows, params_.encoder.size(1)}, params_.encoder.options());
    nn::BagTanh(users.history, scale, params_.encoder, params_.encoder_bias, hidden);
    if (params_.shape.hidden > 0) {
      const torch::Tensor mu = Linear(hidden, params_.mu).add_(params_.mu_bias);
      hidden = Linear(mu, params_.decoder);
      nn::TanhInPlace(hidden, params_.decoder_bias);
    }
    torch::Tensor scores = torch::from_blob(out.data, {rows, items}, torch::kFloat32);
    if (!hidden.is_cpu()) {
      scores.copy_(torch::addmm(params_.output_bias, hidden, params_.output.t()));
      return;
    }
    nn::MatMul(scores, hidden, params_.output.t());
    const float* bias = params_.output_bias.data_ptr<float>();
    base::ParallelFor(0, rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t item = 0; item < items; ++item) {
          out.data[r * items + item] += bias[item];
        }
      }
    });
  });
}

std::unique_ptr<core::Recommender> LoadAutoencoder(const AutoencoderShape& shape, const base::TensorSet& tensors,
                                                   const std::string& device) {
  return std::make_unique<AutoencoderRecommender>(AutoencoderParams::Load(shape, tensors, "", nn::ParseDevice(device)));
}

}  // namespace recforce::algos
