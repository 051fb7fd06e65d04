// SPDX-License-Identifier: Apache-2.0
#include "nn/recurrent.h"

#include <algorithm>

#include "nn/gemm.h"
#include "nn/init.h"
#include "nn/kernels.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kRowGrain = 8;  // rows of an elementwise loop that go to a thread together

template <class T>
inline T Logistic(T x) {
  return T{1} / (T{1} + FastExp(-x));
}

// What the loops of one step read and write, row by row.
template <class T>
struct StepRows {
  std::int64_t units;
  T* gates;         // [B, 3 N]
  T* scratch;       // [B, 2 N or 3 N]
  T* product;       // [B, N]
  const T* before;  // [B, N]
  T* after;         // [B, N]
  const T* bias;    // [3 N]
  const T* inner;   // [N]
  T* d_gates;       // [B, 3 N]
  T* d_inner;       // [B, N]
  T* carry;         // [B, N]
};

template <class T, class Row>
void ForRows(std::int64_t lanes, const Row& row) {
  base::ParallelFor(0, lanes, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t lane = begin; lane < end; ++lane) {
      row(lane);
    }
  });
}

// The two gates; then what the candidate needs of them.
template <class T>
void Gates(const StepRows<T>& s, Cell cell, std::int64_t width, std::int64_t lane) {
  const std::int64_t n = s.units;
  T* gate = s.gates + lane * 3 * n;
  const T* from = s.scratch + lane * width;
  const T* h = s.before + lane * n;
  T* product = s.product + lane * n;
  for (std::int64_t at = 0; at < 2 * n; ++at) {
    gate[at] = Logistic(gate[at] + s.bias[at] + from[at]);
  }
  switch (cell) {
    case Cell::kGru:
      for (std::int64_t at = 0; at < n; ++at) {
        product[at] = gate[at] * h[at];
      }
      break;
    case Cell::kGruAfter:
      for (std::int64_t at = 0; at < n; ++at) {
        product[at] = from[2 * n + at] + s.inner[at];
      }
      break;
    case Cell::kCfn:
      for (std::int64_t at = 0; at < n; ++at) {
        product[at] = FastTanh(h[at]);
      }
      break;
  }
}

// The candidate and the new state. `from`: [N] of this lane, U_c (r * h) of the GRU.
template <class T>
void State(const StepRows<T>& s, Cell cell, const T* from, std::int64_t lane) {
  const std::int64_t n = s.units;
  T* gate = s.gates + lane * 3 * n;
  T* candidate = gate + 2 * n;
  const T* bias = s.bias + 2 * n;
  const T* h = s.before + lane * n;
  const T* product = s.product + lane * n;
  T* after = s.after + lane * n;
  switch (cell) {
    case Cell::kGru:
      for (std::int64_t at = 0; at < n; ++at) {
        const T z = gate[n + at];
        candidate[at] = FastTanh(candidate[at] + bias[at] + from[at]);
        after[at] = (T{1} - z) * h[at] + z * candidate[at];
      }
      break;
    case Cell::kGruAfter:
      for (std::int64_t at = 0; at < n; ++at) {
        const T z = gate[n + at];
        candidate[at] = FastTanh(candidate[at] + bias[at] + gate[at] * product[at]);
        after[at] = z * h[at] + (T{1} - z) * candidate[at];
      }
      break;
    case Cell::kCfn:
      for (std::int64_t at = 0; at < n; ++at) {
        candidate[at] = FastTanh(candidate[at]);
        after[at] = gate[at] * product[at] + gate[n + at] * candidate[at];
      }
      break;
  }
}

