// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/network.h"

#include <cmath>

#include "algos/gan_user_model/layers.h"
#include "nn/init.h"
#include "nn/tensor_io.h"

namespace recforce::algos {
namespace {

constexpr std::uint64_t kParts = 64;        // at most, in a network: numbers of random streams
constexpr double kPositionDeviation = 0.3;  // of position weights
constexpr double kLastLayer = 0.1;          // relative to Kaiming's deviation
constexpr double kAuthorsLstm = 0.1;        // deviations of layers in the authors' program
constexpr double kAuthorsPositions = 1e-3;
constexpr double kAuthorsPositionWeight = 1e-4;

std::size_t At(std::int64_t index) { return static_cast<std::size_t>(index); }

torch::Tensor Index(const std::vector<std::int64_t>& values, const torch::Tensor& like) {
  // The shard outlives the graph that reads it.
  return torch::from_blob(const_cast<std::int64_t*>(values.data()), {static_cast<std::int64_t>(values.size())},
                          torch::kInt64)
      .to(like.device());
}

// h after every step, [L, H], sequences of a step side by side, longest first.
torch::Tensor LstmStates(const UserParts& parts, std::span<const torch::Tensor> p, const torch::Tensor& items,
                         const Shard& shard) {
  const torch::Tensor& input = p[At(parts.lstm_input)];
  const torch::Tensor& hidden = p[At(parts.lstm_hidden)];
  const std::int64_t size = hidden.size(0);
  if (shard.step_items.empty()) {
    return torch::zeros({0, size}, hidden.options());
  }
  const torch::Tensor from_items =
      torch::addmm(p[At(parts.lstm_bias)], RowsOf(items, Index(shard.step_items, items)), input);
  const std::vector<torch::Tensor> by_step = from_items.split_with_sizes(shard.step_counts);
  std::vector<torch::Tensor> states;
  torch::Tensor h;
  torch::Tensor c;
  for (std::size_t step = 0; step < by_step.size(); ++step) {
    torch::Tensor gates = by_step[step];
    const std::int64_t running = shard.step_counts[step];
    if (step > 0) {
      gates = torch::addmm(gates, h.narrow(0, 0, running), hidden);
    }
    const std::vector<torch::Tensor> g = gates.chunk(4, 1);
    torch::Tensor next = g[0].sigmoid() * g[1].tanh();
    if (step > 0) {
      next = next + c.narrow(0, 0, running) * (g[2] + 1.0).sigmoid();
    }
    c = next;
    h = c.tanh() * g[3].sigmoid();
    states.push_back(h);
  }
  return torch::cat(states);
}

// [E, S]
torch::Tensor States(const UserShape& shape, const UserParts& parts, std::span<const torch::Tensor> p,
                     const torch::Tensor& items, const Shard& shard) {
  if (shape.state == StateKind::kLstm) {
    return RowsOf(LstmStates(parts, p, items, shard), Index(shard.choice_state, items));
  }
  const torch::Tensor recent = Index(shard.recent, items).view({shard.choices(), shape.memory});
  torch::Tensor state = WeightedRows(items, p[At(parts.position)], recent);
  if (parts.position_bias >= 0) {
    state = state + p[At(parts.position_bias)];
  }
  if (shape.squash == Squash::kElu) {
    state = torch::elu(state);
  } else if (shape.squash == Squash::kTanh) {
    state = torch::tanh(state);
  }
  return state.reshape({shard.choices(), shape.state_width()});
}

torch::Tensor InitPart(const UserShape& shape, const UserParts& parts, std::int64_t index, const InitOptions& options) {
  const Part& part = parts.list[At(index)];
  const std::uint64_t number = options.number * kParts + static_cast<std::uint64_t>(index);
  const auto normal = [&](double deviation) {
    return nn::TruncatedNormal(part.shape, deviation, options.seed, number);
  };
  if (index == parts.no_click) {
    return torch::full(part.shape, options.no_click);
  }
  if (index == parts.embedding) {
    return normal(options.item_deviation);
  }
  if (index == parts.position) {
    const double value = options.authors ? kAuthorsPositionWeight : options.position_weight;
    return value != 0.0 ? torch::full(part.shape, value) : normal(kPositionDeviation);
  }
  if (index == parts.lstm_input || index == parts.lstm_hidden) {
    return nn::XavierUniform(part.shape, shape.dim + shape.hidden, 4 * shape.hidden, options.seed, number);
  }
  if (part.kind != PartKind::kWeight) {
    return torch::zeros(part.shape);
  }
  if (options.authors) {
    return normal(shape.state == StateKind::kLstm ? kAuthorsLstm : kAuthorsPositions);
  }
  const bool first = index == parts.state || index == parts.item;
  const std::int64_t fan_in = first ? shape.state_width() + shape.dim : part.shape[0];
  return normal(std::sqrt(2.0 / static_cast<double>(fan_in)) * (index == parts.out ? kLastLayer : 1.0));
}

}  // namespace

std::int64_t UserParts::Add(std::string name, std::vector<std::int64_t> extents, PartKind kind) {
  list.push_back({std::move(name), std::move(extents), kind});
  return static_cast<std::int64_t>(list.size()) - 1;
}

UserParts::UserParts(const UserShape& shape, bool with_no_click) {
  embedding = Add("item.embedding", {shape.items, shape.dim}, PartKind::kItemTable);
  if (shape.item_bias) {
    item_bias = Add("item.bias", {shape.items}, PartKind::kItemBias);
  }
  if (shape.has_repeats()) {
    repeat = Add("repeat.weight", {shape.memory}, PartKind::kRepeat);
  }
  if (shape.features > 0) {
    feature = Add("feature.weight", {shape.features, shape.dim}, PartKind::kWeight);
  }
  if (shape.state == StateKind::kPositions) {
    position = Add("position.weight", {shape.positions, shape.memory}, PartKind::kWeight);
    if (shape.position_bias) {
      position_bias = Add("position.bias", {shape.positions, shape.dim}, PartKind::kPlain);
    }
  } else if (shape.state == StateKind::kLstm) {
    lstm_input = Add("lstm.input", {shape.dim, 4 * shape.hidden}, PartKind::kWeight);
    lstm_hidden = Add("lstm.hidden", {shape.hidden, 4 * shape.hidden}, PartKind::kWeight);
    lstm_bias = Add("lstm.bias", {4 * shape.hidden}, PartKind::kPlain);
  }
  const std::int64_t first = shape.layers.front();
  if (shape.state_width() > 0) {
    state = Add("reward.0.state", {shape.state_width(), first}, PartKind::kWeight);
  }
  item = Add("reward.0.item", {shape.dim, first}, PartKind::kWeight);
  first_bias = Add("reward.0.bias", {first}, PartKind::kPlain);
  for (std::size_t number = 1; number < shape.layers.size(); ++number) {
    const std::string name = "reward." + std::to_string(number);
    weights.push_back(Add(name + ".weight", {shape.layers[number - 1], shape.layers[number]}, PartKind::kWeight));
    biases.push_back(Add(name + ".bias", {shape.layers[number]}, PartKind::kPlain));
  }
  out = Add("reward.out.weight", {shape.layers.back()}, PartKind::kWeight);
  out_bias = Add("reward.out.bias", {1}, PartKind::kPlain);
  if (with_no_click) {
    no_click = Add("no_click", {1}, PartKind::kNoClick);
  }
}

std::vector<torch::Tensor> InitParts(const UserShape& shape, const UserParts& parts, const InitOptions& options,
                                     torch::Device device) {
  std::vector<torch::Tensor> tensors;
  for (std::size_t index = 0; index < parts.list.size(); ++index) {
    tensors.push_back(InitPart(shape, parts, static_cast<std::int64_t>(index), options).to(device));
  }
  return tensors;
}

std::vector<torch::Tensor> LoadParts(const UserParts& parts, const base::TensorSet& set, const std::string& prefix,
                                     torch::Device device) {
  std::vector<torch::Tensor> tensors;
  for (const Part& part : parts.list) {
    tensors.push_back(nn::GetTensor(set, prefix + part.name, part.shape, device));
  }
  return tensors;
}

void SaveParts(const UserParts& parts, std::span<const torch::Tensor> tensors, base::TensorSet& set,
               const std::string& prefix) {
  for (std::size_t index = 0; index < parts.list.size(); ++index) {
    nn::AddTensor(set, prefix + parts.list[index].name, tensors[index]);
  }
}

torch::Tensor ShardRewards(const UserShape& shape, const UserParts& parts, std::span<const torch::Tensor> p,
                           const torch::Tensor& features, const Shard& shard) {
  torch::Tensor items = p[At(parts.embedding)];
  if (parts.feature >= 0) {
    items = items + features.mm(p[At(parts.feature)]);
  }
  const torch::Tensor row_item = Index(shard.row_item, items);
  torch::Tensor x = RowsOf(items.mm(p[At(parts.item)]), row_item);
  if (parts.state >= 0) {
    const torch::Tensor from_state =
        torch::addmm(p[At(parts.first_bias)], States(shape, parts, p, items, shard), p[At(parts.state)]);
    x = x + RowsOf(from_state, Index(shard.row_choice, items));
  } else {
    x = x + p[At(parts.first_bias)];
  }
  x = torch::elu(x);
  for (std::size_t number = 0; number < parts.weights.size(); ++number) {
    x = torch::elu(torch::addmm(p[At(parts.biases[number])], x, p[At(parts.weights[number])]));
  }
  torch::Tensor rewards = x.mv(p[At(parts.out)]) + p[At(parts.out_bias)];
  if (parts.item_bias >= 0) {
    rewards = rewards + RowsOf(p[At(parts.item_bias)].unsqueeze(1), row_item).squeeze(1);
  }
  if (parts.repeat >= 0) {
    rewards = rewards + RowsOf(p[At(parts.repeat)].unsqueeze(1), Index(shard.row_lag, items)).squeeze(1);
  }
  return rewards;
}

}  // namespace recforce::algos
