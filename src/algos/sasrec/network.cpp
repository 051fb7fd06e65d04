// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/network.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "nn/init.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr double kTableDeviation = 0.02;

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

torch::Tensor View(const torch::Tensor& flat, const Piece& piece) {
  const std::int64_t size =
      std::accumulate(piece.shape.begin(), piece.shape.end(), std::int64_t{1}, std::multiplies<>());
  return flat.narrow(0, piece.offset, size).view(piece.shape);
}

}  // namespace

SasrecLayout::SasrecLayout(const SasrecShape& shape) {
  const std::int64_t d = shape.hidden;
  const auto add = [this](std::string name, std::vector<std::int64_t> extents) {
    const std::int64_t at = size;
    size += std::accumulate(extents.begin(), extents.end(), std::int64_t{1}, std::multiplies<>());
    pieces.push_back({std::move(name), std::move(extents), at});
    return at;
  };
  item = add("item.weight", {shape.items, d});
  position = add("position.weight", {shape.max_length, d});
  for (std::int64_t number = 0; number < shape.blocks; ++number) {
    const std::string prefix = "block." + std::to_string(number) + ".";
    BlockOffsets block{};
    block.norm1_gain = add(prefix + "norm1.gain", {d});
    block.norm1_bias = add(prefix + "norm1.bias", {d});
    block.qkv = add(prefix + "qkv.weight", {3 * d, d});
    block.qkv_bias = add(prefix + "qkv.bias", {3 * d});
    block.mix = add(prefix + "mix.weight", {d, d});
    block.mix_bias = add(prefix + "mix.bias", {d});
    block.norm2_gain = add(prefix + "norm2.gain", {d});
    block.norm2_bias = add(prefix + "norm2.bias", {d});
    block.expand = add(prefix + "expand.weight", {shape.inner, d});
    block.expand_bias = add(prefix + "expand.bias", {shape.inner});
    block.contract = add(prefix + "contract.weight", {d, shape.inner});
    block.contract_bias = add(prefix + "contract.bias", {d});
    blocks.push_back(block);
  }
  if (!shape.norm_last) {
    norm_gain = add("norm.gain", {d});
    norm_bias = add("norm.bias", {d});
  }
}

SasrecParams SasrecParams::Init(const SasrecShape& shape, std::uint64_t seed, torch::Device device) {
  const SasrecLayout layout(shape);
  SasrecParams params{shape, torch::zeros({layout.size}, torch::kFloat32)};
  std::uint64_t number = 0;
  for (const Piece& piece : layout.pieces) {
    torch::Tensor view = View(params.flat, piece);
    if (piece.offset == layout.item || piece.offset == layout.position) {
      view.copy_(nn::TruncatedNormal(piece.shape, kTableDeviation, seed, number));
    } else if (EndsWith(piece.name, ".gain")) {
      view.fill_(1.0);
    } else if (EndsWith(piece.name, ".qkv.weight")) {  // three square matrices
      view.copy_(nn::XavierUniform(piece.shape, shape.hidden, shape.hidden, seed, number));
    } else if (EndsWith(piece.name, ".weight")) {
      view.copy_(nn::XavierUniform(piece.shape, piece.shape[1], piece.shape[0], seed, number));
    }
    ++number;
  }
  params.flat = params.flat.to(device);
  return params;
}

SasrecParams SasrecParams::Load(const SasrecShape& shape, const base::TensorSet& set, const std::string& prefix,
                                torch::Device device) {
  const SasrecLayout layout(shape);
  SasrecParams params{shape, torch::empty({layout.size}, torch::kFloat32)};
  for (const Piece& piece : layout.pieces) {
    View(params.flat, piece).copy_(nn::GetTensor(set, prefix + piece.name, piece.shape, torch::kCPU));
  }
  params.flat = params.flat.to(device);
  return params;
}

void SasrecParams::Save(base::TensorSet& set, const std::string& prefix) const {
  const torch::Tensor host = flat.to(torch::kCPU);
  for (const Piece& piece : SasrecLayout(shape).pieces) {
    nn::AddTensor(set, prefix + piece.name, View(host, piece));
  }
}

torch::Tensor PieceOf(const torch::Tensor& flat, const SasrecLayout& layout, const std::string& name) {
  const auto found =
      std::find_if(layout.pieces.begin(), layout.pieces.end(), [&](const Piece& piece) { return piece.name == name; });
  RECFORCE_CHECK(found != layout.pieces.end(), "no tensor is called " + name);
  return View(flat, *found);
}

}  // namespace recforce::algos
