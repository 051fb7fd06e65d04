// SPDX-License-Identifier: Apache-2.0
#include "nn/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kRowGrain = 8;       // rows handed to a thread at once
constexpr std::int64_t kColumnGrain = 512;  // columns of a column sum handed to a thread at once

template <class T>
void AddScaled(const T* from, std::int64_t count, T factor, T* to) {
  for (std::int64_t d = 0; d < count; ++d) {
    to[d] += factor * from[d];
  }
}

// Max of f = logits + bias, which is written back.
template <class T>
T AddBiasAndMax(T* logits, const T* bias, std::int64_t count) {
  std::array<T, static_cast<std::size_t>(kLanes)> best;
  best.fill(-std::numeric_limits<T>::infinity());
  std::int64_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const T f = logits[at + lane] + bias[at + lane];
      logits[at + lane] = f;
      T& most = best[static_cast<std::size_t>(lane)];
      most = f > most ? f : most;
    }
  }
  for (; at < count; ++at) {
    logits[at] += bias[at];
    best[0] = logits[at] > best[0] ? logits[at] : best[0];
  }
  return *std::max_element(best.begin(), best.end());
}

template <class T>
void SoftmaxRow(T* logits, const T* bias, std::int64_t items, std::span<const std::int32_t> x, double* nll,
                double* inverse_sum) {
  const T top = AddBiasAndMax(logits, bias, items);
  double clicked = 0.0;
  for (const std::int32_t item : x) {
    clicked += static_cast<double>(logits[item]);
  }
  const double sum = ExpAndSum(logits, items, top);
  *nll = static_cast<double>(x.size()) * (static_cast<double>(top) + std::log(sum)) - clicked;
  *inverse_sum = 1.0 / sum;
}

template <class T>
void GradientRow(T* exps, std::int64_t items, std::span<const std::int32_t> x, double inverse_sum, double weight) {
  const T factor = static_cast<T>(weight * static_cast<double>(x.size()) * inverse_sum);
  for (std::int64_t item = 0; item < items; ++item) {
    exps[item] *= factor;
  }
  for (const std::int32_t item : x) {
    exps[item] -= static_cast<T>(weight);
  }
}

struct DeviceRows {
  torch::Tensor row;   // [nnz] int64
  torch::Tensor item;  // [nnz] int64
  torch::Tensor size;  // [B] in the values' type
};

// Index tensors of sparse rows for the ATen path.
DeviceRows ToDevice(data::CsrView rows, const torch::Tensor& like) {
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> item;
  std::vector<double> size;
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (const std::int32_t i : rows.row(r)) {
      row.push_back(r);
      item.push_back(i);
    }
    size.push_back(static_cast<double>(rows.row(r).size()));
  }
  return {torch::tensor(row, torch::kInt64).to(like.device()), torch::tensor(item, torch::kInt64).to(like.device()),
          torch::tensor(size, torch::kFloat64).to(like.options())};
}

torch::Tensor ToDevice(std::span<const double> values, const torch::Tensor& like) {
  return torch::tensor(std::vector<double>(values.begin(), values.end()), torch::kFloat64).to(like.options());
}

torch::Tensor ToDevice(std::span<const float> values, const torch::Tensor& like) {
  return torch::tensor(std::vector<float>(values.begin(), values.end()), torch::kFloat32).to(like.options());
}

void CheckMatrix(const torch::Tensor& matrix, std::int64_t rows, const char* name) {
  RECFORCE_CHECK(matrix.dim() == 2 && matrix.is_contiguous() && (rows < 0 || matrix.size(0) == rows),
                 std::string(name) + " has another shape");
}

SoftmaxRows SoftmaxOnDevice(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x) {
  const DeviceRows index = ToDevice(x, logits);
  logits.add_(bias);
  const torch::Tensor top = std::get<0>(logits.max(1));
  torch::Tensor clicked = torch::zeros({logits.size(0)}, logits.options());
  clicked.index_add_(0, index.row, logits.index({index.row, index.item}));
  logits.sub_(top.unsqueeze(1)).exp_();
  const torch::Tensor sum = logits.sum(1);
  const torch::Tensor nll = (index.size * (top + sum.log()) - clicked).to(torch::kCPU, torch::kFloat64);
  const torch::Tensor inverse = sum.reciprocal().to(torch::kCPU, torch::kFloat64);
  SoftmaxRows rows;
  rows.nll.assign(nll.data_ptr<double>(), nll.data_ptr<double>() + nll.numel());
  rows.inverse_sum.assign(inverse.data_ptr<double>(), inverse.data_ptr<double>() + inverse.numel());
  return rows;
}

