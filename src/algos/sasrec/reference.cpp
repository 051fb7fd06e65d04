// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/reference.h"

#include <algorithm>
#include <cmath>

namespace recforce::algos {
namespace {

constexpr double kNormEpsilon = 1e-6;
constexpr double kHidden = -1e9;  // instead of -infinity: rows of padding see nothing and must stay finite

torch::Tensor Indices(const std::vector<std::int64_t>& values, torch::Device device) {
  return torch::tensor(values, torch::kInt64).to(device);
}

torch::Tensor Indices(const std::vector<std::int32_t>& values, torch::Device device) {
  return Indices(std::vector<std::int64_t>(values.begin(), values.end()), device);
}

// Where packed rows lie in a batch [U, L], sequences aligned to the end.
struct Padding {
  Padding(const Sequences& sequences, torch::Device device) {
    for (std::int64_t u = 0; u < sequences.rows(); ++u) {
      length = std::max(length, sequences.length(u));
    }
    std::vector<std::int64_t> where;
    torch::Tensor real_cpu = torch::zeros({sequences.rows(), length}, torch::kBool);
    for (std::int64_t u = 0; u < sequences.rows(); ++u) {
      for (std::int64_t at = length - sequences.length(u); at < length; ++at) {
        where.push_back(u * length + at);
      }
      real_cpu[u].slice(0, length - sequences.length(u)).fill_(true);
    }
    places = Indices(where, device);
    real = real_cpu.to(device);
  }
  // [N, ...] -> [U, L, ...], zeros elsewhere.
  [[nodiscard]] torch::Tensor Pad(const torch::Tensor& packed) const {
    const torch::Tensor flat = torch::zeros({real.numel(), packed.size(1)}, packed.options());
    return flat.index_copy(0, places, packed).view({real.size(0), length, packed.size(1)});
  }
  [[nodiscard]] torch::Tensor Pack(const torch::Tensor& padded) const {
    return padded.reshape({real.numel(), padded.size(2)}).index_select(0, places);
  }
  std::int64_t length = 0;
  torch::Tensor places;  // [N]
  torch::Tensor real;    // [U, L] bool
};

torch::Tensor Bytes(const std::vector<std::uint8_t>& bytes, torch::IntArrayRef shape, const torch::Tensor& like) {
  return torch::from_blob(const_cast<std::uint8_t*>(bytes.data()), shape, torch::kUInt8).to(like.options());
}

// Attention masks, [U, heads, L, L].
torch::Tensor PadSquares(const std::vector<std::uint8_t>& bytes, const Sequences& sequences, std::int64_t heads,
                         std::int64_t length, const torch::Tensor& like) {
  torch::Tensor padded = torch::zeros({sequences.rows(), heads, length, length}, torch::kUInt8);
  std::int64_t begin = 0;
  for (std::int64_t u = 0; u < sequences.rows(); ++u) {
    const std::int64_t own = sequences.length(u);
    const torch::Tensor square =
        torch::from_blob(const_cast<std::uint8_t*>(bytes.data()) + begin, {heads, own, own}, torch::kUInt8);
    padded[u].slice(1, length - own).slice(2, length - own).copy_(square);
    begin += heads * own * own;
  }
  return padded.to(like.options());
}

class Network {
 public:
  Network(const SasrecShape& shape, const torch::Tensor& flat, const Sequences& sequences, const KeepMasks* masks)
      : shape_(shape),
        layout_(shape),
        flat_(flat),
        sequences_(sequences),
        masks_(masks),
        padding_(sequences, flat.device()) {}

  torch::Tensor Forward() {
    const torch::Tensor items = Get("item.weight");
    torch::Tensor x = items.index_select(0, Indices(sequences_.inputs, flat_.device())) *
                      std::sqrt(static_cast<double>(shape_.hidden));
    x = Drop(padding_.Pad(x) + Get("position.weight").slice(0, shape_.max_length - padding_.length),
             masks_ == nullptr ? nullptr : &masks_->input);
    for (std::int64_t number = 0; number < shape_.blocks; ++number) {
      prefix_ = "block." + std::to_string(number) + ".";
      block_ = masks_ == nullptr ? nullptr : &masks_->blocks[static_cast<std::size_t>(number)];
      if (shape_.norm_last) {
        x = Norm(x + Attention(x), prefix_ + "norm1");
        x = Norm(x + Feed(x), prefix_ + "norm2");
      } else {
        x = x + Attention(Norm(x, prefix_ + "norm1"));
        x = x + Feed(Norm(x, prefix_ + "norm2"));
      }
    }
    return padding_.Pack(shape_.norm_last ? x : Norm(x, "norm"));
  }

