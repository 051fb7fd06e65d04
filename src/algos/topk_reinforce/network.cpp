// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/network.h"

#include <algorithm>

#include "algos/common/last_states.h"
#include "nn/device.h"
#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

std::vector<std::string> NamesOf(const PolicyShape& shape) {
  std::vector<std::string> names = {"input.weight", "pi.weight", "pi.bias", "beta.weight", "beta.bias"};
  for (const std::string& name : nn::RecurrentParams::Names(shape.cell)) {
    names.push_back("state." + name);
  }
  names.emplace_back("context.gates");
  return names;
}

PolicyParams Empty(const PolicyShape& shape) {
  PolicyParams params;
  params.shape = shape;
  params.inputs = torch::zeros({shape.items + 1, shape.embedding});
  for (HeadTable* head : {&params.pi, &params.beta}) {
    head->weight = torch::zeros({shape.items, shape.hidden});
    head->bias = torch::zeros({shape.items});
  }
  params.layer = nn::ZeroRecurrent(shape.Layer(), torch::kFloat32);
  if (shape.contexts > 0) {
    params.gates = torch::zeros({shape.contexts, shape.hidden});
  }
  return params;
}

}  // namespace

PolicyParams PolicyParams::Init(const PolicyShape& shape, std::uint64_t seed, torch::Device device) {
  PolicyParams params = Empty(shape);
  params.inputs.copy_(nn::XavierUniform(params.inputs.sizes(), shape.embedding, shape.embedding, seed, 0));
  params.pi.weight.copy_(nn::XavierUniform(params.pi.weight.sizes(), shape.items, shape.hidden, seed, 1));
  params.beta.weight.copy_(nn::XavierUniform(params.beta.weight.sizes(), shape.items, shape.hidden, seed, 2));
  params.layer = nn::InitRecurrent(shape.Layer(), seed, 4);
  for (torch::Tensor* tensor : params.All()) {
    *tensor = tensor->to(device);
  }
  return params;
}

PolicyParams PolicyParams::Load(const PolicyShape& shape, const base::TensorSet& set, const std::string& prefix,
                                torch::Device device) {
  PolicyParams params = Empty(shape);
  const std::vector<std::string> names = NamesOf(shape);
  std::size_t number = 0;
  for (torch::Tensor* tensor : params.All()) {
    *tensor = nn::GetTensor(set, prefix + names[number++], tensor->sizes(), device);
  }
  return params;
}

void PolicyParams::Save(base::TensorSet& set, const std::string& prefix) const {
  const std::vector<std::string> names = NamesOf(shape);
  PolicyParams same = *this;
  std::size_t number = 0;
  for (const torch::Tensor* tensor : same.All()) {
    nn::AddTensor(set, prefix + names[number++], *tensor);
  }
}

std::vector<torch::Tensor*> PolicyParams::All() {
  std::vector<torch::Tensor*> all = {&inputs, &pi.weight, &pi.bias, &beta.weight, &beta.bias};
  for (torch::Tensor* tensor : layer.All()) {
    all.push_back(tensor);
  }
  if (gates.defined()) {
    all.push_back(&gates);
  }
  return all;
}

PolicyParams PolicyParams::Clone() const {
  PolicyParams copy = *this;
  for (torch::Tensor* tensor : copy.All()) {
    *tensor = tensor->clone();
  }
  return copy;
}

void PolicyParams::CopyFrom(const PolicyParams& other) {
  PolicyParams source = other;
  const std::vector<torch::Tensor*> from = source.All();
  const std::vector<torch::Tensor*> to = All();
  for (std::size_t at = 0; at < to.size(); ++at) {
    to[at]->copy_(*from[at]);
  }
}

torch::Tensor InContext(const torch::Tensor& states, const torch::Tensor& gates,
                        std::span<const std::int32_t> contexts) {
  std::vector<std::int64_t> rows;
  std::vector<float> known;
  for (const std::int32_t context : contexts) {
    rows.push_back(std::max<std::int32_t>(context, 0));
    known.push_back(context >= 0 ? 1.0F : 0.0F);
  }
  const torch::Tensor gate = gates.index_select(0, torch::tensor(rows, torch::kInt64).to(gates.device()));
  return states * (1.0 + gate * torch::tensor(known).to(gate.options()).unsqueeze(1));
}

void PolicyRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  nn::Guarded([&] {
    const torch::NoGradGuard no_grad;
    RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
    torch::Tensor states = LastStates({{params_.shape.Layer()}, {params_.layer}}, params_.inputs, users.events(),
                                      static_cast<std::int32_t>(NumItems()));
    if (params_.gates.defined() && !users.contexts.empty()) {
      states = InContext(states, params_.gates, users.contexts);
    }
    torch::Tensor scores = torch::from_blob(out.data, {out.rows, out.cols}, torch::kFloat32);
    if (!states.is_cpu()) {
      scores.copy_(torch::addmm(params_.pi.bias, states, params_.pi.weight.t()) / temperature_);
      return;
    }
    nn::MatMul(scores, states, params_.pi.weight.t());
    const float* bias = params_.pi.bias.data_ptr<float>();
    const auto scale = static_cast<float>(1.0 / temperature_);
    base::ParallelFor(0, out.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t user = begin; user < end; ++user) {
        float* row = out.data + user * out.cols;
        for (std::int64_t item = 0; item < out.cols; ++item) {
          row[item] = (row[item] + bias[item]) * scale;
        }
      }
    });
  });
}

}  // namespace recforce::algos
