// SPDX-License-Identifier: Apache-2.0
// Dense layers one after the other with ReLU between them, forward and backward over a few rows on the calling thread.
// T: float or double.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "algos/common/dense.h"
#include "algos/common/elementwise.h"
#include "nn/flat_optimizer.h"
#include "recforce/base/rng.h"

namespace recforce::algos {

// Of a network with these hidden layers.
inline std::vector<std::int64_t> MlpWidths(std::int64_t in, const std::vector<std::int64_t>& hidden, std::int64_t out) {
  std::vector<std::int64_t> widths = {in};
  widths.insert(widths.end(), hidden.begin(), hidden.end());
  widths.push_back(out);
  return widths;
}

// Where the layers of a network lie among parameters.
class Mlp {
 public:
  Mlp() = default;
  // widths: of the input, the hidden layers and the output; the first weight is parameter number `offset`.
  Mlp(std::span<const std::int64_t> widths, std::int64_t offset) : first_(offset), end_(offset) {
    for (std::size_t at = 0; at + 1 < widths.size(); ++at) {
      const DenseLayer layer{end_, end_ + widths[at] * widths[at + 1], widths[at], widths[at + 1]};
      end_ = layer.bias + layer.out;
      layers_.push_back(layer);
    }
  }
  [[nodiscard]] const std::vector<DenseLayer>& layers() const { return layers_; }
  [[nodiscard]] std::int64_t begin() const { return first_; }
  [[nodiscard]] std::int64_t end() const { return end_; }
  [[nodiscard]] std::int64_t in() const { return layers_.front().in; }
  [[nodiscard]] std::int64_t out() const { return layers_.back().out; }
  void AddMatrices(std::vector<nn::FlatMatrix>& matrices) const {
    for (const DenseLayer& layer : layers_) {
      matrices.push_back({layer.weight, layer.out, layer.in});
    }
  }
  // Weights uniform in +-sqrt(6 / in) (He et al. 2015), biases in +-1 / sqrt(in); with `last_zero` the last layer is 0.
  // `number` names the network.
  template <class T>
  void Init(T* params, bool last_zero, std::uint64_t seed, std::uint64_t number) const {
    for (std::size_t at = 0; at < layers_.size(); ++at) {
      const DenseLayer& layer = layers_[at];
      base::Rng rng(seed, base::Stream::kInit, number, static_cast<std::uint32_t>(at));
      const auto in = static_cast<double>(layer.in);
      const bool zero = last_zero && at + 1 == layers_.size();
      const double weight = zero ? 0.0 : std::sqrt(6.0 / in);
      const double bias = zero ? 0.0 : 1.0 / std::sqrt(in);
      for (std::int64_t w = 0; w < layer.in * layer.out; ++w) {
        params[layer.weight + w] = static_cast<T>(weight * (2.0 * rng.Uniform() - 1.0));
      }
      for (std::int64_t b = 0; b < layer.out; ++b) {
        params[layer.bias + b] = static_cast<T>(bias * (2.0 * rng.Uniform() - 1.0));
      }
    }
  }

 private:
  std::int64_t first_ = 0;
  std::int64_t end_ = 0;
  std::vector<DenseLayer> layers_;
};

// One pass through a network. Keeps its memory between calls. Not thread-safe.
template <class T>
class MlpPass {
 public:
  // params: what the Mlp's numbers count in. in: [rows, in], must stay as it is for Backward. Returns [rows, out],
  // which stays until the next Forward.
  const T* Forward(const Mlp& mlp, const T* params, const T* in, std::int64_t rows) {
    outs_.resize(mlp.layers().size());
    in_ = in;
    const T* below = in;
    for (std::size_t at = 0; at < outs_.size(); ++at) {
      const DenseLayer& layer = mlp.layers()[at];
      T* out = Sized(outs_[at], rows * layer.out);
      Dense(params, layer, below, rows, out);
      for (std::int64_t cell = 0; at + 1 < outs_.size() && cell < rows * layer.out; ++cell) {
        out[cell] = out[cell] > T{0} ? out[cell] : T{0};
      }
      below = out;
    }
    return below;
  }

  // Gradients of the last Forward. d_out: [rows, out]. Those of the parameters are added to `gradient`, which begins
  // with the network's own first parameter; d_in := [rows, in]. Null: not asked for.
  void Backward(const Mlp& mlp, const T* params, std::int64_t rows, const T* d_out, T* gradient, T* d_in) {
    const T* d = d_out;
    for (std::size_t at = outs_.size(); at-- > 0;) {
      const DenseLayer& layer = mlp.layers()[at];
      const T* below = at == 0 ? in_ : outs_[at - 1].data();
      T* d_below = at == 0 ? d_in : Sized(at % 2 == 0 ? even_ : odd_, rows * layer.in);
      DenseBackward(params, mlp.begin(), layer, below, rows, d, gradient, d_below);
      for (std::int64_t cell = 0; at > 0 && cell < rows * layer.in; ++cell) {
        d_below[cell] = below[cell] > T{0} ? d_below[cell] : T{0};
      }
      d = d_below;
    }
  }

 private:
  std::vector<std::vector<T>> outs_;
  std::vector<T> even_, odd_;
  const T* in_ = nullptr;
};

}  // namespace recforce::algos