// From the gradient by the new state, d, to that by the arguments of all functions but the GRU's r, and the part of
// the gradient by the old state that passes no matrix.
template <class T>
void BackThroughState(const StepRows<T>& s, Cell cell, const T* d, std::int64_t lane) {
  const std::int64_t n = s.units;
  const T* gate = s.gates + lane * 3 * n;
  const T* h = s.before + lane * n;
  const T* product = s.product + lane * n;
  T* by = s.d_gates + lane * 3 * n;
  T* carry = s.carry + lane * n;
  for (std::int64_t at = 0; at < n; ++at) {
    const T first = gate[at];
    const T second = gate[n + at];
    const T candidate = gate[2 * n + at];
    const T curve = T{1} - candidate * candidate;
    const T slope = second * (T{1} - second);
    switch (cell) {
      case Cell::kGru:
        by[n + at] = d[at] * (candidate - h[at]) * slope;
        by[2 * n + at] = d[at] * second * curve;
        carry[at] = d[at] * (T{1} - second);
        break;
      case Cell::kGruAfter:
        by[n + at] = d[at] * (h[at] - candidate) * slope;
        by[2 * n + at] = d[at] * (T{1} - second) * curve;
        by[at] = by[2 * n + at] * product[at] * first * (T{1} - first);
        s.d_inner[lane * n + at] = by[2 * n + at] * first;
        carry[at] = d[at] * second;
        break;
      case Cell::kCfn:
        by[at] = d[at] * product[at] * first * (T{1} - first);
        by[n + at] = d[at] * candidate * slope;
        by[2 * n + at] = d[at] * second * curve;
        carry[at] = d[at] * first * (T{1} - product[at] * product[at]);
        break;
    }
  }
}

// The GRU's r. d_product: [N] of this lane, by r * h.
template <class T>
void BackThroughReset(const StepRows<T>& s, const T* d_product, std::int64_t lane) {
  const std::int64_t n = s.units;
  const T* reset = s.gates + lane * 3 * n;
  const T* h = s.before + lane * n;
  T* by = s.d_gates + lane * 3 * n;
  T* carry = s.carry + lane * n;
  for (std::int64_t at = 0; at < n; ++at) {
    by[at] = d_product[at] * h[at] * reset[at] * (T{1} - reset[at]);
    carry[at] += d_product[at] * reset[at];
  }
}

torch::Tensor& Sized(torch::Tensor& tensor, std::int64_t rows, std::int64_t columns, torch::ScalarType type) {
  if (!tensor.defined() || tensor.size(0) != rows || tensor.size(1) != columns || tensor.scalar_type() != type) {
    tensor = torch::empty({rows, columns}, type);
  }
  return tensor;
}

// to += from, whole matrices.
template <class T>
void AddTo(torch::Tensor& to, const torch::Tensor& from) {
  T* sum = to.data_ptr<T>();
  const T* more = from.data_ptr<T>();
  base::ParallelFor(0, to.numel(), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at) {
      sum[at] += more[at];
    }
  });
}

// to := from where keep, else 0; rows of `width` numbers.
template <class T>
void CopyKept(const T* from, const std::uint8_t* keep, std::int64_t rows, std::int64_t width, T* to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    if (keep[row] != 0) {
      std::copy_n(from + row * width, width, to + row * width);
    } else {
      std::fill_n(to + row * width, width, T{0});
    }
  }
}

}  // namespace

std::vector<torch::Tensor*> RecurrentParams::All() {
  std::vector<torch::Tensor*> all = {&input, &bias, &recurrent};
  if (inner.defined()) {
    all.push_back(&inner);
  }
  return all;
}

std::vector<std::string> RecurrentParams::Names(Cell cell) {
  std::vector<std::string> names = {"input.weight", "bias", "recurrent.weight"};
  if (cell == Cell::kGruAfter) {
    names.emplace_back("inner.bias");
  }
  return names;
}

RecurrentParams ZeroRecurrent(const RecurrentShape& shape, torch::TensorOptions options) {
  const std::int64_t n = shape.units;
  RecurrentParams params;
  params.input = torch::zeros({3 * n, shape.inputs}, options);
  params.bias = torch::zeros({3 * n}, options);
  params.recurrent = torch::zeros({(shape.cell == Cell::kCfn ? 2 : 3) * n, n}, options);
  if (shape.cell == Cell::kGruAfter) {
    params.inner = torch::zeros({n}, options);
  }
  return params;
}

