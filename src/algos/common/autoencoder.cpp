// SPDX-License-Identifier: Apache-2.0
#include "algos/common/autoencoder.h"

#include "algos/common/whole_rows.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/kernels.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr double kBiasDeviation = 0.001;

// Shape of every parameter that the network has, in the order of Named().
std::vector<std::vector<std::int64_t>> ShapesOf(const AutoencoderShape& shape) {
  const std::int64_t items = shape.items;
  const std::int64_t hidden = shape.hidden > 0 ? shape.hidden : shape.latent;
  const std::int64_t first = shape.hidden == 0 && shape.variational ? 2 * shape.latent : hidden;
  std::vector<std::vector<std::int64_t>> shapes = {{items, first}, {first}};
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

bool HasTanh(const AutoencoderShape& shape) { return !shape.linear && (shape.hidden > 0 || !shape.variational); }

torch::Tensor Linear(const torch::Tensor& input, const torch::Tensor& weight) { return nn::MatMul(input, weight.t()); }

torch::Tensor FirstLayer(const AutoencoderParams& params, data::CsrView rows, std::span<const float> scale) {
  torch::Tensor out = torch::empty({rows.rows(), params.encoder.size(1)}, params.encoder.options());
  if (HasTanh(params.shape)) {
    nn::BagTanh(rows, scale, params.encoder, params.encoder_bias, out);
  } else {
    nn::BagLinear(rows, scale, params.encoder, params.encoder_bias, out);
  }
  return out;
}

// What the output layer reads, from the code.
torch::Tensor Decode(const AutoencoderParams& params, const torch::Tensor& z) {
  if (params.shape.hidden == 0) {
    return z;
  }
  torch::Tensor out = Linear(z, params.decoder);
  if (HasTanh(params.shape)) {
    nn::TanhInPlace(out, params.decoder_bias);
  } else {
    out.add_(params.decoder_bias);
  }
  return out;
}

// The mean of the code, from the first layer's output.
torch::Tensor CodeMean(const AutoencoderParams& params, const torch::Tensor& h1) {
  if (params.shape.hidden > 0) {
    return Linear(h1, params.mu).add_(params.mu_bias);
  }
  return params.shape.variational ? h1.narrow(1, 0, params.shape.latent).contiguous() : h1;
}

torch::Tensor CodeLogvar(const AutoencoderParams& params, const torch::Tensor& h1) {
  if (params.shape.hidden > 0) {
    return Linear(h1, params.logvar).add_(params.logvar_bias);
  }
  return h1.narrow(1, params.shape.latent, params.shape.latent).contiguous();
}

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

AutoencoderParams AutoencoderParams::Init(const AutoencoderShape& shape, std::uint64_t seed, torch::Device device,
                                          bool xavier_normal) {
  AutoencoderParams params;
  params.shape = shape;
  const auto shapes = ShapesOf(shape);
  std::uint64_t number = 0;
  for (const auto& [name, tensor] : params.Named()) {
    const auto& size = shapes[number];
    if (size.size() == 1) {
      *tensor = xavier_normal ? torch::zeros(size) : nn::TruncatedNormal(size, kBiasDeviation, seed, number);
    } else {
      // mu and logvar are two layers, even where they share a table.
      const std::int64_t width = shape.hidden == 0 ? shape.latent : size[1];
      *tensor = xavier_normal ? nn::XavierNormal(size, width, size[0], seed, number)
                              : nn::XavierUniform(size, width, size[0], seed, number);
    }
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

void AutoencoderPass::Encode(const AutoencoderParams& params, const torch::Tensor& noise) {
  noise_ = noise;
  mu_ = CodeMean(params, h1_);
  z_ = mu_;
  if (params.shape.variational) {
    logvar_ = CodeLogvar(params, h1_);
    sigma_ = (logvar_ * 0.5).exp_();
    if (noise_.defined()) {
      z_ = mu_ + noise_ * sigma_;
    }
  }
}

void AutoencoderPass::Forward(const AutoencoderParams& params, const nn::RowBatch& batch, const torch::Tensor& noise) {
  const std::int64_t rows = batch.rows();
  scale_ = batch.scale;
  for (float& value : scale_) {
    value *= static_cast<float>(params.shape.input_scale);
  }
  h1_ = FirstLayer(params, batch.seen.view(), scale_);
  Encode(params, noise);
  h2_ = Decode(params, z_);
  if (!logits_memory_.defined() || logits_memory_.size(0) < rows || logits_memory_.size(1) != params.shape.items) {
    logits_memory_ = torch::empty({rows, params.shape.items}, params.encoder.options());
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

AutoencoderPass::CodeGradients AutoencoderPass::ByCode(const torch::Tensor& dz, double kl_weight) const {
  if (!logvar_.defined()) {
    return {dz, {}};
  }
  CodeGradients by = {dz + kl_weight * mu_, (sigma_ * sigma_ - 1.0).mul_(0.5 * kl_weight)};
  if (noise_.defined()) {
    by.logvar.add_(dz * noise_ * sigma_, 0.5);
  }
  return by;
}

AutoencoderGradients AutoencoderPass::Backward(const AutoencoderParams& params, const nn::RowBatch& batch,
                                               double kl_weight) {
  if (!output_gradient_.defined()) {
    output_gradient_ = torch::empty_like(params.output);
  }
  nn::MatMul(output_gradient_, logits.t(), h2_);
  torch::Tensor output_bias_gradient = nn::ColumnSums(logits);
  torch::Tensor d = nn::MatMul(logits, params.output);  // by h2, then by the first layer's output
  AutoencoderGradients middle;
  if (params.shape.hidden > 0) {
    middle = MiddleBackward(params, kl_weight, &d);
  } else if (params.shape.variational) {
    const CodeGradients by = ByCode(d, kl_weight);
    d = torch::cat({by.mu, by.logvar}, 1);
  }
  if (HasTanh(params.shape)) {
    nn::TanhBackward(d, h1_);
  }
  AutoencoderGradients gradients = {nn::BagGradient(batch.seen_by_item, scale_, d), nn::ColumnSums(d)};
  gradients.insert(gradients.end(), middle.begin(), middle.end());
  gradients.push_back(output_gradient_);
  gradients.push_back(output_bias_gradient);
  return gradients;
}

AutoencoderGradients AutoencoderPass::MiddleBackward(const AutoencoderParams& params, double kl_weight,
                                                     torch::Tensor* d) const {
  if (HasTanh(params.shape)) {
    nn::TanhBackward(*d, h2_);
  }
  const AutoencoderGradients decoder = {nn::MatMul(d->t(), z_), nn::ColumnSums(*d)};
  const CodeGradients by = ByCode(nn::MatMul(*d, params.decoder), kl_weight);
  AutoencoderGradients gradients = {nn::MatMul(by.mu.t(), h1_), nn::ColumnSums(by.mu)};
  *d = nn::MatMul(by.mu, params.mu);
  if (params.shape.variational) {
    gradients.push_back(nn::MatMul(by.logvar.t(), h1_));
    gradients.push_back(nn::ColumnSums(by.logvar));
    d->add_(nn::MatMul(by.logvar, params.logvar));
  }
  gradients.insert(gradients.end(), decoder.begin(), decoder.end());
  return gradients;
}

void AutoencoderRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    const std::vector<float> scale = WholeRowScale(users.history, params_.shape.input_scale);
    const torch::Tensor mu = CodeMean(params_, FirstLayer(params_, users.history, scale));
    ScoreRows(Decode(params_, mu), params_.output, params_.output_bias, out);
  });
}

std::unique_ptr<core::Recommender> LoadAutoencoder(const AutoencoderShape& shape, const base::TensorSet& tensors,
                                                   const std::string& device) {
  return std::make_unique<AutoencoderRecommender>(AutoencoderParams::Load(shape, tensors, "", nn::ParseDevice(device)));
}

}  // namespace recforce::algos
