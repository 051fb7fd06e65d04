// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/state.h"

#include <algorithm>
#include <cmath>

#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

bool IsPairs(StateKind kind) { return kind == StateKind::kPairs || kind == StateKind::kUserPairs; }

template <class T>
void AddProduct(const T* a, const T* b, std::int64_t count, T factor, T* to) {
  for (std::int64_t at = 0; at < count; ++at) {
    to[at] += factor * a[at] * b[at];
  }
}

// sum of a b c
template <class T>
T TripleDot(const T* a, const T* b, const T* c, std::int64_t count) {
  return nn::LaneSum<T>(count, [&](std::int64_t at) { return a[at] * b[at] * c[at]; });
}

}  // namespace

const std::vector<std::string>& StateKindNames() {
  static const std::vector<std::string> names = {"items", "pairs", "user_pairs", "average", "attention", "gru"};
  return names;
}

StateKind ParseStateKind(const std::string& name) {
  const auto found = std::find(StateKindNames().begin(), StateKindNames().end(), name);
  if (found == StateKindNames().end()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "state: no such kind: '" + name + "'; expected one of " + base::Join(StateKindNames(), ", "));
  }
  return static_cast<StateKind>(found - StateKindNames().begin());
}

std::int64_t StateShape::size() const {
  return kind == StateKind::kItems ? memory * dim
         : IsPairs(kind)           ? dim * (memory + memory * (memory - 1) / 2)
                                   : 3 * dim;
}

StateLayout::StateLayout(const StateShape& shape) {
  const std::int64_t dim = shape.dim;
  if (IsPairs(shape.kind) || shape.kind == StateKind::kAverage) {
    weights = 0;
    size = shape.memory;
    matrices.push_back({0, 1, shape.memory});
    bias = size;
    size += shape.kind == StateKind::kAverage ? 1 : 0;
  } else if (shape.kind == StateKind::kAttention) {
    attention = Mlp(std::vector<std::int64_t>{2 * dim, dim, 1}, 0);
    attention.AddMatrices(matrices);
    size = attention.end();
  } else if (shape.kind == StateKind::kGru) {
    input = {0, 3 * dim * dim, dim, 3 * dim};
    recurrent = {input.bias + 3 * dim, input.bias + 3 * dim + 3 * dim * dim, dim, 3 * dim};
    size = recurrent.bias + 3 * dim;
    matrices = {{input.weight, input.out, input.in}, {recurrent.weight, recurrent.out, recurrent.in}};
  }
}

template <class T>
std::vector<T> InitState(const StateShape& shape, std::uint64_t seed) {
  constexpr std::uint64_t kNumber = 1000;
  const StateLayout layout(shape);
  std::vector<T> params(static_cast<std::size_t>(layout.size), T{0});
  base::Rng rng(seed, base::Stream::kInit, kNumber);
  if (shape.kind == StateKind::kAttention) {
    layout.attention.Init(params.data(), false, seed, kNumber);
  } else if (shape.kind == StateKind::kGru) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(shape.dim));
    std::generate(params.begin(), params.end(), [&] { return static_cast<T>(bound * (2.0 * rng.Uniform() - 1.0)); });
  } else if (layout.size > 0) {
    std::generate_n(params.begin(), shape.memory,
                    [&] { return static_cast<T>(2.0 / static_cast<double>(shape.memory) * rng.Uniform()); });
  }
  return params;
}

// pooled_ := g
template <class T>
void StatePass<T>::Pool(const T* params, const StateRows<T>& rows) {
  const std::int64_t dim = shape_.dim;
  const T* w = params + layout_.weights;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    T* g = pooled_.data() + r * dim;
    std::fill_n(g, dim, params[layout_.bias]);
    for (std::int64_t a = 0; a < shape_.memory; ++a) {
      AddScaled(rows.items + (r * shape_.memory + a) * dim, dim, w[a], g);
    }
  }
}

template <class T>
void StatePass<T>::PoolBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_items) {
  const std::int64_t dim = shape_.dim;
  const T* w = params + layout_.weights;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* d = d_pooled_.data() + r * dim;
    for (std::int64_t a = 0; a < shape_.memory; ++a) {
      const std::int64_t cell = (r * shape_.memory + a) * dim;
      if (gradient != nullptr) {
        gradient[layout_.weights + a] +=
            nn::LaneSum<T>(dim, [&](std::int64_t at) { return d[at] * rows.items[cell + at]; });
      }
      if (d_items != nullptr) {
        AddScaled(d, dim, w[a], d_items + cell);
      }
    }
    if (gradient != nullptr) {
      gradient[layout_.bias] += nn::LaneSum<T>(dim, [&](std::int64_t at) { return d[at]; });
    }
  }
}

