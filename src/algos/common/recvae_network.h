// SPDX-License-Identifier: Apache-2.0
// The networks of RecVAE (Shenbin et al., "RecVAE: A New Variational Autoencoder for Top-N Recommendations with
// Implicit Feedback", WSDM 2020): an encoder of five densely connected layers and a decoder of one, forward and
// backward by hand over sparse rows. Equations: docs/algorithms/recvae.md. Shapes: B users, I items, H hidden, K
// latent.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "nn/row_batch.h"
#include "nn/torch.h"
#include "recforce/base/tensor_file.h"

namespace recforce::algos {

struct RecvaeShape {
  std::int64_t items = 0;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
};

// Tensors with their names, in a fixed order. Copies share memory.
struct NamedTensors {
  std::vector<std::pair<std::string, torch::Tensor>> list;

  [[nodiscard]] torch::Tensor& at(std::size_t index) { return list[index].second; }
  [[nodiscard]] const torch::Tensor& at(std::size_t index) const { return list[index].second; }
  [[nodiscard]] std::vector<torch::Tensor> Tensors() const;
  [[nodiscard]] NamedTensors Clone() const;
  void CopyFrom(const NamedTensors& other);  // in place
  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // in place; Error(Data) when shapes differ
};

// Where the encoder's tensors are in its list.
struct EncoderPlaces {
  static constexpr std::size_t kLayers = 5;
  static constexpr std::size_t kTable = 0;    // [I, H], a row an item; the bias follows
  static constexpr std::size_t kMu = 20;      // [K, H], [K]
  static constexpr std::size_t kLogvar = 22;  // [K, H], [K]
  static constexpr std::size_t Weight(std::size_t layer) { return 4 * layer; }    // [H, H] but for layer 0; bias next
  static constexpr std::size_t Gain(std::size_t layer) { return 4 * layer + 2; }  // [H]; bias next
};

// Matrices Xavier uniform, biases truncated normal with deviation 0.001, gains of norms 1 and their biases 0.
NamedTensors InitEncoder(const RecvaeShape& shape, std::uint64_t seed, torch::Device device);
// [I, K] and [I].
NamedTensors InitDecoder(const RecvaeShape& shape, std::uint64_t seed, torch::Device device);

// One pass through an encoder, with the memory it needs. Not thread-safe.
class EncoderPass {
 public:
  void Forward(const NamedTensors& encoder, data::CsrView rows, std::span<const float> scale);
  // Gradients in the order of the encoder's tensors, from those by mu and logvar; the first is of the touched rows of
  // the table only. REQUIRES: Forward with the rows of `by_item`.
  std::vector<torch::Tensor> Backward(const NamedTensors& encoder, const nn::ItemMajor& by_item,
                                      std::span<const float> scale, const torch::Tensor& d_mu,
                                      const torch::Tensor& d_logvar) const;

  torch::Tensor mu, logvar;  // [B, K]

 private:
  std::array<torch::Tensor, EncoderPlaces::kLayers> sums_, outputs_, statistics_;
};

// The composite prior: for each number of the code a mixture of the standard normal, the posterior of the encoder as it
// was (mean, log-variance), and a wide normal with log-variance 10; weights 3/20, 3/4, 1/10 (the authors').
struct CompositeKl {
  std::vector<double> kl;    // [B] log q(z | x) - log p(z | x) at the sample z
  torch::Tensor z_gradient;  // [B, K] of sum over u of weight[u] kl[u], by z as an argument of the prior
};

// z = mu + noise exp(logvar / 2) is the sample; all [B, K]. By mu the gradient of the KL term is z_gradient; by logvar
// it is z_gradient noise exp(logvar / 2) / 2 - weight / 2: the density of q at its own sample does not depend on mu.
CompositeKl CompositeDivergence(const torch::Tensor& z, const torch::Tensor& logvar, const torch::Tensor& noise,
                                const torch::Tensor& old_mu, const torch::Tensor& old_logvar,
                                std::span<const double> weight);

}  // namespace recforce::algos
