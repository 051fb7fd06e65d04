// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/network.h"

#include "algos/common/last_states.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/init.h"
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

void Gru4recRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
    RecurrentStack stack{{}, params_.layers};
    for (std::size_t number = 0; number < params_.layers.size(); ++number) {
      stack.shapes.push_back(params_.shape.Layer(number));
    }
    const torch::Tensor states = LastStates(stack, params_.InputTable(), users.events());
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
