// SPDX-License-Identifier: Apache-2.0
// Widths of layers are padded with zeros to whole registers; ELU(0) = 0, so padding stays without effect.
#include "algos/gan_user_model/user_net.h"

#include <algorithm>
#include <bit>

#include "algos/common/elementwise.h"
#include "algos/common/simd.h"
#include "nn/tensor_io.h"
#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kPanel = 16;  // outputs that one pass over the inputs computes: two registers
constexpr std::int64_t kRows = 4;    // rows that share a load of weights
constexpr std::int64_t kBlock = 64;  // rows that go through all layers together, so that they stay in the cache
constexpr std::int64_t kAhead = 8;   // rows of a large catalogue that are fetched before their turn
constexpr std::int64_t kLine = 16;   // numbers in a line of the cache

std::int64_t Padded(std::int64_t width) { return (width + kPanel - 1) / kPanel * kPanel; }

std::span<const float> Read(const base::TensorSet& set, const std::string& name, torch::IntArrayRef shape) {
  return nn::CheckedView(set, name, shape).As<float>();
}

// [rows, cols] with rows of `padded` numbers.
std::vector<float> PadRows(std::span<const float> values, std::int64_t cols, std::int64_t padded) {
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / cols;
  std::vector<float> out(static_cast<std::size_t>(rows * padded), 0.0F);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(values.begin() + r * cols, cols, out.begin() + r * padded);
  }
  return out;
}

// in [rows, inner] weight [inner, cols]
std::vector<float> Product(std::span<const float> in, std::int64_t inner, const float* weight, std::int64_t cols) {
  const std::int64_t rows = static_cast<std::int64_t>(in.size()) / inner;
  std::vector<float> out(static_cast<std::size_t>(rows * cols), 0.0F);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t i = 0; i < inner; ++i) {
      AddScaled(weight + i * cols, cols, in[static_cast<std::size_t>(r * inner + i)], out.data() + r * cols);
    }
  }
  return out;
}

void Fetch(const float* from, std::int64_t count) {
  for (std::int64_t at = 0; at < count; at += kLine) {
    __builtin_prefetch(from + at);
  }
  __builtin_prefetch(from + count - 1);
}

// sums [kSums, width] += weight [kSums, memory] times the rows of `table` that `clicks` names, newest first.
template <std::int64_t kSums>
void AddClicks(std::span<const std::int32_t> clicks, const float* table, std::int64_t width, const float* weight,
               std::int64_t memory, float* sums) {
  std::int64_t at = 0;
  for (; at + 8 <= width; at += 8) {
    Float8 sum[kSums];
    for (std::int64_t n = 0; n < kSums; ++n) {
      sum[n] = Load8(sums + n * width + at);
    }
    for (std::size_t lag = 0; lag < clicks.size(); ++lag) {
      const Float8 f = Load8(table + clicks[lag] * width + at);
      for (std::int64_t n = 0; n < kSums; ++n) {
        sum[n] += weight[n * memory + static_cast<std::int64_t>(lag)] * f;
      }
    }
    for (std::int64_t n = 0; n < kSums; ++n) {
      Store8(sums + n * width + at, sum[n]);
    }
  }
  for (std::size_t lag = 0; lag < clicks.size(); ++lag) {
    for (std::int64_t n = 0; n < kSums; ++n) {
      AddScaled(table + clicks[lag] * width + at, width - at, weight[n * memory + static_cast<std::int64_t>(lag)],
                sums + n * width + at);
    }
  }
}

float Sigmoid(float x) { return 1.0F / (1.0F + nn::FastExp(-x)); }

// out := in weight + bias for kSide rows and 8 kWide outputs; weight: [inner, width], the others begin at their places.
template <std::int64_t kSide, std::int64_t kWide>
void AffineTile(const float* in, std::int64_t inner, const float* weight, const float* bias, std::int64_t width,
                float* out) {
  Float8 sum[kSide][kWide];
  for (auto& row : sum) {
    for (std::int64_t c = 0; c < kWide; ++c) {
      row[c] = Load8(bias + 8 * c);
    }
  }
  for (std::int64_t i = 0; i < inner; ++i, weight += width) {
    Float8 w[kWide];
    for (std::int64_t c = 0; c < kWide; ++c) {
      w[c] = Load8(weight + 8 * c);
    }
    for (std::int64_t r = 0; r < kSide; ++r) {
      for (std::int64_t c = 0; c < kWide; ++c) {
        sum[r][c] += in[r * inner + i] * w[c];
      }
    }
  }
  for (std::int64_t r = 0; r < kSide; ++r) {
    for (std::int64_t c = 0; c < kWide; ++c) {
      Store8(out + r * width + 8 * c, sum[r][c]);
    }
  }
}

