// SPDX-License-Identifier: Apache-2.0
// Multi-VAE and Multi-DAE (Liang et al., WWW 2018) with their relatives among the actors of Lobel et al. (ICLR 2020),
// forward and backward by hand over sparse rows: no dense user-item matrix, no autograd tape. Equations: RaCT
// spec, 1.2. Shapes: B users, I items, H hidden, K latent.
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

// Which layers there are. `->` is a linear layer with a bias; the code of a variational one is z = mu + noise sigma.
//
// hidden  variational  network
// H > 0   yes          I -> H tanh -> mu, logvar K -> H tanh -> I       Multi-VAE
// H > 0   no           I -> H tanh -> K -> H tanh -> I                  Multi-DAE of the RaCT code
// 0       yes          I -> mu, logvar K -> I, never a tanh             linear VAE (the RaCT code's "variational WMF")
// 0       no           I -> K tanh -> I                                 Multi-DAE of Liang et al.
//
// Without the tanh, the last is the RaCT code's "WMF".
struct AutoencoderShape {
  std::int64_t items = 0;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
  bool variational = true;
  bool linear = false;       // no tanh anywhere
  double input_scale = 1.0;  // entries of a row are multiplied by this, in training and in recommending
};

// Tables that meet items are item-major, so that a click touches one row. Undefined where the shape has no use
// for them. Copies share memory.
struct AutoencoderParams {
  AutoencoderShape shape;
  // [I, H], [H]; hidden = 0: [I, K], [K], or [I, 2 K], [2 K] with mu on the left and logvar on the right.
  torch::Tensor encoder, encoder_bias;
  torch::Tensor mu, mu_bias;            // [K, H], [K]
  torch::Tensor logvar, logvar_bias;    // [K, H], [K]; variational only
  torch::Tensor decoder, decoder_bias;  // [H, K], [H]
  torch::Tensor output, output_bias;    // [I, H], [I]; hidden = 0: [I, K], [I]

  // Xavier uniform weights, biases truncated normal with deviation 0.001. xavier_normal: Xavier normal weights, biases
  // 0, as RecBole has them.
  static AutoencoderParams Init(const AutoencoderShape& shape, std::uint64_t seed, torch::Device device,
                                bool xavier_normal = false);
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
  // Leaves `logits` without the output's bias. noise: [B, K] or undefined for none (z = mu); without effect where the
  // network is not variational.
  void Forward(const AutoencoderParams& params, const nn::RowBatch& batch, const torch::Tensor& noise);
  // KL of every row, from the last Forward (RaCT spec, 1.2 step 7); zeros when not variational.
  [[nodiscard]] std::vector<double> Kl() const;
  // `logits` now hold dL/dlogits; L gains kl_weight times the sum of Kl(). REQUIRES: Forward with the same batch.
  AutoencoderGradients Backward(const AutoencoderParams& params, const nn::RowBatch& batch, double kl_weight);

  // What the output layer read in the last Forward: [B, H], or [B, K] where hidden = 0.
  [[nodiscard]] const torch::Tensor& hidden() const { return h2_; }

  torch::Tensor logits;  // [B, I]

 private:
  struct CodeGradients {
    torch::Tensor mu, logvar;
  };
  // mu, logvar, sigma and z, from the first layer's output.
  void Encode(const AutoencoderParams& params, const torch::Tensor& noise);
  // dL/dmu and dL/dlogvar, the KL's share included, from dL/dz. logvar: undefined where not variational.
  [[nodiscard]] CodeGradients ByCode(const torch::Tensor& dz, double kl_weight) const;
  // Gradients of the layers between the first and the output; d: dL/dh2 becomes dL/dh1.
  [[nodiscard]] AutoencoderGradients MiddleBackward(const AutoencoderParams& params, double kl_weight,
                                                    torch::Tensor* d) const;

  std::vector<float> scale_;
  torch::Tensor logits_memory_;
  torch::Tensor output_gradient_;
  torch::Tensor noise_;
  torch::Tensor h1_, mu_, logvar_, sigma_, z_, h2_;
};

// Scores without dropout and noise (z = mu), histories L2-normalised (times input_scale). Shares the memory of
// `params`.
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
