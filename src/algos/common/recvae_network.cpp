// SPDX-License-Identifier: Apache-2.0
#include "algos/common/recvae_network.h"

#include <cmath>
#include <numbers>

#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/kernels.h"
#include "nn/swish_norm.h"
#include "nn/tensor_io.h"
#include "nn/vector_math.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

using Places = EncoderPlaces;

constexpr double kBiasDeviation = 0.001;
constexpr double kNormEpsilon = 0.1;
constexpr double kStandardShare = 3.0 / 20.0;
constexpr double kOldShare = 3.0 / 4.0;
constexpr double kWideShare = 1.0 / 10.0;
constexpr double kWideLogvar = 10.0;
constexpr std::int64_t kRowGrain = 16;
constexpr std::uint64_t kDecoderParameters = 100;  // their random streams are numbered from here

// Appends a matrix [to, from], or a table [from, to] of items, and its bias.
void AddLinear(NamedTensors& tensors, const std::string& name, torch::IntArrayRef shape, std::int64_t from,
               std::int64_t to, std::uint64_t seed, std::uint64_t number, std::int64_t bias) {
  tensors.list.emplace_back(name + ".weight", nn::XavierUniform(shape, from, to, seed, number));
  tensors.list.emplace_back(name + ".bias", nn::TruncatedNormal({bias}, kBiasDeviation, seed, number + 1));
}

NamedTensors OnDevice(NamedTensors tensors, torch::Device device) {
  for (auto& [name, tensor] : tensors.list) {
    tensor = tensor.to(device);
  }
  return tensors;
}

// log of weight N(z; mean, exp(logvar)).
template <class T>
T LogDensity(T z, T mean, T logvar, T inverse_variance, T log_weight) {
  constexpr T kLogTwoPi = static_cast<T>(1.8378770664093454836);
  return log_weight - T{0.5} * (kLogTwoPi + logvar + (z - mean) * (z - mean) * inverse_variance);
}

template <class T>
struct Row {
  const T *z, *logvar, *noise, *old_mu, *old_logvar;
};

// KL of one row at its sample; to[at] := weight times the gradient by z.
template <class T>
double DivergenceOfRow(const Row<T>& row, std::int64_t latent, T weight, T* to) {
  const T standard_weight = static_cast<T>(std::log(kStandardShare));
  const T old_weight = static_cast<T>(std::log(kOldShare));
  const T wide_weight = static_cast<T>(std::log(kWideShare));
  const T wide_logvar = static_cast<T>(kWideLogvar);
  const T wide_inverse = static_cast<T>(std::exp(-kWideLogvar));
  double kl = 0.0;
  for (std::int64_t at = 0; at < latent; ++at) {
    const T z = row.z[at];
    const T old_inverse = nn::FastExp(-row.old_logvar[at]);
    const T standard = LogDensity(z, T{0}, T{0}, T{1}, standard_weight);
    const T old = LogDensity(z, row.old_mu[at], row.old_logvar[at], old_inverse, old_weight);
    const T wide = LogDensity(z, T{0}, wide_logvar, wide_inverse, wide_weight);
    const T top = std::max(standard, std::max(old, wide));
    const T by_standard = nn::FastExp(standard - top);
    const T by_old = nn::FastExp(old - top);
    const T by_wide = nn::FastExp(wide - top);
    const T sum = by_standard + by_old + by_wide;
    const T own = LogDensity(row.noise[at], T{0}, row.logvar[at], T{1}, T{0});
    kl += static_cast<double>(own - top - std::log(sum));
    to[at] =
        weight * (by_standard * z + by_old * (z - row.old_mu[at]) * old_inverse + by_wide * z * wide_inverse) / sum;
  }
  return kl;
}