// out [rows, width] := in [rows, inner] weight + bias. REQUIRES: rows a multiple of kRows.
void Affine(const float* in, std::int64_t rows, std::int64_t inner, const float* weight, const float* bias,
            std::int64_t width, float* out) {
  for (std::int64_t panel = 0; panel < width; panel += kPanel) {
    for (std::int64_t row = 0; row < rows; row += kRows) {
      AffineTile<kRows, kPanel / 8>(in + row * inner, inner, weight + panel, bias + panel, width,
                                    out + row * width + panel);
    }
  }
}

// The same for one row, which has registers for more outputs.
void AffineRow(const float* in, std::int64_t inner, const float* weight, const float* bias, std::int64_t width,
               float* out) {
  std::int64_t panel = 0;
  for (; panel + kRows * kPanel <= width; panel += kRows * kPanel) {
    AffineTile<1, kRows * kPanel / 8>(in, inner, weight + panel, bias + panel, width, out + panel);
  }
  for (; panel < width; panel += kPanel) {
    AffineTile<1, kPanel / 8>(in, inner, weight + panel, bias + panel, width, out + panel);
  }
}

}  // namespace

UserNet::UserNet(const UserShape& shape, const base::TensorSet& set, const std::string& prefix,
                 std::span<const float> features)
    : shape_(shape), width_(Padded(shape.layers.front())) {
  ReadItems(set, prefix, features);
  ReadState(set, prefix);
  ReadReward(set, prefix);
}

void UserNet::ReadItems(const base::TensorSet& set, const std::string& prefix, std::span<const float> features) {
  const std::span<const float> embedding = Read(set, prefix + "item.embedding", {shape_.items, shape_.dim});
  vectors_.assign(embedding.begin(), embedding.end());
  if (shape_.features > 0) {
    const std::span<const float> map = Read(set, prefix + "feature.weight", {shape_.features, shape_.dim});
    const std::vector<float> mapped = Product(features, shape_.features, map.data(), shape_.dim);
    std::transform(vectors_.begin(), vectors_.end(), mapped.begin(), vectors_.begin(), std::plus<>());
  }
  const float last_bias = Read(set, prefix + "reward.out.bias", {1}).front();
  own_.assign(static_cast<std::size_t>(shape_.items), last_bias);
  if (shape_.item_bias) {
    const std::span<const float> bias = Read(set, prefix + "item.bias", {shape_.items});
    std::transform(own_.begin(), own_.end(), bias.begin(), own_.begin(), std::plus<>());
  }
}

void UserNet::ReadState(const base::TensorSet& set, const std::string& prefix) {
  if (shape_.has_repeats()) {
    const std::span<const float> repeat = Read(set, prefix + "repeat.weight", {shape_.memory});
    repeat_.assign(repeat.begin(), repeat.end());
  }
  if (shape_.state == StateKind::kPositions) {
    const std::span<const float> weight = Read(set, prefix + "position.weight", {shape_.positions, shape_.memory});
    position_weight_.assign(weight.begin(), weight.end());
    position_bias_.assign(static_cast<std::size_t>(shape_.positions * shape_.dim), 0.0F);
    if (shape_.position_bias) {
      const std::span<const float> bias = Read(set, prefix + "position.bias", {shape_.positions, shape_.dim});
      std::copy(bias.begin(), bias.end(), position_bias_.begin());
    }
  }
  if (shape_.state == StateKind::kLstm) {
    const std::int64_t gates = 4 * shape_.hidden;
    in_gates_ = Product(vectors_, shape_.dim, Read(set, prefix + "lstm.input", {shape_.dim, gates}).data(), gates);
    const std::span<const float> hidden = Read(set, prefix + "lstm.hidden", {shape_.hidden, gates});
    gate_weight_.assign(hidden.begin(), hidden.end());
    const std::span<const float> bias = Read(set, prefix + "lstm.bias", {gates});
    for (std::int64_t item = 0; item < shape_.items; ++item) {
      AddScaled(bias.data(), gates, 1.0F, in_gates_.data() + item * gates);
    }
  }
}

