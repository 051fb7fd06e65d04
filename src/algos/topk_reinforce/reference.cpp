// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/reference.h"

#include <limits>

#include "nn/recurrent_reference.h"

namespace recforce::algos {
namespace {

template <class T>
torch::Tensor IndexOf(const std::vector<T>& values, torch::Device device) {
  return torch::tensor(std::vector<std::int64_t>(values.begin(), values.end()), torch::kInt64).to(device);
}

std::vector<double> ToHost(const torch::Tensor& values) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor host = values.to(torch::kCPU, torch::kFloat64).contiguous();
  return {host.data_ptr<double>(), host.data_ptr<double>() + host.numel()};
}

// Log probabilities of a head for every decision; [D]. `all`: those of the whole catalogue, where there are no draws.
torch::Tensor HeadOf(const torch::Tensor& states, const HeadTable& table, double temperature, const Decided& decided,
                     const SampledHeads::Draws* draws, bool exact, std::vector<double>& for_weights,
                     torch::Tensor* all) {
  const torch::Device device = states.device();
  const torch::Tensor state = IndexOf(decided.state, device);
  const torch::Tensor item = IndexOf(decided.item, device);
  if (draws == nullptr) {
    const torch::Tensor log_p = torch::log_softmax(torch::addmm(table.bias, states, table.weight.t()) / temperature, 1);
    const torch::Tensor chosen = log_p.index_select(0, state).gather(1, item.unsqueeze(1)).squeeze(1);
    for_weights = ToHost(chosen);
    if (all != nullptr) {
      *all = log_p;
    }
    return chosen;
  }
  const auto shift = [&](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat64).to(states.options());
  };
  const torch::Tensor drawn = IndexOf(draws->items, device);
  const torch::Tensor by_decision = states.index_select(0, state);
  const torch::Tensor scores =
      torch::addmm(table.bias.index_select(0, drawn), by_decision, table.weight.index_select(0, drawn).t()) /
          temperature -
      shift(draws->log_expected);
  const torch::Tensor raw =
      ((by_decision * table.weight.index_select(0, item)).sum(1) + table.bias.index_select(0, item)) / temperature;
  const torch::Tensor kept =
      scores.masked_fill(drawn.unsqueeze(0).eq(item.unsqueeze(1)), -std::numeric_limits<double>::infinity());
  const torch::Tensor own = raw - shift(draws->decided_log_expected);
  {
    const torch::NoGradGuard no_grad;
    const torch::Tensor total =
        exact ? torch::logsumexp(torch::addmm(table.bias, states, table.weight.t()) / temperature, 1)
                    .index_select(0, state)
              : torch::logsumexp(torch::cat({raw.unsqueeze(1), kept}, 1), 1);
    for_weights = ToHost(raw - total);
  }
  return own - torch::logsumexp(torch::cat({own.unsqueeze(1), kept}, 1), 1);
}

}  // namespace

torch::Tensor PolicyGraph::Loss(const HeadCoefficients& coefficients) const {
  const auto constant = [&](const std::vector<double>& values) {
    return torch::tensor(values, torch::kFloat64).to(pi.options());
  };
  torch::Tensor loss = -(constant(coefficients.pi) * pi).sum() - (constant(coefficients.beta) * beta).sum();
  if (coefficients.entropy != 0.0) {
    loss = loss + coefficients.entropy * (log_pi.exp() * log_pi).sum();
  }
  return loss;
}

PolicyGraph MakePolicyGraph(const PolicyParams& params, double temperature, const torch::Tensor& state,
                            const LaneBatch& lanes, const std::vector<std::int64_t>& rows,
                            const std::vector<std::int32_t>& contexts, const Decided& decided,
                            const SampledHeads::Draws* draws, bool exact_weights) {
  PolicyGraph graph;
  PolicyParams copy = params;
  for (torch::Tensor* tensor : copy.All()) {
    const torch::NoGradGuard no_grad;
    *tensor = tensor->clone().requires_grad_(true);
    graph.leaves.push_back(*tensor);
  }
  const torch::Device device = state.device();
  // Lanes that have ended read any row: nothing is made of their states.
  std::vector<std::int64_t> inputs;
  for (const std::int32_t input : lanes.inputs) {
    inputs.push_back(std::max<std::int32_t>(input, 0));
  }
  const torch::Tensor u = copy.inputs.index_select(0, IndexOf(inputs, device));
  const torch::Tensor all = nn::RecurrentReference(params.shape.Layer(), copy.layer, u, state, lanes.keep);
  graph.last = all.narrow(0, all.size(0) - lanes.lanes, lanes.lanes);
  if (rows.empty()) {
    return graph;
  }
  torch::Tensor states = all.index_select(0, IndexOf(rows, device));
  if (copy.gates.defined()) {
    states = InContext(states, copy.gates, contexts);
  }
  graph.pi =
      HeadOf(states, copy.pi, temperature, decided, draws, exact_weights, graph.log_probability.pi, &graph.log_pi);
  // beta's loss stops at the state.
  torch::Tensor stopped;
  {
    const torch::NoGradGuard no_grad;
    stopped = states.clone();
  }
  graph.beta =
      HeadOf(stopped, copy.beta, temperature, decided, draws, exact_weights, graph.log_probability.beta, nullptr);
  return graph;
}

}  // namespace recforce::algos
