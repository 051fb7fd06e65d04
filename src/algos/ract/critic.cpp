// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/critic.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/init.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

constexpr std::array<std::int64_t, 4> kWidths = {100, 100, 10, 1};  // after the features
// Parameter numbers of the critic's first values; the actor's are below.
constexpr std::uint64_t kFirstParameter = 1000;
constexpr double kBatchEpsilon = 1e-5;

std::vector<double> ToVector(const torch::Tensor& tensor) {
  const torch::Tensor copy = tensor.detach().to(torch::kCPU, torch::kFloat64).contiguous();
  return {copy.data_ptr<double>(), copy.data_ptr<double>() + copy.numel()};
}

std::size_t PlaceOf(const std::string& key, const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "ract." + key + ": no such choice: '" + name + "'; expected one of " + base::Join(names, ", "));
  }
  return static_cast<std::size_t>(found - names.begin());
}

// Deviations of features that never vary are 1.
double DeviationOf(double mean, double variance) {
  return variance > 1e-12 * (1.0 + mean * mean) ? std::sqrt(variance) : 1.0;
}

// Moments of each column of rows [B, F].
std::pair<std::vector<double>, std::vector<double>> Moments(std::span<const double> rows, std::size_t features) {
  std::vector<double> mean(features, 0.0);
  std::vector<double> variance(features, 0.0);
  const auto count = static_cast<double>(rows.size() / features);
  for (std::size_t at = 0; at < rows.size(); ++at) {
    mean[at % features] += rows[at] / count;
  }
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const double off = rows[at] - mean[at % features];
    variance[at % features] += off * off / count;
  }
  return {mean, variance};
}

}  // namespace

const std::vector<std::string>& CriticFeatureNames() {
  static const std::vector<std::string> names = {"seen", "hidden", "error"};
  return names;
}

std::vector<CriticFeature> ParseCriticFeatures(const std::vector<std::string>& names) {
  std::vector<CriticFeature> features;
  for (const std::string& name : names) {
    const auto feature = static_cast<CriticFeature>(PlaceOf("critic_features", CriticFeatureNames(), name));
    if (std::find(features.begin(), features.end(), feature) != features.end()) {
      throw base::Error(base::ErrorKind::kUsage, "ract.critic_features: is named twice: '" + name + "'");
    }
    features.push_back(feature);
  }
  if (features.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "ract.critic_features: is empty; expected some of " + base::Join(CriticFeatureNames(), ", "));
  }
  return features;
}

const std::vector<std::string>& CriticScalingNames() {
  static const std::vector<std::string> names = {"frozen", "none", "ema", "batch"};
  return names;
}

CriticScaling ParseCriticScaling(const std::string& name) {
  return static_cast<CriticScaling>(PlaceOf("critic_scaling", CriticScalingNames(), name));
}

CriticNormaliser CriticNormaliser::Identity(std::size_t features) {
  return {std::vector<double>(features, 0.0), std::vector<double>(features, 1.0)};
}

CriticNormaliser CriticNormaliser::Authors(std::size_t features) {
  return {std::vector<double>(features, 0.0), std::vector<double>(features, std::sqrt(1.001))};
}

void CriticNormaliser::MoveTowards(std::span<const double> rows, double share) {
  const auto [batch_mean, batch_variance] = Moments(rows, mean.size());
  for (std::size_t f = 0; f < mean.size(); ++f) {
    const double variance = deviation[f] * deviation[f];
    mean[f] += share * (batch_mean[f] - mean[f]);
    deviation[f] = DeviationOf(mean[f], variance + share * (batch_variance[f] - variance));
  }
}

void CriticNormaliser::Save(base::TensorSet& set, const std::string& name) const {
  std::vector<double> numbers = mean;
  numbers.insert(numbers.end(), deviation.begin(), deviation.end());
  set.AddOwned(name, std::move(numbers));
}

void CriticNormaliser::Load(const base::TensorSet& set, const std::string& name) {
  const auto numbers = set.Get(name).As<double>();
  if (numbers.size() != 2 * mean.size()) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": tensor '" + name + "' has " +
                                                  std::to_string(numbers.size()) + " entries; expected " +
                                                  std::to_string(2 * mean.size()));
  }
  for (std::size_t f = 0; f < mean.size(); ++f) {
    mean[f] = numbers[f];
    deviation[f] = numbers[mean.size() + f];
  }
}

void CriticStatistics::Add(std::span<const double> rows) {
  for (std::size_t at = 0; at < rows.size(); ++at) {
    sum_[at % sum_.size()] += rows[at];
    squares_[at % sum_.size()] += rows[at] * rows[at];
  }
  count_ += static_cast<double>(rows.size() / sum_.size());
}

