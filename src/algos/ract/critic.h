// SPDX-License-Identifier: Apache-2.0
// The critic of RaCT: a small network from what is known of a user's step to the metric that the actor earns.
// RaCT spec, 1.3. Shapes: B users, F features (F = 3 in the paper: |H1|, |H0|, error).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/adam.h"
#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

// What the critic may see of a user's step: how many clicks were shown, how many hidden, and the error of the row.
enum class CriticFeature : std::uint8_t { kSeen, kHidden, kError };
const std::vector<std::string>& CriticFeatureNames();  // "seen", "hidden", "error"
// Error(Usage) for another name, a name twice, or none.
std::vector<CriticFeature> ParseCriticFeatures(const std::vector<std::string>& names);

// How features are brought to one scale.
enum class CriticScaling : std::uint8_t {
  kFrozen,  // mean and deviation over the training users, measured once
  kNone,    // what the authors' batch normalisation comes to, as it never collects statistics: over sqrt(1.001)
  kEma,     // a running mean and variance of batches, while the critic learns alone; frozen afterwards
  kBatch,   // of each batch, as RecBole: a shift of all errors is invisible then, so their gradients add up to zero
};
const std::vector<std::string>& CriticScalingNames();  // "frozen", "none", "ema", "batch"
CriticScaling ParseCriticScaling(const std::string& name);

// Features are read as (feature - mean) / deviation. [F]
struct CriticNormaliser {
  std::vector<double> mean;
  std::vector<double> deviation;

  static CriticNormaliser Identity(std::size_t features);
  // Deviations of sqrt(1.001), see CriticScaling::kNone.
  static CriticNormaliser Authors(std::size_t features);
  // One step of running statistics towards those of `rows`, [B, F].
  void MoveTowards(std::span<const double> rows, double share);
  void Save(base::TensorSet& set, const std::string& name) const;
  void Load(const base::TensorSet& set, const std::string& name);  // Error(Data) for another number of features
};

// Gathers mean and deviation of rows of features. A feature that never varies gets deviation 1.
class CriticStatistics {
 public:
  explicit CriticStatistics(std::size_t features) : sum_(features), squares_(features) {}
  void Add(std::span<const double> rows);  // [B, F]
  [[nodiscard]] CriticNormaliser Normaliser() const;

 private:
  double count_ = 0.0;
  std::vector<double> sum_, squares_;
};

// Rows of features: [B, F].
std::vector<double> FeaturesOf(const nn::RowBatch& batch, std::span<const double> errors,
                               std::span<const CriticFeature> features);

class Critic {
 public:
  // F -> 100 -> 100 -> 10 -> 1, ReLU, at the end sigmoid if `bounded`, else softplus; Xavier uniform weights, or Xavier
  // normal, zero biases.
  Critic(std::int64_t features, bool bounded, bool xavier_normal, std::uint64_t seed, torch::Device device);

  // features: [B, F], normalised -> [B]. Differentiable by parameters and features.
  [[nodiscard]] torch::Tensor Forward(const torch::Tensor& features) const;

  [[nodiscard]] const std::vector<torch::Tensor>& parameters() const { return parameters_; }
  std::vector<torch::Tensor>& parameters() { return parameters_; }
  [[nodiscard]] std::int64_t NumParameters() const;
  void Save(base::TensorSet& set) const;
  void Load(const base::TensorSet& set);

 private:
  bool bounded_;
  std::vector<torch::Tensor> parameters_;  // weight, bias of each layer; requires_grad
};

// What one look of the critic at a batch gives.
struct CriticStep {
  std::vector<double> value;  // [B] C(phi)
  std::vector<double> slope;  // [B] dC/d error, by the raw error; empty unless asked for
  double loss = 0.0;          // mean (C - omega)^2, without the penalty
};

struct CriticLook {
  std::span<const double> features;  // [B, F] raw
  std::span<const double> omega;     // [B]
  bool batch_statistics = false;     // CriticScaling::kBatch; `normaliser` is not used
  std::int64_t slope_of = -1;        // the feature by which the slope is wanted; -1: none
};

// Evaluates the critic and, with `adam`, takes a step along mean (C - omega)^2 + l2 |psi|^2 / B. The slope is that of
// the critic before the step.
CriticStep StepCritic(Critic& critic, nn::Adam* adam, const CriticLook& look, const CriticNormaliser& normaliser,
                      double l2);

}  // namespace recforce::algos
