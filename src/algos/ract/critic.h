// SPDX-License-Identifier: Apache-2.0
// The critic of RaCT: a small network from what is known of a user's step to the metric that the actor earns.
// RaCT spec, 1.3. Shapes: B users, 3 features in the order |H1|, |H0|, nll.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "nn/adam.h"
#include "nn/row_batch.h"
#include "nn/torch.h"

namespace recforce::algos {

inline constexpr std::int64_t kCriticFeatures = 3;

// Features are read as (feature - mean) / deviation, the same for every batch.
struct CriticNormaliser {
  std::array<double, kCriticFeatures> mean{};
  std::array<double, kCriticFeatures> deviation{1.0, 1.0, 1.0};
  // What the authors' batch normalisation comes to, since it never collects statistics: division by sqrt(1.001).
  static CriticNormaliser AuthorsIdentity();
};

// Gathers mean and deviation of features. A feature that never varies gets deviation 1.
class CriticStatistics {
 public:
  void Add(const nn::RowBatch& batch, std::span<const double> nll);
  [[nodiscard]] CriticNormaliser Normaliser() const;

 private:
  double count_ = 0.0;
  std::array<double, kCriticFeatures> sum_{};
  std::array<double, kCriticFeatures> squares_{};
};

class Critic {
 public:
  // 3 -> 100 -> 100 -> 10 -> 1, ReLU, sigmoid; Xavier uniform weights, zero biases.
  Critic(std::uint64_t seed, torch::Device device);

  // features: [B, 3], normalised -> [B] in (0, 1). Differentiable by parameters and features.
  [[nodiscard]] torch::Tensor Forward(const torch::Tensor& features) const;
  // [B, 3] normalised features as they enter Forward.
  [[nodiscard]] torch::Tensor Features(const nn::RowBatch& batch, std::span<const double> nll,
                                       const CriticNormaliser& normaliser) const;

  [[nodiscard]] const std::vector<torch::Tensor>& parameters() const { return parameters_; }
  std::vector<torch::Tensor>& parameters() { return parameters_; }
  [[nodiscard]] std::int64_t NumParameters() const;
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);

 private:
  std::vector<torch::Tensor> parameters_;  // weight, bias of each layer; requires_grad
};

// What one look of the critic at a batch gives.
struct CriticStep {
  std::vector<double> value;  // [B] C(phi)
  std::vector<double> slope;  // [B] dC/d nll, by the raw nll; empty unless asked for
  double loss = 0.0;          // mean (C - omega)^2, without the penalty
};

// Evaluates the critic and, with `adam`, takes a step along mean (C - omega)^2 + l2 |psi|^2 / B. The slope is
// that of the critic before the step.
CriticStep StepCritic(Critic& critic, nn::Adam* adam, const nn::RowBatch& batch, std::span<const double> nll,
                      std::span<const double> omega, const CriticNormaliser& normaliser, double l2, bool want_slope);

}  // namespace recforce::algos
