// SPDX-License-Identifier: Apache-2.0
// The network of Multi-VAE and Multi-DAE (Liang et al., WWW 2018; actor of Lobel et al., ICLR 2020), forward and
// backward by hand over sparse rows: no dense user-item matrix, no autograd tape. Equations: RaCT spec, 1.2.
// Shapes: B users, I items, H hidden, K latent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/recommender.h"

namespace recforce::algos {

struct AutoencoderShape {
  std::int64_t items = 0;
  std::int64_t hidden = 600;  // 0: no hidden layers, items -> latent tanh -> items (Liang's Multi-DAE)
  std::int64_t latent = 200;
  bool variational = true;
};

// Tables that meet items are item-major, so that a click touches one row. Undefined where the shape has no use
// for them. Copies share memory.
struct AutoencoderParams {
  AutoencoderShape shape;
  torch::Tensor encoder, encoder_bias;  // [I, H], [H]
  torch::Tensor mu, mu_bias;            // [K, H], [K]
  torch::Tensor logvar, logvar_bias;    // [K, H], [K]; variational only
  torch::Tensor decoder, decoder_bias;  // [H, K], [H]
  torch::Tensor output, output_bias;    // [I, H], [I]

  // Xavier uniform weights, biases truncated normal with deviation 0.001.
  static AutoencoderParams Init(const AutoencoderShape& shape, std::uint64_t seed, torch::Device device);
  static AutoencoderParams Load(const AutoencoderShape& shape, const base::TensorSet& set, const std::string& prefix,
                                torch::Device device);
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Every defined tensor with its name, the encoder table first.
  [[nodiscard]] std::vector<std::pair<std::string, torch::Tensor*>> Named();
  [[nodiscard]] std::vector<torch::Tensor> Tensors() const;
  [[nodiscard]] AutoencoderParams Clone() const;
  void CopyFrom(const AutoencoderParams& other);  // in place
};

// Gradients in the order of AutoencoderParams::Named(); the first is of the encoder's touched rows only.
using AutoencoderGradients = std::vector<torch::Tensor>;

// One forward and backward pass, with the memory it needs kept between steps. Not thread-safe.
class AutoencoderPass {
 public:
  // Leaves `logits` without the output's bias. noise: [B, K] or undefined for none (z = mu).
  void Forward(const AutoencoderParams& params, const nn::RowBatch& batch, const torch::Tensor& noise);
  // KL of every row, from the last Forward (RaCT spec, 1.2 step 7); zeros when not variational.
  [[nodiscard]] std::vector<double> Kl() const;
  // `logits` now hold dL/dlogits; L gains kl_weight times the sum of Kl(). REQUIRES: Forward with the same batch.
  AutoencoderGradients Backward(const AutoencoderParams& params, const nn::RowBatch& batch, double kl_weight);

  torch::Tensor logits;  // [B, I]

 private:
  torch::Tensor logits_memory_;
  torch::Tensor output_gradient_;
  torch::Tensor noise_;
  torch::Tensor h1_, mu_, logvar_, sigma_, z_, h2_;
};

// Scores without dropout and noise (z = mu), histories L2-normalised. Shares the memory of `params`.
class AutoencoderRecommender final : public core::Recommender {
 public:
  explicit AutoencoderRecommender(AutoencoderParams params) : params_(std::move(params)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return params_.shape.items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;

 private:
  AutoencoderParams params_;
};

// A recommender from exported tensors, on the device called `device`. Error(Data) when they do not fit the shape.
std::unique_ptr<core::Recommender> LoadAutoencoder(const AutoencoderShape& shape, const base::TensorSet& tensors,
                                                   const std::string& device);

}  // namespace recforce::algos
