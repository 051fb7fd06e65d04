// SPDX-License-Identifier: Apache-2.0
#include "algos/common/row_error.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kRowGrain = 8;  // rows handed to a thread at once

// f := logits + bias; returns the sum of f f.
template <class T>
double AddBiasAndSquare(T* logits, const T* bias, std::int64_t count) {
  std::array<T, static_cast<std::size_t>(nn::kLanes)> sums{};
  std::int64_t at = 0;
  for (; at + nn::kLanes <= count; at += nn::kLanes) {
    for (std::int64_t lane = 0; lane < nn::kLanes; ++lane) {
      const T f = logits[at + lane] + bias[at + lane];
      logits[at + lane] = f;
      sums[static_cast<std::size_t>(lane)] += f * f;
    }
  }
  double total = 0.0;
  for (const T sum : sums) {
    total += static_cast<double>(sum);
  }
  for (; at < count; ++at) {
    logits[at] += bias[at];
    total += static_cast<double>(logits[at] * logits[at]);
  }
  return total;
}

// Every item counts as not clicked in one sweep; clicks are put right afterwards.
template <class T>
double SquareRow(T* logits, const T* bias, std::int64_t items, std::span<const std::int32_t> x,
                 double positive_weight) {
  double error = AddBiasAndSquare(logits, bias, items);
  for (const std::int32_t item : x) {
    const auto f = static_cast<double>(logits[item]);
    error += positive_weight * (1.0 - f) * (1.0 - f) - f * f;
  }
  return error;
}

template <class T>
void SquareGradientRow(T* f, std::int64_t items, std::span<const std::int32_t> x, double positive_weight,
                       double weight) {
  const T factor = static_cast<T>(2.0 * weight);
  for (std::int64_t item = 0; item < items; ++item) {
    f[item] *= factor;
  }
  // What stands at a click is 2 weight f; it becomes 2 weight positive_weight (f - 1).
  const T click = static_cast<T>(positive_weight);
  for (const std::int32_t item : x) {
    f[item] = click * (f[item] - factor);
  }
}

void CheckRows(const torch::Tensor& logits, data::CsrView x) {
  RECFORCE_CHECK(logits.dim() == 2 && logits.is_contiguous() && logits.size(0) == x.rows(),
                 "logits have another shape");
}

// Rows on the CPU; with `weight` empty f stays, else it becomes the gradient while the row is still in the cache.
std::vector<double> SquareOnCpu(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                                double positive_weight, std::span<const double> weight) {
  std::vector<double> errors(static_cast<std::size_t>(x.rows()));
  const std::int64_t items = logits.size(1);
  AT_DISPATCH_FLOATING_TYPES(logits.scalar_type(), "SquareErrors", [&] {
    scalar_t* values = logits.data_ptr<scalar_t>();
    const scalar_t* shift = bias.data_ptr<scalar_t>();
    base::ParallelFor(0, x.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const auto at = static_cast<std::size_t>(r);
        errors[at] = SquareRow(values + r * items, shift, items, x.row(r), positive_weight);
        if (!weight.empty()) {
          SquareGradientRow(values + r * items, items, x.row(r), positive_weight, weight[at]);
        }
      }
    });
  });
  return errors;
}

void SquareGradientOnCpu(torch::Tensor& f, data::CsrView x, double positive_weight, std::span<const double> weight) {
  const std::int64_t items = f.size(1);
  AT_DISPATCH_FLOATING_TYPES(f.scalar_type(), "SquareGradient", [&] {
    scalar_t* values = f.data_ptr<scalar_t>();
    base::ParallelFor(0, x.rows(), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        SquareGradientRow(values + r * items, items, x.row(r), positive_weight, weight[static_cast<std::size_t>(r)]);
      }
    });
  });
}

struct Entries {
  torch::Tensor row, item;  // [nnz] int64
};

Entries EntriesOf(data::CsrView x, torch::Device device) {
  std::vector<std::int64_t> row;
  std::vector<std::int64_t> item;
  for (std::int64_t r = 0; r < x.rows(); ++r) {
    row.insert(row.end(), x.row(r).size(), r);
    item.insert(item.end(), x.row(r).begin(), x.row(r).end());
  }
  return {torch::tensor(row, torch::kInt64).to(device), torch::tensor(item, torch::kInt64).to(device)};
}

}  // namespace

std::vector<double> SquareErrorsByTensorOps(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                                            double positive_weight) {
  const Entries at = EntriesOf(x, logits.device());
  logits.add_(bias);
  const torch::Tensor f = logits.index({at.row, at.item});
  torch::Tensor sums = (logits * logits).sum(1);
  sums.index_add_(0, at.row, positive_weight * (1.0 - f).square() - f.square());
  sums = sums.to(torch::kCPU, torch::kFloat64).contiguous();
  return {sums.data_ptr<double>(), sums.data_ptr<double>() + sums.numel()};
}

void SquareGradientByTensorOps(torch::Tensor& f, data::CsrView x, double positive_weight,
                               std::span<const double> weight) {
  const Entries at = EntriesOf(x, f.device());
  const torch::Tensor factor =
      torch::tensor(std::vector<double>(weight.begin(), weight.end()), torch::kFloat64).to(f.options()) * 2.0;
  f.mul_(factor.unsqueeze(1));
  f.index_put_({at.row, at.item}, positive_weight * (f.index({at.row, at.item}) - factor.index_select(0, at.row)));
}

std::vector<double> RowError::Errors(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x) {
  if (kind_ == RowErrorKind::kMultinomial) {
    softmax_ = nn::SoftmaxNll(logits, bias, x);
    return softmax_.nll;
  }
  CheckRows(logits, x);
  return logits.is_cpu() ? SquareOnCpu(logits, bias, x, positive_weight_, {})
                         : SquareErrorsByTensorOps(logits, bias, x, positive_weight_);
}

void RowError::Gradient(torch::Tensor& logits, data::CsrView x, std::span<const double> weight) const {
  RECFORCE_CHECK(static_cast<std::int64_t>(weight.size()) == x.rows(), "as many weights as rows are needed");
  if (kind_ == RowErrorKind::kMultinomial) {
    nn::SoftmaxGradient(logits, softmax_, x, weight);
    return;
  }
  CheckRows(logits, x);
  if (logits.is_cpu()) {
    SquareGradientOnCpu(logits, x, positive_weight_, weight);
  } else {
    SquareGradientByTensorOps(logits, x, positive_weight_, weight);
  }
}

std::vector<double> RowError::ErrorsAndGradient(torch::Tensor& logits, const torch::Tensor& bias, data::CsrView x,
                                                std::span<const double> weight) const {
  RECFORCE_CHECK(static_cast<std::int64_t>(weight.size()) == x.rows(), "as many weights as rows are needed");
  if (kind_ == RowErrorKind::kMultinomial) {
    return nn::SoftmaxNllGradient(logits, bias, x, weight).nll;
  }
  CheckRows(logits, x);
  if (logits.is_cpu()) {
    return SquareOnCpu(logits, bias, x, positive_weight_, weight);
  }
  std::vector<double> errors = SquareErrorsByTensorOps(logits, bias, x, positive_weight_);
  SquareGradientByTensorOps(logits, x, positive_weight_, weight);
  return errors;
}

}  // namespace recforce::algos
