// SPDX-License-Identifier: Apache-2.0
// The recurrent state.
#include <algorithm>
#include <cmath>

#include "algos/drr/state.h"
#include "nn/vector_math.h"

namespace recforce::algos {

// z = sigmoid(W_z x + R_z h + .), r = sigmoid(W_r x + R_r h + .), c = tanh(W_c x + r x (R_c h + .) + .),
// h := (1 - z) c + z h. hidden_: [N + 1, R, D], number N is 0 and number t comes after item t; gates_: [N, R, 3 D]
// z, r, c; inner_: [N, R, 3 D] R h + ., of which the last third is what r is multiplied with.
template <class T>
void StatePass<T>::Recur(const T* params, const StateRows<T>& rows) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  const std::int64_t block = rows.count * dim;
  T* hidden = Sized(hidden_, (memory + 1) * block);
  T* gates = Sized(gates_, memory * 3 * block);
  T* inner = Sized(inner_, memory * 3 * block);
  std::fill_n(hidden + memory * block, block, T{0});
  for (std::int64_t t = memory; t-- > 0;) {
    const T* before = hidden + (t + 1) * block;
    T* gate = gates + t * 3 * block;
    T* own = inner + t * 3 * block;
    for (std::int64_t r = 0; r < rows.count; ++r) {
      std::copy_n(params + layout_.input.bias, 3 * dim, gate + r * 3 * dim);
    }
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows.count, 3 * dim, dim, {rows.items + t * dim, memory * dim},
             {params + layout_.input.weight, dim}, T{1}, {gate, 3 * dim});
    Dense(params, layout_.recurrent, before, rows.count, own);
    for (std::int64_t r = 0; r < rows.count; ++r) {
      const bool known = rows.memory[r * memory + t] >= 0;
      T* g = gate + r * 3 * dim;
      const T* o = own + r * 3 * dim;
      const T* h = before + r * dim;
      T* next = hidden + t * block + r * dim;
      for (std::int64_t at = 0; at < dim; ++at) {
        const T z = T{1} / (T{1} + std::exp(-(g[at] + o[at])));
        const T reset = T{1} / (T{1} + std::exp(-(g[dim + at] + o[dim + at])));
        const T c = nn::FastTanh(g[2 * dim + at] + reset * o[2 * dim + at]);
        g[at] = z;
        g[dim + at] = reset;
        g[2 * dim + at] = c;
        next[at] = known ? (T{1} - z) * c + z * h[at] : h[at];
      }
    }
  }
  std::copy_n(hidden, block, pooled_.data());
}

template <class T>
void StatePass<T>::RecurBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_items) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  const std::int64_t block = rows.count * dim;
  T* d_hidden = Sized(d_hidden_, block);
  T* d_gates = Sized(d_gates_, 3 * block);
  T* d_inner = Sized(d_inner_, 3 * block);
  std::vector<T> d_before(static_cast<std::size_t>(block));
  std::copy_n(d_pooled_.data(), block, d_hidden);
  for (std::int64_t t = 0; t < memory; ++t) {
    const T* before = hidden_.data() + (t + 1) * block;
    const T* gate = gates_.data() + t * 3 * block;
    const T* own = inner_.data() + t * 3 * block;
    for (std::int64_t r = 0; r < rows.count; ++r) {
      const bool known = rows.memory[r * memory + t] >= 0;
      for (std::int64_t at = 0; at < dim; ++at) {
        const std::int64_t wide = r * 3 * dim + at;
        const T z = gate[wide];
        const T reset = gate[wide + dim];
        const T c = gate[wide + 2 * dim];
        const T d = d_hidden[r * dim + at];
        const T dc = known ? d * (T{1} - z) * (T{1} - c * c) : T{0};
        const T dz = known ? d * (before[r * dim + at] - c) * z * (T{1} - z) : T{0};
        const T dr = dc * own[wide + 2 * dim] * reset * (T{1} - reset);
        d_gates[wide] = d_inner[wide] = dz;
        d_gates[wide + dim] = d_inner[wide + dim] = dr;
        d_gates[wide + 2 * dim] = dc;
        d_inner[wide + 2 * dim] = dc * reset;
        d_hidden[r * dim + at] = known ? d * z : d;
      }
    }
    DenseBackward(params, 0, layout_.recurrent, before, rows.count, d_inner, gradient, d_before.data());
    AddScaled(d_before.data(), block, T{1}, d_hidden);
    if (gradient != nullptr) {
      nn::Gemm(nn::Op::kTransposed, nn::Op::kPlain, 3 * dim, dim, rows.count, {d_gates, 3 * dim},
               {rows.items + t * dim, memory * dim}, T{1}, {gradient + layout_.input.weight, dim});
      for (std::int64_t r = 0; r < rows.count; ++r) {
        AddScaled(d_gates + r * 3 * dim, 3 * dim, T{1}, gradient + layout_.input.bias);
      }
    }
    if (d_items != nullptr) {
      nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows.count, dim, 3 * dim, {d_gates, 3 * dim},
               {params + layout_.input.weight, dim}, T{1}, {d_items + t * dim, memory * dim});
    }
  }
}

template void StatePass<float>::Recur(const float* params, const StateRows<float>& rows);
template void StatePass<double>::Recur(const double* params, const StateRows<double>& rows);
template void StatePass<float>::RecurBackward(const float* params, const StateRows<float>& rows, float* gradient,
                                              float* d_items);
template void StatePass<double>::RecurBackward(const double* params, const StateRows<double>& rows, double* gradient,
                                               double* d_items);

}  // namespace recforce::algos