// Both forms of the softmax: with `weight` empty the exponentials stay, else they become the gradient while the row
// is still in the cache.
SoftmaxRows SoftmaxOnCpu(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                         std::span<const double> weight) {
  const std::int64_t items = logits.size(1);
  SoftmaxRows rows;
  rows.nll.resize(static_cast<std::size_t>(x.rows()));
  rows.inverse_sum.resize(rows.nll.size());
  AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "Softmax", [&] {
    scalar_t* values = logits.data_ptr<scalar_t>();
    const scalar_t* shift = bias.data_ptr<scalar_t>();
    base::ParallelFor(0, x.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto at = static_cast<std::size_t>(r);
        SoftmaxRow(values + r * items, shift, items, x.row(r), &rows.nll[at], &rows.inverse_sum[at]);
        if (!weight.empty()) {
          GradientRow(values + r * items, items, x.row(r), rows.inverse_sum[at], weight[at]);
        }
      }
    });
  });
  return rows;
}

template <bool kTanh>
void Bag(data::CsrView rows, std::span<const float> scale, const torch::Tensor& table, const torch::Tensor& bias,
         torch::Tensor& out) {
  CheckMatrix(table, -1, "table");
  CheckMatrix(out, rows.rows(), "out");
  if (!table.is_cpu()) {
    const DeviceRows index = ToDevice(rows, table);
    out.zero_();
    out.index_add_(0, index.row, table.index_select(0, index.item));
    out.mul_(ToDevice(scale, table).unsqueeze(1)).add_(bias);
    if (kTanh) {
      out.tanh_();
    }
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(table.scalar_type(), "Bag", [&] {
    const std::int64_t hidden = table.size(1);
    const scalar_t* from = table.data_ptr<scalar_t>();
    const scalar_t* shift = bias.data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    base::ParallelFor(0, rows.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        scalar_t* row = to + r * hidden;
        std::fill(row, row + hidden, scalar_t{0});
        for (const std::int32_t item : rows.row(r)) {
          AddScaled(from + item * hidden, hidden, scalar_t{1}, row);
        }
        const auto factor = static_cast<scalar_t>(scale[static_cast<std::size_t>(r)]);
        for (std::int64_t d = 0; d < hidden; ++d) {
          const scalar_t value = shift[d] + factor * row[d];
          row[d] = kTanh ? FastTanh(value) : value;
        }
      }
    });
  });
}

}  // namespace

void BagTanh(data::CsrView rows, std::span<const float> scale, const torch::Tensor& table, const torch::Tensor& bias,
             torch::Tensor& out) {
  Bag<true>(rows, scale, table, bias, out);
}

void BagLinear(data::CsrView rows, std::span<const float> scale, const torch::Tensor& table, const torch::Tensor& bias,
               torch::Tensor& out) {
  Bag<false>(rows, scale, table, bias, out);
}

torch::Tensor BagGradient(const ItemMajor& by_item, std::span<const float> scale, const torch::Tensor& d) {
  CheckMatrix(d, static_cast<std::int64_t>(scale.size()), "d");
  const auto touched = static_cast<std::int64_t>(by_item.items.size());
  const std::int64_t hidden = d.size(1);
  if (!d.is_cpu()) {
    std::vector<std::int64_t> to;
    std::vector<std::int64_t> from(by_item.rows.begin(), by_item.rows.end());
    for (std::int64_t t = 0; t < touched; ++t) {
      const auto at = static_cast<std::size_t>(t);
      to.insert(to.end(), static_cast<std::size_t>(by_item.offsets[at + 1] - by_item.offsets[at]), t);
    }
    torch::Tensor gradient = torch::zeros({touched, hidden}, d.options());
    const torch::Tensor scaled = d * ToDevice(scale, d).unsqueeze(1);
    gradient.index_add_(0, torch::tensor(to, torch::kInt64).to(d.device()),
                        scaled.index_select(0, torch::tensor(from, torch::kInt64).to(d.device())));
    return gradient;
  }
  torch::Tensor gradient = torch::empty({touched, hidden}, d.options());
  AT_DISPATCH_FLOATING_TYPES(d.scalar_type(), "BagGradient", [&] {
    const scalar_t* from = d.data_ptr<scalar_t>();
    scalar_t* to = gradient.data_ptr<scalar_t>();
    base::ParallelFor(0, touched, 4 * kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        scalar_t* row = to + t * hidden;
        std::fill(row, row + hidden, scalar_t{0});
        const std::int64_t stop = by_item.offsets[static_cast<std::size_t>(t) + 1];
        for (std::int64_t entry = by_item.offsets[static_cast<std::size_t>(t)]; entry < stop; ++entry) {
          const std::int32_t user = by_item.rows[static_cast<std::size_t>(entry)];
          AddScaled(from + user * hidden, hidden, static_cast<scalar_t>(scale[static_cast<std::size_t>(user)]), row);
        }
      }
    });
  });
  return gradient;
}

