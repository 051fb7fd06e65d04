// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/reference.h"

#include <vector>

namespace recforce::algos {
namespace {

torch::Tensor Matrix(const torch::Tensor& params, std::int64_t offset, std::int64_t rows, std::int64_t columns) {
  return params.narrow(0, offset, rows * columns).view({rows, columns});
}

// Numbers of all items, "no item" last: [I + 1, D].
torch::Tensor AllItems(const CdqnShape& shape, const CdqnLayout& layout, const torch::Tensor& params,
                       const torch::Tensor& features) {
  const torch::Tensor learnt = Matrix(params, layout.table, shape.items + 1, shape.embedding);
  const torch::Tensor none = torch::zeros({1, shape.features}, params.options());
  return torch::cat({learnt, torch::cat({features.to(params.scalar_type()), none}, 0)}, 1);
}

}  // namespace

torch::Tensor ItemIndices(base::MatrixView<const std::int32_t> items, std::int64_t num_items, torch::Device device) {
  torch::Tensor indices = torch::empty({items.rows, items.cols}, torch::kInt64);
  auto* to = indices.data_ptr<std::int64_t>();
  for (std::int64_t at = 0; at < items.rows * items.cols; ++at) {
    to[at] = items.data[at] < 0 ? num_items : items.data[at];
  }
  return indices.to(device);
}

torch::Tensor ReferenceQ(const CdqnShape& shape, const torch::Tensor& params, const torch::Tensor& features,
                         const torch::Tensor& recent, const torch::Tensor& chosen, const torch::Tensor& candidates) {
  const CdqnLayout layout(shape);
  const std::int64_t rows = recent.size(0);
  const std::int64_t position = chosen.size(1);
  const torch::Tensor items = AllItems(shape, layout, params, features);
  torch::Tensor state = items.index({recent});  // [B, m, D]
  if (layout.weights >= 0) {
    state = torch::matmul(Matrix(params, layout.weights, shape.sums, shape.memory), state);
  }
  std::vector<torch::Tensor> context = {state.reshape({rows, shape.state_width()})};
  const torch::Tensor before = items.index({chosen});  // [B, j, D]
  if (shape.shared) {
    context.push_back(position > 0 ? before.mean(1) : torch::zeros({rows, shape.item_width()}, params.options()));
  } else {
    context.push_back(before.reshape({rows, position * shape.item_width()}));
  }
  const std::vector<DenseLayer>& layers = layout.Layers(shape.Known(position));
  const std::int64_t width = shape.context_width(position);
  const torch::Tensor first = Matrix(params, layers[0].weight, layers[0].out, layers[0].in);
  const torch::Tensor own =
      torch::cat(context, 1).mm(first.narrow(1, 0, width).t()) + params.narrow(0, layers[0].bias, layers[0].out);
  const torch::Tensor judged =
      torch::matmul(items.index({candidates}), first.narrow(1, width, shape.item_width()).t());  // [B or 1, M, H]
  torch::Tensor values = torch::elu(own.unsqueeze(1) + judged);
  for (std::size_t layer = 1; layer < layers.size(); ++layer) {
    const DenseLayer& at = layers[layer];
    values = torch::matmul(values, Matrix(params, at.weight, at.out, at.in).t()) + params.narrow(0, at.bias, at.out);
    values = layer + 1 < layers.size() ? torch::elu(values) : values;
  }
  return values.squeeze(2);
}

torch::Tensor ReferenceRows(const CdqnShape& shape, const torch::Tensor& params, const torch::Tensor& features,
                            const CdqnRows& rows) {
  const torch::Tensor recent = ItemIndices(rows.recent, shape.items, params.device());
  const torch::Tensor items = ItemIndices(rows.items, shape.items, params.device());
  std::vector<torch::Tensor> q;
  for (std::int64_t slot = 0; slot < rows.items.cols; ++slot) {
    const torch::Tensor chosen = items.narrow(1, 0, rows.position(slot));
    q.push_back(ReferenceQ(shape, params, features, recent, chosen, items.narrow(1, slot, 1)).squeeze(1));
  }
  return torch::stack(q);
}

}  // namespace recforce::algos