CriticNormaliser CriticStatistics::Normaliser() const {
  CriticNormaliser normaliser = CriticNormaliser::Identity(sum_.size());
  for (std::size_t f = 0; count_ > 0.0 && f < sum_.size(); ++f) {
    const double mean = sum_[f] / count_;
    normaliser.mean[f] = mean;
    normaliser.deviation[f] = DeviationOf(mean, squares_[f] / count_ - mean * mean);
  }
  return normaliser;
}

std::vector<double> FeaturesOf(const nn::RowBatch& batch, std::span<const double> errors,
                               std::span<const CriticFeature> features) {
  std::vector<double> rows;
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    for (const CriticFeature feature : features) {
      rows.push_back(feature == CriticFeature::kSeen     ? static_cast<double>(batch.seen.row(row).size())
                     : feature == CriticFeature::kHidden ? static_cast<double>(batch.unseen.row(row).size())
                                                         : errors[static_cast<std::size_t>(row)]);
    }
  }
  return rows;
}

Critic::Critic(std::int64_t features, bool bounded, bool xavier_normal, std::uint64_t seed, torch::Device device)
    : bounded_(bounded) {
  std::int64_t in = features;
  for (std::size_t layer = 0; layer < kWidths.size(); ++layer) {
    const std::int64_t out = kWidths[layer];
    torch::Tensor weight = xavier_normal ? nn::XavierNormal({out, in}, in, out, seed, kFirstParameter + layer)
                                         : nn::XavierUniform({out, in}, in, out, seed, kFirstParameter + layer);
    parameters_.push_back(weight.to(device));
    parameters_.push_back(torch::zeros({out}, torch::TensorOptions(torch::kFloat32).device(device)));
    in = out;
  }
  for (torch::Tensor& parameter : parameters_) {
    parameter.requires_grad_(true);
  }
}

torch::Tensor Critic::Forward(const torch::Tensor& features) const {
  torch::Tensor hidden = features;
  for (std::size_t layer = 0; layer < parameters_.size(); layer += 2) {
    hidden = torch::addmm(parameters_[layer + 1], hidden, parameters_[layer].t());
    hidden = layer + 2 < parameters_.size() ? torch::relu(hidden)
             : bounded_                     ? torch::sigmoid(hidden)
                                            : torch::softplus(hidden);
  }
  return hidden.squeeze(1);
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

CriticStep StepCritic(Critic& critic, nn::Adam* adam, const CriticLook& look, const CriticNormaliser& normaliser,
                      double l2) {
  const torch::AutoGradMode with_grad(true);
  std::vector<torch::Tensor>& parameters = critic.parameters();
  const auto users = static_cast<std::int64_t>(look.omega.size());
  const auto features = static_cast<std::int64_t>(look.features.size()) / users;
  const bool wants_slope = look.slope_of >= 0;
  // The slope is by what the network is given, and by the raw number after a division: batch statistics depend on it.
  std::vector<float> values(look.features.begin(), look.features.end());
  if (!look.batch_statistics) {
    for (std::size_t at = 0; at < values.size(); ++at) {
      const std::size_t f = at % static_cast<std::size_t>(features);
      values[at] = static_cast<float>((look.features[at] - normaliser.mean[f]) / normaliser.deviation[f]);
    }
  }
  torch::Tensor leaf = torch::tensor(values).view({users, features}).to(parameters[0].options());
  leaf.requires_grad_(wants_slope);
  torch::Tensor input = leaf;
  if (look.batch_statistics) {
    const torch::Tensor centred = leaf - leaf.mean(0);
    input = centred / (centred.square().mean(0) + kBatchEpsilon).sqrt();
  }
  const torch::Tensor value = critic.Forward(input);
  CriticStep step;
  step.value = ToVector(value);
  if (wants_slope) {
    const torch::Tensor by_features = torch::autograd::grad({value.sum()}, {leaf}, {}, adam != nullptr)[0];
    step.slope = ToVector(by_features.select(1, look.slope_of));
    const double unit = look.batch_statistics ? 1.0 : normaliser.deviation[static_cast<std::size_t>(look.slope_of)];
    std::for_each(step.slope.begin(), step.slope.end(), [unit](double& slope) { slope /= unit; });
  }
  const torch::Tensor target =
      torch::tensor(std::vector<double>(look.omega.begin(), look.omega.end()), torch::kFloat64).to(value.options());
  const torch::Tensor loss = (value - target).square().mean();
  step.loss = loss.item<double>();
  if (adam != nullptr) {
    const std::vector<torch::Tensor> gradients = torch::autograd::grad({loss}, parameters);
    const torch::NoGradGuard no_grad;
    const double decay = 2.0 * l2 / static_cast<double>(users);
    adam->BeginStep();
    for (std::size_t number = 0; number < parameters.size(); ++number) {
      adam->Update(number, parameters[number], gradients[number] + decay * parameters[number]);
    }
  }
  return step;
}

}  // namespace recforce::algos