 private:
  [[nodiscard]] torch::Tensor Get(const std::string& name) const { return PieceOf(flat_, layout_, name); }
  [[nodiscard]] torch::Tensor Norm(const torch::Tensor& x, const std::string& name) const {
    return torch::layer_norm(x, {shape_.hidden}, Get(name + ".gain"), Get(name + ".bias"), kNormEpsilon);
  }
  [[nodiscard]] torch::Tensor Linear(const torch::Tensor& x, const std::string& name) const {
    return torch::linear(x, Get(prefix_ + name + ".weight"), Get(prefix_ + name + ".bias"));
  }
  [[nodiscard]] torch::Tensor Drop(const torch::Tensor& x, const std::vector<std::uint8_t>* keep) const {
    if (keep == nullptr) {
      return x;
    }
    return x * padding_.Pad(Bytes(*keep, {sequences_.positions(), shape_.hidden}, x)) / masks_->keep;
  }
  [[nodiscard]] torch::Tensor Attention(const torch::Tensor& x) const {
    const std::int64_t users = x.size(0);
    const std::int64_t length = x.size(1);
    const std::int64_t width = shape_.hidden / shape_.heads;
    const auto parts = Linear(x, "qkv").view({users, length, 3, shape_.heads, width}).permute({2, 0, 3, 1, 4});
    const torch::Tensor allowed =
        torch::ones({length, length}, x.options()).tril().to(torch::kBool) & padding_.real.view({users, 1, 1, length});
    torch::Tensor scores = parts[0].matmul(parts[1].transpose(-1, -2)) / std::sqrt(static_cast<double>(width));
    scores = scores.masked_fill(allowed.logical_not(), kHidden).softmax(-1);
    if (block_ != nullptr) {
      scores = scores * PadSquares(block_->weights, sequences_, shape_.heads, length, x) / masks_->keep;
    }
    const torch::Tensor mixed = scores.matmul(parts[2]).transpose(1, 2).reshape({users, length, shape_.hidden});
    return Drop(Linear(mixed, "mix"), block_ == nullptr ? nullptr : &block_->mixed);
  }
  [[nodiscard]] torch::Tensor Feed(const torch::Tensor& x) const {
    const torch::Tensor expanded = Linear(x, "expand");
    return Drop(Linear(shape_.gelu ? torch::gelu(expanded, "tanh") : torch::relu(expanded), "contract"),
                block_ == nullptr ? nullptr : &block_->fed);
  }

  const SasrecShape& shape_;
  SasrecLayout layout_;
  const torch::Tensor& flat_;
  const Sequences& sequences_;
  const KeepMasks* masks_;
  Padding padding_;
  std::string prefix_;
  const KeepMasks::Block* block_ = nullptr;
};

}  // namespace

torch::Tensor ReferenceForward(const SasrecShape& shape, const torch::Tensor& flat, const Sequences& sequences,
                               const KeepMasks* masks) {
  return Network(shape, flat, sequences, masks).Forward();
}

torch::Tensor ReferenceLoss(const SasrecShape& shape, const torch::Tensor& flat, const torch::Tensor& hidden,
                            const Sequences& sequences, SasrecLoss loss) {
  const torch::Tensor items = PieceOf(flat, SasrecLayout(shape), "item.weight");
  const torch::Tensor targets = Indices(sequences.targets, flat.device());
  if (loss == SasrecLoss::kFullCrossEntropy) {
    return -hidden.matmul(items.t()).log_softmax(1).gather(1, targets.unsqueeze(1)).sum();
  }
  const torch::Tensor positive = (hidden * items.index_select(0, targets)).sum(1, /*keepdim=*/true);
  const std::int64_t each = sequences.negatives_each;
  torch::Tensor negatives = Indices(sequences.negatives, flat.device()).view({-1, each});
  if (loss == SasrecLoss::kSampledCrossEntropy) {  // a user's negatives, for each of its positions
    std::vector<std::int64_t> owner;
    for (std::int64_t u = 0; u < sequences.rows(); ++u) {
      owner.insert(owner.end(), static_cast<std::size_t>(sequences.length(u)), u);
    }
    negatives = negatives.index_select(0, Indices(owner, flat.device()));
  }
  const torch::Tensor none = negatives < 0;
  const torch::Tensor rows = items.index_select(0, negatives.clamp_min(0).flatten());
  const torch::Tensor scores = torch::bmm(rows.view({-1, each, shape.hidden}), hidden.unsqueeze(2)).squeeze(2);
  if (loss == SasrecLoss::kSampledCrossEntropy) {
    const torch::Tensor others = scores.masked_fill(negatives == targets.unsqueeze(1), kHidden);
    return -torch::cat({positive, others}, 1).log_softmax(1).select(1, 0).sum();
  }
  return torch::softplus(-positive).sum() +
         torch::softplus(scores).masked_fill(none, 0.0).sum() / static_cast<double>(each);
}

}  // namespace recforce::algos
