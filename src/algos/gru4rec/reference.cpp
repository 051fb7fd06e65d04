// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/reference.h"

#include <limits>

#include "nn/recurrent_reference.h"

namespace recforce::algos {
namespace {

torch::Tensor IndexOf(std::span<const std::int32_t> rows, torch::Device device) {
  return torch::tensor(std::vector<std::int64_t>(rows.begin(), rows.end()), torch::kInt64).to(device);
}

// The losses of loss.h. r: [B, C]; the target of lane b in column b.
torch::Tensor LossOf(const SessionLoss& loss, torch::Tensor r, const torch::Tensor& columns,
                     const torch::Tensor& shift) {
  const std::int64_t lanes = r.size(0);
  const torch::Tensor own = torch::eye(lanes, columns.size(0), r.options()).to(torch::kBool);
  torch::Tensor no_negative = own;
  if (loss.mask_hits) {
    no_negative = columns.narrow(0, 0, lanes).unsqueeze(1).eq(columns.unsqueeze(0));
  }
  const double out = -std::numeric_limits<double>::infinity();
  if (loss.kind == SessionLossKind::kCrossEntropy) {
    const torch::Tensor shifted = shift.defined() ? r + shift : r;
    const torch::Tensor kept = shifted.masked_fill(no_negative & own.logical_not(), out);
    return -torch::log_softmax(kept, 1).masked_select(own).sum();
  }
  if (loss.elu > 0.0) {
    r = torch::elu(r, loss.elu);
  }
  const torch::Tensor wanted = r.masked_select(own).unsqueeze(1);
  const torch::Tensor in = no_negative.logical_not().to(r.scalar_type());
  const torch::Tensor mean = in / in.sum(1, true).clamp_min(1.0);
  const torch::Tensor s = torch::softmax(r.masked_fill(no_negative, out), 1);
  switch (loss.kind) {
    case SessionLossKind::kBpr:
      return -(mean * torch::log_sigmoid(wanted - r)).sum();
    case SessionLossKind::kTop1:
      return (mean * (torch::sigmoid(r - wanted) + torch::sigmoid(r * r))).sum();
    case SessionLossKind::kTop1Max:
      return (s * (torch::sigmoid(r - wanted) + torch::sigmoid(r * r))).sum();
    default:
      return -torch::log((s * torch::sigmoid(wanted - r)).sum(1) + 1e-24).sum() + loss.bpreg * (s * r * r).sum();
  }
}

}  // namespace

Gru4recReference Gru4recStep(const Gru4recParams& params, const SessionLoss& loss,
                             const std::vector<torch::Tensor>& states, const Gru4recBatch& batch) {
  const torch::Device device = params.items.device();
  const torch::Tensor columns = IndexOf(batch.columns, device);
  const auto leaf = [](const torch::Tensor& tensor) {
    const torch::NoGradGuard no_grad;
    return tensor.clone().requires_grad_(true);
  };
  const auto on_device = [&](const torch::Tensor& factors) { return factors.to(params.items.options()); };
  Gru4recReference found;
  found.leaves.push_back(leaf(params.items.index_select(0, columns)));
  found.leaves.push_back(leaf(params.bias.index_select(0, columns).unsqueeze(1)));
  found.leaves.push_back(leaf(params.InputTable().index_select(0, IndexOf(batch.inputs, device))));
  torch::Tensor x = found.leaves[2];
  if (batch.keep_input.defined()) {
    x = x * on_device(batch.keep_input);
  }
  for (std::size_t number = 0; number < params.layers.size(); ++number) {
    nn::RecurrentParams layer = params.layers[number];
    for (torch::Tensor* tensor : layer.All()) {
      *tensor = leaf(*tensor);
      found.leaves.push_back(*tensor);
    }
    x = nn::RecurrentReference(params.shape.Layer(number), layer, x, states[number], batch.keep);
    found.states.push_back(x);
    if (!batch.keep_hidden.empty()) {
      x = x * on_device(batch.keep_hidden[number]);
    }
  }
  const torch::Tensor scores = torch::addmm(found.leaves[1].t(), x, found.leaves[0].t());
  torch::Tensor shift;
  if (!batch.shift.empty()) {
    shift = on_device(torch::tensor(std::vector<float>(batch.shift.begin(), batch.shift.end())));
  }
  found.loss = LossOf(loss, scores, columns, shift);
  return found;
}

}  // namespace recforce::algos
