// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/network.h"

#include <algorithm>
#include <numeric>

#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/recurrent_reference.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

std::vector<std::string> NamesOf(const Gru4recShape& shape) {
  std::vector<std::string> names = {"item.weight", "item.bias"};
  if (shape.embedding > 0) {
    names.emplace_back("input.weight");
  }
  for (std::size_t number = 0; number < shape.layers.size(); ++number) {
    for (const std::string& name : nn::RecurrentParams::Names(shape.cell)) {
      names.push_back("layer." + std::to_string(number) + "." + name);
    }
  }
  return names;
}

Gru4recParams Empty(const Gru4recShape& shape) {
  Gru4recParams params;
  params.shape = shape;
  params.items = torch::zeros({shape.items, shape.output()});
  params.bias = torch::zeros({shape.items});
  if (shape.embedding > 0) {
    params.inputs = torch::zeros({shape.items, shape.embedding});
  }
  for (std::size_t number = 0; number < shape.layers.size(); ++number) {
    params.layers.push_back(nn::ZeroRecurrent(shape.Layer(number), torch::kFloat32));
  }
  return params;
}

}  // namespace

nn::RecurrentShape Gru4recShape::Layer(std::size_t number) const {
  return {.cell = cell, .inputs = number == 0 ? input() : layers[number - 1], .units = layers[number]};
}

Gru4recParams Gru4recParams::Init(const Gru4recShape& shape, std::uint64_t seed, torch::Device device) {
  Gru4recParams params = Empty(shape);
  params.items.copy_(nn::XavierUniform(params.items.sizes(), shape.items, shape.output(), seed, 0));
  if (params.inputs.defined()) {
    params.inputs.copy_(nn::XavierUniform(params.inputs.sizes(), shape.items, shape.embedding, seed, 1));
  }
  for (std::size_t number = 0; number < shape.layers.size(); ++number) {
    params.layers[number] = nn::InitRecurrent(shape.Layer(number), seed, 4 * (number + 1));
  }
  for (torch::Tensor* tensor : params.All()) {
    *tensor = tensor->to(device);
  }
  return params;
}

Gru4recParams Gru4recParams::Load(const Gru4recShape& shape, const base::TensorSet& set, const std::string& prefix,
                                  torch::Device device) {
  Gru4recParams params = Empty(shape);
  const std::vector<std::string> names = NamesOf(shape);
  std::size_t number = 0;
  for (torch::Tensor* tensor : params.All()) {
    *tensor = nn::GetTensor(set, prefix + names[number++], tensor->sizes(), device);
  }
  return params;
}

void Gru4recParams::Save(base::TensorSet& set, const std::string& prefix) const {
  const std::vector<std::string> names = NamesOf(shape);
  std::size_t number = 0;
  Gru4recParams same = *this;
  for (const torch::Tensor* tensor : same.All()) {
    nn::AddTensor(set, prefix + names[number++], *tensor);
  }
}

std::vector<torch::Tensor*> Gru4recParams::All() {
  std::vector<torch::Tensor*> all = {&items, &bias};
  if (inputs.defined()) {
    all.push_back(&inputs);
  }
  for (nn::RecurrentParams& layer : layers) {
    for (torch::Tensor* tensor : layer.All()) {
      all.push_back(tensor);
    }
  }
  return all;
}

Gru4recParams Gru4recParams::Clone() const {
  Gru4recParams copy = *this;
  for (torch::Tensor* tensor : copy.All()) {
    *tensor = tensor->clone();
  }
  return copy;
}

void Gru4recParams::CopyFrom(const Gru4recParams& other) {
  Gru4recParams source = other;
  const std::vector<torch::Tensor*> from = source.All();
  const std::vector<torch::Tensor*> to = All();
  for (std::size_t at = 0; at < to.size(); ++at) {
    to[at]->copy_(*from[at]);
  }
}

// Users run side by side, longest first, so that those who still have events are always the first rows.
torch::Tensor Gru4recRecommender::LastStates(data::CsrView events) const {
  const Gru4recShape& shape = params_.shape;
  const torch::Tensor& table = params_.InputTable();
  std::vector<std::int64_t> order(static_cast<std::size_t>(events.rows()));
  std::iota(order.begin(), order.end(), 0);
  const auto length = [&](std::int64_t user) { return static_cast<std::int64_t>(events.row(user).size()); };
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return length(a) > length(b); });
  std::vector<torch::Tensor> states;
  std::vector<nn::RecurrentPass> passes;
  for (std::size_t number = 0; number < shape.layers.size(); ++number) {
    states.push_back(torch::zeros({events.rows(), shape.layers[number]}, table.options()));
    passes.emplace_back(shape.Layer(number));
  }
  std::int64_t left = events.rows();
  for (std::int64_t step = 0;; ++step) {
    while (left > 0 && length(order[static_cast<std::size_t>(left - 1)]) <= step) {
      --left;
    }
    if (left == 0) {
      break;
    }
    std::vector<std::int64_t> items;
    for (std::int64_t at = 0; at < left; ++at) {
      items.push_back(events.row(order[static_cast<std::size_t>(at)])[static_cast<std::size_t>(step)]);
    }
    const std::vector<std::uint8_t> keep(items.size(), 1);
    torch::Tensor x = table.index_select(0, torch::tensor(items, torch::kInt64).to(table.device()));
    for (std::size_t number = 0; number < states.size(); ++number) {
      torch::Tensor state = states[number].narrow(0, 0, left);
      x = table.is_cpu() ? passes[number].Forward(params_.layers[number], x, state, keep)
                         : nn::RecurrentReference(shape.Layer(number), params_.layers[number], x, state, keep);
      state.copy_(x);
    }
  }
  torch::Tensor last = torch::empty_like(states.back());
  last.index_copy_(0, torch::tensor(order, torch::kInt64).to(last.device()), states.back());
  return last;
}

void Gru4recRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
    const torch::Tensor states = LastStates(users.events());
    torch::Tensor scores = torch::from_blob(out.data, {out.rows, out.cols}, torch::kFloat32);
    if (!states.is_cpu()) {
      scores.copy_(torch::addmm(params_.bias, states, params_.items.t()));
      return;
    }
    nn::MatMul(scores, states, params_.items.t());
    const float* bias = params_.bias.data_ptr<float>();
    base::ParallelFor(0, out.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t user = begin; user < end; ++user) {
        float* row = out.data + user * out.cols;
        for (std::int64_t item = 0; item < out.cols; ++item) {
          row[item] += bias[item];
        }
      }
    });
  });
}

}  // namespace recforce::algos
