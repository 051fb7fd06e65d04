// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent_reference.h"

namespace recforce::nn {

torch::Tensor RecurrentReference(const RecurrentShape& shape, const RecurrentParams& params, const torch::Tensor& u,
                                 const torch::Tensor& state, const std::vector<std::uint8_t>& keep) {
  const std::int64_t n = shape.units;
  const std::int64_t lanes = state.size(0);
  torch::Tensor bias = params.bias;
  if (shape.cell == Cell::kCfn) {  // x_a has none
    bias = torch::cat({bias.narrow(0, 0, 2 * n), torch::zeros({n}, bias.options())});
  }
  const torch::Tensor x = torch::addmm(bias, u, params.input.t());
  const torch::Tensor mask =
      torch::tensor(std::vector<std::int64_t>(keep.begin(), keep.end()), torch::kInt64).to(u.options()).unsqueeze(1);
  const torch::Tensor gates = params.recurrent.narrow(0, 0, 2 * n).t();
  torch::Tensor h = state;
  std::vector<torch::Tensor> states;
  for (std::int64_t begin = 0; begin < u.size(0); begin += lanes) {
    h = h * mask.narrow(0, begin, lanes);
    const torch::Tensor now = x.narrow(0, begin, lanes);
    const torch::Tensor both = torch::sigmoid(now.narrow(1, 0, 2 * n) + h.mm(gates));
    const torch::Tensor first = both.narrow(1, 0, n);
    const torch::Tensor second = both.narrow(1, n, n);
    const torch::Tensor last = now.narrow(1, 2 * n, n);
    switch (shape.cell) {
      case Cell::kGru: {
        const torch::Tensor c = torch::tanh(last + (first * h).mm(params.recurrent.narrow(0, 2 * n, n).t()));
        h = (1 - second) * h + second * c;
        break;
      }
      case Cell::kGruAfter: {
        const torch::Tensor inner = torch::addmm(params.inner, h, params.recurrent.narrow(0, 2 * n, n).t());
        h = second * h + (1 - second) * torch::tanh(last + first * inner);
        break;
      }
      case Cell::kCfn: {
        h = first * torch::tanh(h) + second * torch::tanh(last);
        break;
      }
    }
    states.push_back(h);
  }
  return torch::cat(states);
}

}  // namespace recforce::nn