CompositeKl DivergenceOnDevice(const torch::Tensor& z, const torch::Tensor& logvar, const torch::Tensor& noise,
                               const torch::Tensor& old_mu, const torch::Tensor& old_logvar,
                               std::span<const double> weight) {
  const double log_two_pi = std::log(2.0 * std::numbers::pi);
  const torch::Tensor old_inverse = (-old_logvar).exp();
  const double wide_inverse = std::exp(-kWideLogvar);
  const auto density = [&](const torch::Tensor& exponent, double share) {
    return std::log(share) - 0.5 * (log_two_pi + exponent);
  };
  const torch::Tensor parts = torch::stack(
      {density(z * z, kStandardShare), density(old_logvar + (z - old_mu).square() * old_inverse, kOldShare),
       density(kWideLogvar + z * z * wide_inverse, kWideShare)},
      2);
  const torch::Tensor own = -0.5 * (log_two_pi + logvar + noise * noise);
  const torch::Tensor kl = (own - parts.logsumexp(2)).sum(1).to(torch::kCPU, torch::kFloat64);
  const torch::Tensor pull = torch::stack({z, (z - old_mu) * old_inverse, z * wide_inverse}, 2);
  const torch::Tensor by_row =
      torch::tensor(std::vector<double>(weight.begin(), weight.end()), torch::kFloat64).to(z.options());
  CompositeKl result;
  result.kl.assign(kl.data_ptr<double>(), kl.data_ptr<double>() + kl.numel());
  result.z_gradient = (parts.softmax(2) * pull).sum(2) * by_row.unsqueeze(1);
  return result;
}

}  // namespace

std::vector<torch::Tensor> NamedTensors::Tensors() const {
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : list) {
    tensors.push_back(tensor);
  }
  return tensors;
}

NamedTensors NamedTensors::Clone() const {
  NamedTensors copy = *this;
  for (auto& [name, tensor] : copy.list) {
    tensor = tensor.clone();
  }
  return copy;
}

void NamedTensors::CopyFrom(const NamedTensors& other) {
  for (std::size_t index = 0; index < list.size(); ++index) {
    list[index].second.copy_(other.at(index));
  }
}

void NamedTensors::Save(base::TensorSet& set, const std::string& prefix) const {
  for (const auto& [name, tensor] : list) {
    nn::AddTensor(set, prefix + name, tensor);
  }
}

void NamedTensors::Load(const base::TensorSet& set, const std::string& prefix) {
  for (auto& [name, tensor] : list) {
    tensor.copy_(nn::GetTensor(set, prefix + name, tensor.sizes(), tensor.device()));
  }
}

NamedTensors InitEncoder(const RecvaeShape& shape, std::uint64_t seed, torch::Device device) {
  const std::int64_t hidden = shape.hidden;
  NamedTensors encoder;
  std::uint64_t number = 0;
  for (std::size_t layer = 0; layer < Places::kLayers; ++layer, number += 2) {
    const std::int64_t from = layer == 0 ? shape.items : hidden;
    AddLinear(encoder, "encoder." + std::to_string(layer), {from, hidden}, from, hidden, seed, number, hidden);
    encoder.list.emplace_back("norm." + std::to_string(layer) + ".gain", torch::ones({hidden}));
    encoder.list.emplace_back("norm." + std::to_string(layer) + ".bias", torch::zeros({hidden}));
  }
  AddLinear(encoder, "mu", {shape.latent, hidden}, hidden, shape.latent, seed, number, shape.latent);
  AddLinear(encoder, "logvar", {shape.latent, hidden}, hidden, shape.latent, seed, number + 2, shape.latent);
  return OnDevice(std::move(encoder), device);
}

NamedTensors InitDecoder(const RecvaeShape& shape, std::uint64_t seed, torch::Device device) {
  NamedTensors decoder;
  AddLinear(decoder, "decoder", {shape.items, shape.latent}, shape.latent, shape.items, seed, kDecoderParameters,
            shape.items);
  return OnDevice(std::move(decoder), device);
}