RecurrentParams InitRecurrent(const RecurrentShape& shape, std::uint64_t seed, std::uint64_t number) {
  RecurrentParams params = ZeroRecurrent(shape, torch::kFloat32);
  const std::int64_t n = shape.units;
  params.input.copy_(XavierUniform(params.input.sizes(), shape.inputs, n, seed, number));
  params.recurrent.copy_(XavierUniform(params.recurrent.sizes(), n, n, seed, number + 1));
  if (shape.cell == Cell::kCfn) {
    params.bias.narrow(0, 0, n).fill_(1.0);
  }
  return params;
}

const torch::Tensor& RecurrentPass::Forward(const RecurrentParams& params, const torch::Tensor& u,
                                            const torch::Tensor& state, const std::vector<std::uint8_t>& keep) {
  const std::int64_t n = shape_.units;
  const std::int64_t rows = u.size(0);
  const auto type = u.scalar_type();
  lanes_ = state.size(0);
  RECFORCE_CHECK(lanes_ > 0 && rows % lanes_ == 0 && static_cast<std::int64_t>(keep.size()) == rows,
                 "lanes do not fit together");
  MatMul(Sized(gates_, rows, 3 * n, type), u, params.input.t());
  Sized(states_, rows, n, type);
  Sized(before_, rows, n, type);
  Sized(product_, rows, n, type);
  const std::int64_t width = params.recurrent.size(0) - (shape_.cell == Cell::kGru ? n : 0);
  Sized(scratch_, lanes_, width, type);
  Sized(carry_, lanes_, n, type);
  const torch::Tensor matrix = params.recurrent.narrow(0, 0, width).t();
  for (std::int64_t begin = 0; begin < rows; begin += lanes_) {
    AT_DISPATCH_FLOATING_TYPES(type, "RecurrentPass", [&] {
      const scalar_t* last =
          begin == 0 ? state.data_ptr<scalar_t>() : states_.data_ptr<scalar_t>() + (begin - lanes_) * n;
      CopyKept(last, keep.data() + begin, lanes_, n, before_.data_ptr<scalar_t>() + begin * n);
    });
    const torch::Tensor before = before_.narrow(0, begin, lanes_);
    MatMul(scratch_, before, matrix);
    AT_DISPATCH_FLOATING_TYPES(type, "RecurrentPass", [&] {
      const StepRows<scalar_t> step = {.units = n,
                                       .gates = gates_.data_ptr<scalar_t>() + begin * 3 * n,
                                       .scratch = scratch_.data_ptr<scalar_t>(),
                                       .product = product_.data_ptr<scalar_t>() + begin * n,
                                       .before = before.data_ptr<scalar_t>(),
                                       .after = states_.data_ptr<scalar_t>() + begin * n,
                                       .bias = params.bias.data_ptr<scalar_t>(),
                                       .inner = params.inner.defined() ? params.inner.data_ptr<scalar_t>() : nullptr};
      ForRows<scalar_t>(lanes_, [&](std::int64_t lane) { Gates(step, shape_.cell, width, lane); });
      if (shape_.cell == Cell::kGru) {
        MatMul(carry_, product_.narrow(0, begin, lanes_), params.recurrent.narrow(0, 2 * n, n).t());
      }
      const scalar_t* from = carry_.data_ptr<scalar_t>();
      ForRows<scalar_t>(lanes_, [&](std::int64_t lane) { State(step, shape_.cell, from + lane * n, lane); });
    });
  }
  return states_;
}

void RecurrentPass::Backward(const RecurrentParams& params, const torch::Tensor& u,
                             const std::vector<std::uint8_t>& keep, torch::Tensor& d, RecurrentParams& gradient,
                             torch::Tensor& d_u) {
  BackwardToInputs(params, u, keep, d, d_u);
  for (const RecurrentProduct& product : Products(u)) {
    torch::Tensor rows =
        (product.recurrent ? gradient.recurrent : gradient.input).narrow(0, product.first, product.left.size(1));
    MatMul(rows, product.left.t(), product.right);
  }
  BiasGradients(gradient);
}