void UserNet::ReadReward(const base::TensorSet& set, const std::string& prefix) {
  const std::int64_t first = shape_.layers.front();
  const std::vector<float> item_weight =
      PadRows(Read(set, prefix + "reward.0.item", {shape_.dim, first}), first, width_);
  in_first_ = Product(vectors_, shape_.dim, item_weight.data(), width_);
  first_bias_ = PadRows(Read(set, prefix + "reward.0.bias", {first}), first, width_);
  if (shape_.state_width() > 0) {
    state_weight_ = PadRows(Read(set, prefix + "reward.0.state", {shape_.state_width(), first}), first, width_);
  }
  for (std::size_t number = 1; number < shape_.layers.size(); ++number) {
    const std::int64_t in = shape_.layers[number - 1];
    const std::int64_t out = shape_.layers[number];
    const std::string name = prefix + "reward." + std::to_string(number);
    Layer layer{.in = Padded(in), .out = Padded(out)};
    layer.weight = PadRows(Read(set, name + ".weight", {in, out}), out, layer.out);
    layer.weight.resize(static_cast<std::size_t>(layer.in * layer.out), 0.0F);
    layer.bias = PadRows(Read(set, name + ".bias", {out}), out, layer.out);
    layers_.push_back(std::move(layer));
  }
  const std::int64_t last = shape_.layers.back();
  last_ = PadRows(Read(set, prefix + "reward.out.weight", {last}), last, Padded(last));
}

std::int64_t UserNet::clicks_at() const { return width_ + (shape_.state == StateKind::kLstm ? 2 * shape_.hidden : 0); }

std::int64_t UserNet::num_traits() const { return clicks_at() + static_cast<std::int64_t>(repeat_.size()); }

// The bits of item + 1, so that every number of a catalogue is exact and no click is zero.
void UserNet::KeepClicks(std::span<const std::int32_t> recent, float* traits) const {
  for (std::size_t lag = 0; lag < repeat_.size(); ++lag) {
    const std::int32_t item = lag < recent.size() ? recent[lag] : -1;
    traits[clicks_at() + static_cast<std::int64_t>(lag)] = std::bit_cast<float>(item + 1);
  }
}

float UserNet::Repeat(const float* traits, std::int32_t item) const {
  const float* clicks = traits + clicks_at();
  for (std::size_t lag = 0; lag < repeat_.size(); ++lag) {
    const auto clicked = std::bit_cast<std::int32_t>(clicks[lag]);
    if (clicked == item + 1) {
      return repeat_[lag];
    }
    if (clicked == 0) {
      break;
    }
  }
  return 0.0F;
}

// c := c sigmoid(f + 1) + sigmoid(i) tanh(j), h := tanh(c) sigmoid(o)
void UserNet::StepLstm(std::int32_t item, float* h, float* c) const {
  const std::int64_t size = shape_.hidden;
  std::vector<float> gates(in_gates_.begin() + item * 4 * size, in_gates_.begin() + (item + 1) * 4 * size);
  for (std::int64_t u = 0; u < size; ++u) {
    AddScaled(gate_weight_.data() + u * 4 * size, 4 * size, h[u], gates.data());
  }
  const float* g = gates.data();
  for (std::int64_t u = 0; u < size; ++u) {
    c[u] = c[u] * Sigmoid(g[2 * size + u] + 1.0F) + Sigmoid(g[u]) * nn::FastTanh(g[size + u]);
    h[u] = nn::FastTanh(c[u]) * Sigmoid(g[3 * size + u]);
  }
}

void UserNet::PositionState(std::span<const std::int32_t> recent, float* state) const {
  const std::int64_t d = shape_.dim;
  std::copy(position_bias_.begin(), position_bias_.end(), state);
  const auto read = recent.first(std::min(recent.size(), static_cast<std::size_t>(shape_.memory)));
  const auto clicks = read.first(static_cast<std::size_t>(
      std::find_if(read.begin(), read.end(), [](std::int32_t i) { return i < 0; }) - read.begin()));
  for (const std::int32_t item : clicks) {
    Fetch(vectors_.data() + item * d, d);
  }
  std::int64_t n = 0;
  for (; n + 4 <= shape_.positions; n += 4) {
    AddClicks<4>(clicks, vectors_.data(), d, position_weight_.data() + n * shape_.memory, shape_.memory, state + n * d);
  }
  for (; n < shape_.positions; ++n) {
    AddClicks<1>(clicks, vectors_.data(), d, position_weight_.data() + n * shape_.memory, shape_.memory, state + n * d);
  }
  if (shape_.squash == Squash::kElu) {
    EluInPlace(state, shape_.positions * d);
  } else if (shape_.squash == Squash::kTanh) {
    std::transform(state, state + shape_.positions * d, state, [](float x) { return nn::FastTanh(x); });
  }
}