void EncoderPass::Forward(const NamedTensors& encoder, data::CsrView rows, std::span<const float> scale) {
  const torch::Tensor& table = encoder.at(Places::kTable);
  const std::int64_t users = rows.rows();
  torch::Tensor earlier;  // the sum of all outputs so far
  for (std::size_t layer = 0; layer < Places::kLayers; ++layer) {
    torch::Tensor& sum = sums_.at(layer);
    const torch::Tensor& bias = encoder.at(Places::Weight(layer) + 1);
    if (layer == 0) {
      sum = torch::empty({users, table.size(1)}, table.options());
      nn::BagLinear(rows, scale, table, bias, sum);
    } else {
      sum = nn::MatMul(outputs_.at(layer - 1), encoder.at(Places::Weight(layer)).t());
      sum.add_(bias).add_(earlier);
    }
    torch::Tensor& output = outputs_.at(layer) = torch::empty_like(sum);
    statistics_.at(layer) = torch::empty({users, 2}, table.options());
    nn::SwishNorm(sum, encoder.at(Places::Gain(layer)), encoder.at(Places::Gain(layer) + 1), kNormEpsilon, output,
                  statistics_.at(layer));
    earlier = layer == 0 ? output : earlier + output;
  }
  mu = nn::MatMul(outputs_.back(), encoder.at(Places::kMu).t()).add_(encoder.at(Places::kMu + 1));
  logvar = nn::MatMul(outputs_.back(), encoder.at(Places::kLogvar).t()).add_(encoder.at(Places::kLogvar + 1));
}

std::vector<torch::Tensor> EncoderPass::Backward(const NamedTensors& encoder, const nn::ItemMajor& by_item,
                                                 std::span<const float> scale, const torch::Tensor& d_mu,
                                                 const torch::Tensor& d_logvar) const {
  std::vector<torch::Tensor> gradients(encoder.list.size());
  const auto linear = [&](std::size_t place, const torch::Tensor& d, const torch::Tensor& input) {
    gradients[place] = nn::MatMul(d.t(), input);
    gradients[place + 1] = nn::ColumnSums(d);
  };
  linear(Places::kMu, d_mu, outputs_.back());
  linear(Places::kLogvar, d_logvar, outputs_.back());
  torch::Tensor d = nn::MatMul(d_mu, encoder.at(Places::kMu)).add_(nn::MatMul(d_logvar, encoder.at(Places::kLogvar)));
  torch::Tensor later = torch::zeros_like(d);  // sum of the gradients by the sums of the layers above: all add it
  for (std::size_t layer = Places::kLayers; layer-- > 0;) {
    const nn::NormGradients norm =
        nn::SwishNormBackward(d, sums_.at(layer), encoder.at(Places::Gain(layer)), statistics_.at(layer));
    gradients[Places::Gain(layer)] = norm.gain;
    gradients[Places::Gain(layer) + 1] = norm.bias;
    if (layer == 0) {
      gradients[Places::kTable] = nn::BagGradient(by_item, scale, d);
      gradients[Places::kTable + 1] = nn::ColumnSums(d);
    } else {
      linear(Places::Weight(layer), d, outputs_.at(layer - 1));
      later.add_(d);
      d = nn::MatMul(d, encoder.at(Places::Weight(layer))).add_(later);
    }
  }
  return gradients;
}

CompositeKl CompositeDivergence(const torch::Tensor& z, const torch::Tensor& logvar, const torch::Tensor& noise,
                                const torch::Tensor& old_mu, const torch::Tensor& old_logvar,
                                std::span<const double> weight) {
  if (!z.is_cpu()) {
    return DivergenceOnDevice(z, logvar, noise, old_mu, old_logvar, weight);
  }
  CompositeKl result;
  result.kl.resize(weight.size());
  result.z_gradient = torch::empty_like(z);
  AT_DISPATCH_FLOATING_TYPES(z.scalar_type(), "CompositeDivergence", [&] {
    const std::int64_t latent = z.size(1);
    const auto row = [latent](const torch::Tensor& tensor, std::int64_t r) {
      return tensor.data_ptr<scalar_t>() + r * latent;
    };
    base::ParallelFor(0, z.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto at = static_cast<std::size_t>(r);
        result.kl[at] =
            DivergenceOfRow<scalar_t>({row(z, r), row(logvar, r), row(noise, r), row(old_mu, r), row(old_logvar, r)},
                                      latent, static_cast<scalar_t>(weight[at]), row(result.z_gradient, r));
      }
    });
  });
  return result;
}

}  // namespace recforce::algos