void RecurrentPass::BackwardToInputs(const RecurrentParams& params, const torch::Tensor& u,
                                     const std::vector<std::uint8_t>& keep, torch::Tensor& d, torch::Tensor& d_u) {
  const std::int64_t n = shape_.units;
  const std::int64_t rows = u.size(0);
  const auto type = u.scalar_type();
  RECFORCE_CHECK(d.sizes() == states_.sizes() && d.is_contiguous(), "the gradient has another shape");
  Sized(d_gates_, rows, 3 * n, type);
  if (shape_.cell == Cell::kGruAfter) {
    Sized(d_inner_, rows, n, type);
  }
  torch::Tensor through = torch::empty({lanes_, n}, type);
  for (std::int64_t begin = rows - lanes_; begin >= 0; begin -= lanes_) {
    const torch::Tensor by = d_gates_.narrow(0, begin, lanes_);
    AT_DISPATCH_FLOATING_TYPES(type, "RecurrentPass", [&] {
      const StepRows<scalar_t> step = {
          .units = n,
          .gates = gates_.data_ptr<scalar_t>() + begin * 3 * n,
          .product = product_.data_ptr<scalar_t>() + begin * n,
          .before = before_.data_ptr<scalar_t>() + begin * n,
          .d_gates = by.data_ptr<scalar_t>(),
          .d_inner = d_inner_.defined() ? d_inner_.data_ptr<scalar_t>() + begin * n : nullptr,
          .carry = carry_.data_ptr<scalar_t>()};
      scalar_t* slope = d.data_ptr<scalar_t>() + begin * n;
      const bool last = begin + lanes_ == rows;
      ForRows<scalar_t>(lanes_, [&](std::int64_t lane) {
        if (!last && keep[static_cast<std::size_t>(begin + lanes_ + lane)] != 0) {
          for (std::int64_t at = lane * n; at < (lane + 1) * n; ++at) {
            slope[at] += step.carry[at];
          }
        }
        BackThroughState(step, shape_.cell, slope + lane * n, lane);
      });
      if (shape_.cell == Cell::kGru) {
        MatMul(through, by.narrow(1, 2 * n, n), params.recurrent.narrow(0, 2 * n, n));
        const scalar_t* d_product = through.data_ptr<scalar_t>();
        ForRows<scalar_t>(lanes_, [&](std::int64_t lane) { BackThroughReset(step, d_product + lane * n, lane); });
      }
      if (begin > 0) {  // what came before the first step gets no gradient
        MatMul(through, by.narrow(1, 0, 2 * n), params.recurrent.narrow(0, 0, 2 * n));
        AddTo<scalar_t>(carry_, through);
        if (shape_.cell == Cell::kGruAfter) {
          MatMul(through, d_inner_.narrow(0, begin, lanes_), params.recurrent.narrow(0, 2 * n, n));
          AddTo<scalar_t>(carry_, through);
        }
      }
    });
  }
  MatMul(d_u, d_gates_, params.input);
}

std::vector<RecurrentProduct> RecurrentPass::Products(const torch::Tensor& u) const {
  const std::int64_t n = shape_.units;
  std::vector<RecurrentProduct> products = {
      {.recurrent = false, .first = 0, .left = d_gates_, .right = u},
      {.recurrent = true, .first = 0, .left = d_gates_.narrow(1, 0, 2 * n), .right = before_}};
  if (shape_.cell == Cell::kGru) {
    products.push_back({.recurrent = true, .first = 2 * n, .left = d_gates_.narrow(1, 2 * n, n), .right = product_});
  } else if (shape_.cell == Cell::kGruAfter) {
    products.push_back({.recurrent = true, .first = 2 * n, .left = d_inner_, .right = before_});
  }
  return products;
}

void RecurrentPass::BiasGradients(RecurrentParams& gradient) const {
  gradient.bias.copy_(ColumnSums(d_gates_));
  if (shape_.cell == Cell::kCfn) {
    gradient.bias.narrow(0, 2 * shape_.units, shape_.units).zero_();
  } else if (shape_.cell == Cell::kGruAfter) {
    gradient.inner.copy_(ColumnSums(d_inner_));
  }
}

}  // namespace recforce::nn