template <class T>
void StatePass<T>::Attend(const T* params, const StateRows<T>& rows) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  T* joined = Sized(joined_, rows.count * memory * 2 * dim);
  for (std::int64_t cell = 0; cell < rows.count * memory; ++cell) {
    std::copy_n(rows.users + cell / memory * dim, dim, joined + cell * 2 * dim);
    std::copy_n(rows.items + cell * dim, dim, joined + cell * 2 * dim + dim);
  }
  const T* scores = attention_.Forward(layout_.attention, params, joined, rows.count * memory);
  T* alpha = Sized(alpha_, rows.count * memory);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const std::int32_t* known = rows.memory + r * memory;
    T* mine = alpha + r * memory;
    T* g = pooled_.data() + r * dim;
    std::fill_n(g, dim, T{0});
    std::fill_n(mine, memory, T{0});
    const auto count = static_cast<std::int64_t>(std::find(known, known + memory, -1) - known);
    if (count == 0) {
      continue;
    }
    const T* score = scores + r * memory;
    const T top = *std::max_element(score, score + count);
    T sum{0};
    for (std::int64_t a = 0; a < count; ++a) {
      mine[a] = std::exp(score[a] - top);
      sum += mine[a];
    }
    for (std::int64_t a = 0; a < count; ++a) {
      mine[a] /= sum;
      AddScaled(rows.items + (r * memory + a) * dim, dim, mine[a], g);
    }
  }
}

template <class T>
void StatePass<T>::AttendBackward(const T* params, const StateRows<T>& rows, T* gradient, T* d_users, T* d_items) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  T* d_scores = Sized(d_scores_, rows.count * memory);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* alpha = alpha_.data() + r * memory;
    const T* d = d_pooled_.data() + r * dim;
    T* mine = d_scores + r * memory;
    T mean{0};
    for (std::int64_t a = 0; a < memory; ++a) {
      const std::int64_t cell = (r * memory + a) * dim;
      mine[a] = nn::LaneSum<T>(dim, [&](std::int64_t at) { return d[at] * rows.items[cell + at]; });
      mean += alpha[a] * mine[a];
      if (d_items != nullptr) {
        AddScaled(d, dim, alpha[a], d_items + cell);
      }
    }
    for (std::int64_t a = 0; a < memory; ++a) {
      mine[a] = alpha[a] * (mine[a] - mean);
    }
  }
  const bool below = d_users != nullptr || d_items != nullptr;
  T* d_joined = below ? Sized(d_joined_, rows.count * memory * 2 * dim) : nullptr;
  attention_.Backward(layout_.attention, params, rows.count * memory, d_scores, gradient, d_joined);
  for (std::int64_t cell = 0; below && cell < rows.count * memory; ++cell) {
    if (d_users != nullptr) {
      AddScaled(d_joined + cell * 2 * dim, dim, T{1}, d_users + cell / memory * dim);
    }
    if (d_items != nullptr) {
      AddScaled(d_joined + cell * 2 * dim + dim, dim, T{1}, d_items + cell * dim);
    }
  }
}

template <class T>
void StatePass<T>::Pairs(const T* params, const StateRows<T>& rows, T* out) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  const T* w = params + layout_.weights;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* items = rows.items + r * memory * dim;
    const T* user = rows.users + r * dim;
    T* to = out + r * shape_.size();
    for (std::int64_t a = 0; a < memory; ++a, to += dim) {
      if (shape_.kind == StateKind::kPairs) {
        std::copy_n(items + a * dim, dim, to);
      } else {
        std::fill_n(to, dim, T{0});
        AddProduct(user, items + a * dim, dim, w[a], to);
      }
    }
    for (std::int64_t a = 0; a < memory; ++a) {
      for (std::int64_t b = a + 1; b < memory; ++b, to += dim) {
        std::fill_n(to, dim, T{0});
        AddProduct(items + a * dim, items + b * dim, dim, w[a] * w[b], to);
      }
    }
  }
}

