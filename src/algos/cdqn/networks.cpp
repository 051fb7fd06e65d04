// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/networks.h"

#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "nn/init.h"
#include "nn/tensor_io.h"

namespace recforce::algos {
namespace {

std::int64_t SizeOf(const std::vector<std::int64_t>& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
}

torch::Tensor View(const torch::Tensor& flat, const CdqnPiece& piece) {
  return flat.narrow(0, piece.offset, SizeOf(piece.shape)).view(piece.shape);
}

}  // namespace

std::int64_t CdqnLayout::Add(std::string name, std::vector<std::int64_t> extents) {
  const std::int64_t at = size;
  size += SizeOf(extents);
  pieces.push_back({std::move(name), std::move(extents), at});
  return at;
}

CdqnLayout::CdqnLayout(const CdqnShape& shape) {
  table = Add("item.embedding", {shape.items + 1, shape.embedding});
  if (shape.memory > 1) {
    weights = Add("state.weights", {shape.sums, shape.memory});
  }
  networks = size;
  const std::int64_t count = shape.shared ? 1 : shape.positions;
  for (std::int64_t network = 0; network < count; ++network) {
    std::vector<DenseLayer> stack;
    std::int64_t in = shape.context_width(network) + shape.item_width();
    for (std::size_t layer = 0; layer <= shape.hidden.size(); ++layer) {
      const std::string prefix = "q." + std::to_string(network) + "." + std::to_string(layer) + ".";
      const std::int64_t out = layer < shape.hidden.size() ? shape.hidden[layer] : 1;
      const std::int64_t weight = Add(prefix + "weight", {out, in});
      // Positions that share a network differ by the bias of its first layer alone.
      const std::int64_t biases = shape.shared && layer == 0 ? shape.positions : 1;
      stack.push_back({weight, Add(prefix + "bias", {biases, out}), in, out});
      in = out;
    }
    layers_.push_back(std::move(stack));
  }
  for (std::int64_t position = 1; shape.shared && position < shape.positions; ++position) {
    layers_.push_back(layers_[0]);
    layers_.back()[0].bias += position * layers_[0][0].out;
  }
}

CdqnParams CdqnParams::Init(const CdqnShape& shape, base::MatrixView<const float> features, std::uint64_t seed,
                            torch::Device device) {
  const CdqnLayout layout(shape);
  CdqnParams params{shape, torch::zeros({layout.size}, torch::kFloat32), torch::empty({shape.items, shape.features})};
  std::copy_n(features.data, shape.items * shape.features, params.features.data_ptr<float>());
  std::uint64_t number = 0;
  for (const CdqnPiece& piece : layout.pieces) {
    torch::Tensor view = View(params.flat, piece);
    if (piece.offset == layout.table) {
      const double deviation = 1.0 / std::sqrt(static_cast<double>(shape.embedding));
      view.copy_(nn::TruncatedNormal(piece.shape, deviation, seed, number));
    } else if (piece.name.ends_with("weight") || piece.name.ends_with("weights")) {
      view.copy_(nn::XavierUniform(piece.shape, piece.shape[1], piece.shape[0], seed, number));
    }
    ++number;
  }
  params.flat = params.flat.to(device);
  params.features = params.features.to(device);
  return params;
}

torch::Tensor CdqnParams::LoadFlat(const CdqnShape& shape, const base::TensorSet& set, const std::string& prefix,
                                   torch::Device device) {
  const CdqnLayout layout(shape);
  for (const CdqnPiece& piece : layout.pieces) {  // before memory is taken for what a damaged file says
    nn::CheckedView(set, prefix + piece.name, piece.shape);
  }
  torch::Tensor flat = torch::empty({layout.size}, torch::kFloat32);
  for (const CdqnPiece& piece : layout.pieces) {
    View(flat, piece).copy_(nn::GetTensor(set, prefix + piece.name, piece.shape, torch::kCPU));
  }
  return flat.to(device);
}

void CdqnParams::SaveFlat(const CdqnShape& shape, const torch::Tensor& flat, base::TensorSet& set,
                          const std::string& prefix) {
  const torch::Tensor host = flat.to(torch::kCPU);
  for (const CdqnPiece& piece : CdqnLayout(shape).pieces) {
    nn::AddTensor(set, prefix + piece.name, View(host, piece));
  }
}

}  // namespace recforce::algos
