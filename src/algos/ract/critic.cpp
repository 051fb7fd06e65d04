// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/critic.h"

#include <cmath>
#include <string>

#include "nn/init.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr std::array<std::int64_t, 5> kWidths = {kCriticFeatures, 100, 100, 10, 1};
// Parameter numbers of the critic's first values; the actor's are below.
constexpr std::uint64_t kFirstParameter = 1000;

std::array<double, kCriticFeatures> FeaturesOf(const nn::RowBatch& batch, std::int64_t row, double nll) {
  return {static_cast<double>(batch.seen.row(row).size()), static_cast<double>(batch.unseen.row(row).size()), nll};
}

std::vector<double> ToVector(const torch::Tensor& tensor) {
  const torch::Tensor copy = tensor.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return {copy.data_ptr<double>(), copy.data_ptr<double>() + copy.numel()};
}

}  // namespace

CriticNormaliser CriticNormaliser::AuthorsIdentity() {
  CriticNormaliser normaliser;
  normaliser.deviation.fill(std::sqrt(1.001));
  return normaliser;
}

void CriticStatistics::Add(const nn::RowBatch& batch, std::span<const double> nll) {
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto features = FeaturesOf(batch, row, nll[static_cast<std::size_t>(row)]);
    count_ += 1.0;
    for (std::size_t f = 0; f < features.size(); ++f) {
      sum_[f] += features[f];
      squares_[f] += features[f] * features[f];
    }
  }
}

CriticNormaliser CriticStatistics::Normaliser() const {
  CriticNormaliser normaliser;
  for (std::size_t f = 0; f < sum_.size(); ++f) {
    const double mean = count_ > 0.0 ? sum_[f] / count_ : 0.0;
    const double variance = count_ > 0.0 ? squares_[f] / count_ - mean * mean : 0.0;
    normaliser.mean[f] = mean;
    normaliser.deviation[f] = variance > 1e-12 * (1.0 + mean * mean) ? std::sqrt(variance) : 1.0;
  }
  return normaliser;
}

Critic::Critic(std::uint64_t seed, torch::Device device) {
  for (std::size_t layer = 0; layer + 1 < kWidths.size(); ++layer) {
    const std::int64_t in = kWidths[layer];
    const std::int64_t out = kWidths[layer + 1];
    parameters_.push_back(nn::XavierUniform({out, in}, in, out, seed, kFirstParameter + layer).to(device));
    parameters_.push_back(torch::zeros({out}, torch::TensorOptions(torch::kFloat32).device(device)));
  }
  for (torch::Tensor& parameter : parameters_) {
    parameter.requires_grad_(true);
  }
}

torch::Tensor Critic::Forward(const torch::Tensor& features) const {
  torch::Tensor hidden = features;
  for (std::size_t layer = 0; layer < parameters_.size(); layer += 2) {
    hidden = torch::addmm(parameters_[layer + 1], hidden, parameters_[layer].t());
    hidden = layer + 2 < parameters_.size() ? torch::relu(hidden) : torch::sigmoid(hidden);
  }
  return hidden.squeeze(1);
}

torch::Tensor Critic::Features(const nn::RowBatch& batch, std::span<const double> nll,
                               const CriticNormaliser& normaliser) const {
  torch::Tensor features = torch::empty({batch.rows(), kCriticFeatures}, torch::kFloat32);
  float* data = features.data_ptr<float>();
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto raw = FeaturesOf(batch, row, nll[static_cast<std::size_t>(row)]);
    for (std::size_t f = 0; f < raw.size(); ++f) {
      *data++ = static_cast<float>((raw[f] - normaliser.mean[f]) / normaliser.deviation[f]);
    }
  }
  return features.to(parameters_[0].options());
}

std::int64_t Critic::NumParameters() const {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : parameters_) {
    count += parameter.numel();
  }
  return count;
}

void Critic::Save(base::TensorSet& set) const {
  for (std::size_t number = 0; number < parameters_.size(); ++number) {
    nn::AddTensor(set, "critic." + std::to_string(number), parameters_[number]);
  }
}

void Critic::Load(const base::TensorSet& set) {
  for (std::size_t number = 0; number < parameters_.size(); ++number) {
    const torch::Tensor& old = parameters_[number];
    parameters_[number] = nn::GetTensor(set, "critic." + std::to_string(number), old.sizes(), old.device());
    parameters_[number].requires_grad_(true);
  }
}

CriticStep StepCritic(Critic& critic, nn::Adam* adam, const nn::RowBatch& batch, std::span<const double> nll,
                      std::span<const double> omega, const CriticNormaliser& normaliser, double l2, bool want_slope) {
  const torch::AutoGradMode with_grad(true);
  torch::Tensor features = critic.Features(batch, nll, normaliser);
  features.requires_grad_(want_slope);
  const torch::Tensor value = critic.Forward(features);
  CriticStep step;
  step.value = ToVector(value);
  if (want_slope) {
    const torch::Tensor by_features = torch::autograd::grad({value.sum()}, {features}, {}, adam != nullptr)[0];
    step.slope = ToVector(by_features.select(1, kCriticFeatures - 1));
    for (double& slope : step.slope) {
      slope /= normaliser.deviation[kCriticFeatures - 1];
    }
  }
  const torch::Tensor target =
      torch::tensor(std::vector<double>(omega.begin(), omega.end()), torch::kFloat64).to(value.options());
  const torch::Tensor loss = (value - target).square().mean();
  step.loss = loss.item<double>();
  if (adam != nullptr) {
    std::vector<torch::Tensor>& parameters = critic.parameters();
    const std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, parameters);
    const torch::NoGradGuard no_grad;
    const double decay = 2.0 * l2 / static_cast<double>(batch.rows());
    adam->BeginStep();
    for (std::size_t number = 0; number < parameters.size(); ++number) {
      adam->Update(number, parameters[number], gradients[number] + decay * parameters[number]);
    }
  }
  return step;
}

}  // namespace recforce::algos
