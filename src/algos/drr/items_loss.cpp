// SPDX-License-Identifier: Apache-2.0
// ActorCritic: an actor that follows Q of items, not the slope of Q between them.
#include <algorithm>

#include "algos/drr/actor_critic.h"
#include "algos/drr/item_scores.h"
#include "nn/vector_math.h"

namespace recforce::algos {

// The first layer is cut: W [s; x] + b = (W_s s + b) + W_x x, so that a pair costs a sum.
template <class T>
void ActorCritic<T>::PairValues(const T* critic, const T* states, std::int64_t rows, const T* unit, std::int64_t items,
                                T* out) {
  const std::vector<DenseLayer>& layers = critic_.networks.front().layers();
  const DenseLayer& first = layers.front();
  const std::int64_t size = options_.shape.state.size();
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t hidden = first.out;
  T* of_states = Sized(of_states_, rows * hidden);
  T* of_items = Sized(of_items_, items * hidden);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(critic + first.bias, hidden, of_states + r * hidden);
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, hidden, size, {states, size}, {critic + first.weight, first.in},
           T{1}, {of_states, hidden});
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, items, hidden, dim, {unit, dim},
           {critic + first.weight + size, first.in}, T{0}, {of_items, hidden});
  T* pair = Sized(pair_, items * hidden);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* own = of_states + r * hidden;
    for (std::int64_t i = 0; i < items; ++i) {
      for (std::int64_t h = 0; h < hidden; ++h) {
        const T sum = own[h] + of_items[i * hidden + h];
        pair[i * hidden + h] = sum > T{0} ? sum : T{0};
      }
    }
    const T* below = pair;
    for (std::size_t at = 1; at < layers.size(); ++at) {
      const bool last = at + 1 == layers.size();
      T* next = last ? out + r * items : Sized(at % 2 == 0 ? deeper_ : logits_, items * layers[at].out);
      Dense(critic, layers[at], below, items, next);
      for (std::int64_t cell = 0; !last && cell < items * layers[at].out; ++cell) {
        next[cell] = next[cell] > T{0} ? next[cell] : T{0};
      }
      below = next;
    }
  }
}

template <class T>
double ActorCritic<T>::ItemsLoss(const T* critic, const T* states, const T* actions, std::int64_t rows, const T* raw,
                                 const T* unit, std::int64_t items, T c, T scale, T* d_actions) {
  const std::int64_t dim = options_.shape.dim();
  T* q = Sized(pairs_, rows * items);
  PairValues(critic, states, rows, unit, items, q);
  const auto least = static_cast<T>(options_.least);
  const auto most = static_cast<T>(options_.most);
  std::transform(q, q + rows * items, q, [least, most](T value) { return std::clamp(value, least, most); });
  T* p = Sized(logits_, rows * items);
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, items, dim, {actions, dim}, {raw, dim}, T{0}, {p, items});
  double sum = 0.0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::span<T> mine(p + r * items, static_cast<std::size_t>(items));
    std::for_each(mine.begin(), mine.end(), [c](T& logit) { logit *= c; });
    SoftmaxInPlace(mine);
    const T* values = q + r * items;
    const T mean = nn::LaneSum<T>(items, [&](std::int64_t i) { return mine[static_cast<std::size_t>(i)] * values[i]; });
    sum += static_cast<double>(mean);
    for (std::int64_t i = 0; i < items; ++i) {
      T& each = mine[static_cast<std::size_t>(i)];
      each *= -scale * c * (values[i] - mean);
    }
  }
  nn::Gemm(nn::Op::kPlain, nn::Op::kPlain, rows, dim, items, {p, items}, {raw, dim}, T{1}, {d_actions, dim});
  return sum;
}

template void ActorCritic<float>::PairValues(const float* critic, const float* states, std::int64_t rows,
                                             const float* unit, std::int64_t items, float* out);
template void ActorCritic<double>::PairValues(const double* critic, const double* states, std::int64_t rows,
                                              const double* unit, std::int64_t items, double* out);
template double ActorCritic<float>::ItemsLoss(const float* critic, const float* states, const float* actions,
                                              std::int64_t rows, const float* raw, const float* unit,
                                              std::int64_t items, float c, float scale, float* d_actions);
template double ActorCritic<double>::ItemsLoss(const double* critic, const double* states, const double* actions,
                                               std::int64_t rows, const double* raw, const double* unit,
                                               std::int64_t items, double c, double scale, double* d_actions);

}  // namespace recforce::algos