template <class T>
void StatePass<T>::PairsBackward(const T* params, const StateRows<T>& rows, const T* d, T* gradient, T* d_users,
                                 T* d_items) {
  const std::int64_t dim = shape_.dim;
  const std::int64_t memory = shape_.memory;
  const T* w = params + layout_.weights;
  std::vector<T> unused(static_cast<std::size_t>(std::max(layout_.size, memory * dim)));
  T* d_w = (gradient != nullptr ? gradient : unused.data()) + layout_.weights;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* items = rows.items + r * memory * dim;
    const T* user = rows.users + r * dim;
    T* d_item = d_items != nullptr ? d_items + r * memory * dim : unused.data();
    const T* from = d + r * shape_.size();
    for (std::int64_t a = 0; a < memory; ++a, from += dim) {
      if (shape_.kind == StateKind::kPairs) {
        AddScaled(from, dim, T{1}, d_item + a * dim);
        continue;
      }
      d_w[a] += TripleDot(from, user, items + a * dim, dim);
      AddProduct(from, user, dim, w[a], d_item + a * dim);
      if (d_users != nullptr) {
        AddProduct(from, items + a * dim, dim, w[a], d_users + r * dim);
      }
    }
    for (std::int64_t a = 0; a < memory; ++a) {
      for (std::int64_t b = a + 1; b < memory; ++b, from += dim) {
        const T both = TripleDot(from, items + a * dim, items + b * dim, dim);
        d_w[a] += w[b] * both;
        d_w[b] += w[a] * both;
        AddProduct(from, items + b * dim, dim, w[a] * w[b], d_item + a * dim);
        AddProduct(from, items + a * dim, dim, w[a] * w[b], d_item + b * dim);
      }
    }
  }
}

template <class T>
void StatePass<T>::Forward(const T* params, const StateRows<T>& rows, T* out) {
  const std::int64_t dim = shape_.dim;
  if (shape_.kind == StateKind::kItems) {
    std::copy_n(rows.items, rows.count * shape_.memory * dim, out);
    return;
  }
  if (IsPairs(shape_.kind)) {
    Pairs(params, rows, out);
    return;
  }
  Sized(pooled_, rows.count * dim);
  if (shape_.kind == StateKind::kAverage) {
    Pool(params, rows);
  } else if (shape_.kind == StateKind::kAttention) {
    Attend(params, rows);
  } else {
    Recur(params, rows);
  }
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* u = rows.users + r * dim;
    const T* g = pooled_.data() + r * dim;
    T* to = out + r * 3 * dim;
    for (std::int64_t at = 0; at < dim; ++at) {
      to[at] = u[at];
      to[dim + at] = u[at] * g[at];
      to[2 * dim + at] = g[at];
    }
  }
}

template <class T>
void StatePass<T>::Backward(const T* params, const StateRows<T>& rows, const T* d, T* gradient, T* d_users,
                            T* d_items) {
  const std::int64_t dim = shape_.dim;
  if (shape_.kind == StateKind::kItems) {
    if (d_items != nullptr) {
      AddScaled(d, rows.count * shape_.memory * dim, T{1}, d_items);
    }
    return;
  }
  if (IsPairs(shape_.kind)) {
    PairsBackward(params, rows, d, gradient, d_users, d_items);
    return;
  }
  Sized(d_pooled_, rows.count * dim);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* from = d + r * 3 * dim;
    const T* u = rows.users + r * dim;
    const T* g = pooled_.data() + r * dim;
    T* to = d_pooled_.data() + r * dim;
    for (std::int64_t at = 0; at < dim; ++at) {
      to[at] = from[2 * dim + at] + from[dim + at] * u[at];
    }
    for (std::int64_t at = 0; d_users != nullptr && at < dim; ++at) {
      d_users[r * dim + at] += from[at] + from[dim + at] * g[at];
    }
  }
  if (shape_.kind == StateKind::kAverage) {
    PoolBackward(params, rows, gradient, d_items);
  } else if (shape_.kind == StateKind::kAttention) {
    AttendBackward(params, rows, gradient, d_users, d_items);
  } else {
    RecurBackward(params, rows, gradient, d_items);
  }
}

template class StatePass<float>;
template class StatePass<double>;
template std::vector<float> InitState<float>(const StateShape& shape, std::uint64_t seed);
template std::vector<double> InitState<double>(const StateShape& shape, std::uint64_t seed);

}  // namespace recforce::algos