SoftmaxRows SoftmaxNll(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x) {
  CheckMatrix(logits, x.rows(), "logits");
  return logits.is_cpu() ? SoftmaxOnCpu(logits, bias, x, {}) : SoftmaxOnDevice(logits, bias, x);
}

void SoftmaxGradient(torch::Tensor& exps, const SoftmaxRows& rows, data::CsrView x, std::span<const double> weight) {
  CheckMatrix(exps, x.rows(), "exps");
  if (!exps.is_cpu()) {
    const DeviceRows index = ToDevice(x, exps);
    const torch::Tensor by_row = ToDevice(weight, exps);
    exps.mul_((by_row * index.size * ToDevice(std::span<const double>(rows.inverse_sum), exps)).unsqueeze(1));
    exps.index_put_({index.row, index.item}, -by_row.index_select(0, index.row), /*accumulate=*/true);
    return;
  }
  const std::int64_t items = exps.size(1);
  AT_DISPATCH_FLOATING_TYPES(exps.scalar_type(), "SoftmaxGradient", [&] {
    scalar_t* values = exps.data_ptr<scalar_t>();
    base::ParallelFor(0, x.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto at = static_cast<std::size_t>(r);
        GradientRow(values + r * items, items, x.row(r), rows.inverse_sum[at], weight[at]);
      }
    });
  });
}

SoftmaxRows SoftmaxNllGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                               std::span<const double> weight) {
  if (logits.is_cpu()) {
    CheckMatrix(logits, x.rows(), "logits");
    return SoftmaxOnCpu(logits, bias, x, weight);
  }
  SoftmaxRows rows = SoftmaxNll(logits, bias, x);
  SoftmaxGradient(logits, rows, x, weight);
  return rows;
}

void TanhInPlace(torch::Tensor& values, const torch::Tensor& bias) {
  CheckMatrix(values, -1, "values");
  if (!values.is_cpu()) {
    values.add_(bias).tanh_();
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "TanhInPlace", [&] {
    const std::int64_t hidden = values.size(1);
    scalar_t* data = values.data_ptr<scalar_t>();
    const scalar_t* shift = bias.data_ptr<scalar_t>();
    base::ParallelFor(0, values.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        for (std::int64_t d = 0; d < hidden; ++d) {
          data[r * hidden + d] = FastTanh(data[r * hidden + d] + shift[d]);
        }
      }
    });
  });
}

void TanhBackward(torch::Tensor& d, const torch::Tensor& y) {
  RECFORCE_CHECK(d.sizes() == y.sizes() && d.is_contiguous() && y.is_contiguous(), "d and y differ in shape");
  if (!d.is_cpu()) {
    d.mul_(1 - y * y);
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(d.scalar_type(), "TanhBackward", [&] {
    scalar_t* data = d.data_ptr<scalar_t>();
    const scalar_t* value = y.data_ptr<scalar_t>();
    base::ParallelFor(0, d.numel(), 8192, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t at = begin; at < end; ++at) {
        data[at] *= scalar_t{1} - value[at] * value[at];
      }
    });
  });
}

torch::Tensor ColumnSums(const torch::Tensor& values) {
  CheckMatrix(values, -1, "values");
  if (!values.is_cpu()) {
    return values.sum(0);
  }
  const std::int64_t rows = values.size(0);
  const std::int64_t columns = values.size(1);
  torch::Tensor sums = torch::zeros({columns}, values.options());
  AT_DISPATCH_FLOATING_TYPES(values.scalar_type(), "ColumnSums", [&] {
    const scalar_t* from = values.data_ptr<scalar_t>();
    scalar_t* to = sums.data_ptr<scalar_t>();
    base::ParallelFor(0, columns, kColumnGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = 0; r < rows; ++r) {
        AddScaled(from + r * columns + begin, end - begin, scalar_t{1}, to + begin);
      }
    });
  });
  return sums;
}

}  // namespace recforce::nn
