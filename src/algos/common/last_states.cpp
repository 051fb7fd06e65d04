// SPDX-License-Identifier: Apache-2.0
#include "algos/common/last_states.h"

#include <algorithm>
#include <numeric>

#include "nn/recurrent_reference.h"

namespace recforce::algos {

torch::Tensor LastStates(const RecurrentStack& stack, const torch::Tensor& table, data::CsrView events,
                         std::int32_t first) {
  const std::int64_t extra = first >= 0 ? 1 : 0;
  const auto length = [&](std::int64_t user) { return static_cast<std::int64_t>(events.row(user).size()) + extra; };
  std::vector<std::int64_t> order(static_cast<std::size_t>(events.rows()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return length(a) > length(b); });
  std::vector<torch::Tensor> states;
  std::vector<nn::RecurrentPass> passes;
  for (const nn::RecurrentShape& shape : stack.shapes) {
    states.push_back(torch::zeros({events.rows(), shape.units}, table.options()));
    passes.emplace_back(shape);
  }
  // Those who still have events are always the first rows.
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
      const std::int64_t user = order[static_cast<std::size_t>(at)];
      items.push_back(step < extra ? first : events.row(user)[static_cast<std::size_t>(step - extra)]);
    }
    const std::vector<std::uint8_t> keep(items.size(), 1);
    torch::Tensor x = table.index_select(0, torch::tensor(items, torch::kInt64).to(table.device()));
    for (std::size_t number = 0; number < states.size(); ++number) {
      torch::Tensor state = states[number].narrow(0, 0, left);
      x = table.is_cpu() ? passes[number].Forward(stack.params[number], x, state, keep)
                         : nn::RecurrentReference(stack.shapes[number], stack.params[number], x, state, keep);
      state.copy_(x);
    }
  }
  torch::Tensor last = torch::empty_like(states.back());
  last.index_copy_(0, torch::tensor(order, torch::kInt64).to(last.device()), states.back());
  return last;
}

}  // namespace recforce::algos