void UserNet::FirstLayer(const float* state, float* traits) const {
  if (shape_.state == StateKind::kNone) {
    std::copy(first_bias_.begin(), first_bias_.end(), traits);
    return;
  }
  AffineRow(state, shape_.state_width(), state_weight_.data(), first_bias_.data(), width_, traits);
}

void UserNet::AfterClicks(std::span<const std::int32_t> recent, float* traits) const {
  KeepClicks(recent, traits);
  if (shape_.state == StateKind::kLstm) {
    float* h = traits + width_;
    std::fill(h, h + 2 * shape_.hidden, 0.0F);
    const std::span<const std::int32_t> read =
        recent.first(std::min(recent.size(), static_cast<std::size_t>(shape_.memory)));
    const auto end = std::find_if(read.begin(), read.end(), [](std::int32_t item) { return item < 0; });
    for (auto at = end; at != read.begin();) {
      StepLstm(*--at, h, h + shape_.hidden);
    }
    FirstLayer(h, traits);
    return;
  }
  std::vector<float> state(static_cast<std::size_t>(shape_.state_width()));
  if (shape_.state == StateKind::kPositions) {
    PositionState(recent, state.data());
  }
  FirstLayer(state.data(), traits);
}

void UserNet::Advance(std::span<const std::int32_t> recent, float* traits) const {
  const auto memory = static_cast<std::size_t>(shape_.memory);
  if (shape_.state == StateKind::kNone) {
    return;
  }
  // Once clicks fall out of the window, the state is that of the window alone.
  if (shape_.state == StateKind::kPositions || (recent.size() >= memory && recent[memory - 1] >= 0)) {
    AfterClicks(recent, traits);
    return;
  }
  KeepClicks(recent, traits);
  float* h = traits + width_;
  StepLstm(recent.front(), h, h + shape_.hidden);
  FirstLayer(h, traits);
}

void UserNet::Rewards(std::span<const float* const> traits, std::span<const std::int32_t> items, Scratch& scratch,
                      float* out) const {
  std::int64_t widest = width_;
  for (const Layer& layer : layers_) {
    widest = std::max(widest, layer.out);
  }
  scratch.in.resize(static_cast<std::size_t>(kBlock * widest));
  scratch.out.resize(scratch.in.size());
  const auto rows = static_cast<std::int64_t>(items.size());
  for (std::int64_t begin = 0; begin < rows; begin += kBlock) {
    const std::int64_t count = std::min(kBlock, rows - begin);
    const std::int64_t padded = (count + kRows - 1) / kRows * kRows;
    for (std::int64_t r = 0; r < count; ++r) {
      if (begin + r + kAhead < rows) {
        const std::int32_t next = items[static_cast<std::size_t>(begin + r + kAhead)];
        Fetch(in_first_.data() + next * width_, width_);
        Fetch(own_.data() + next, 1);
      }
      const float* a = traits[static_cast<std::size_t>(begin + r)];
      const float* b = in_first_.data() + items[static_cast<std::size_t>(begin + r)] * width_;
      std::transform(a, a + width_, b, scratch.in.data() + r * width_, std::plus<>());
    }
    std::fill(scratch.in.data() + count * width_, scratch.in.data() + padded * width_, 0.0F);
    EluInPlace(scratch.in.data(), count * width_);
    for (const Layer& layer : layers_) {
      Affine(scratch.in.data(), padded, layer.in, layer.weight.data(), layer.bias.data(), layer.out,
             scratch.out.data());
      EluInPlace(scratch.out.data(), count * layer.out);
      std::swap(scratch.in, scratch.out);
    }
    const auto last = static_cast<std::int64_t>(last_.size());
    for (std::int64_t r = 0; r < count; ++r) {
      out[begin + r] = Dot(scratch.in.data() + r * last, last_.data(), last) +
                       own_[static_cast<std::size_t>(items[static_cast<std::size_t>(begin + r)])] +
                       Repeat(traits[static_cast<std::size_t>(begin + r)], items[static_cast<std::size_t>(begin + r)]);
    }
  }
}

}  // namespace recforce::algos
