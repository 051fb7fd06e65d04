// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/layers.h"

#include <algorithm>
#include <cstdint>

#include "algos/common/elementwise.h"

namespace recforce::algos {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class RowsFunction : public torch::autograd::Function<RowsFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& table, const torch::Tensor& index) {
    context->save_for_backward({index});
    context->saved_data["rows"] = table.size(0);
    const std::int64_t width = table.size(1);
    if (!table.is_cpu()) {
      const torch::Tensor missing = index.lt(0).unsqueeze(1);
      return table.index_select(0, index.clamp_min(0)).masked_fill(missing, 0.0);
    }
    const torch::Tensor from = table.contiguous();
    torch::Tensor out = torch::empty({index.size(0), width}, table.options());
    AT_DISPATCH_FLOATING_TYPES(table.scalar_type(), "RowsOf", [&] {
      const scalar_t* source = from.data_ptr<scalar_t>();
      scalar_t* to = out.data_ptr<scalar_t>();
      for (const std::int64_t* at = index.data_ptr<std::int64_t>(); to != out.data_ptr<scalar_t>() + out.numel();
           ++at, to += width) {
        if (*at < 0) {
          std::fill_n(to, width, scalar_t{0});
        } else {
          std::copy_n(source + *at * width, width, to);
        }
      }
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const torch::Tensor index = context->get_saved_variables()[0];
    const torch::Tensor d = gradients[0].contiguous();
    const std::int64_t width = d.size(1);
    torch::Tensor d_table = torch::zeros({context->saved_data["rows"].toInt(), width}, d.options());
    if (!d.is_cpu()) {
      d_table.index_add_(0, index.clamp_min(0), d.masked_fill(index.lt(0).unsqueeze(1), 0.0));
      return {d_table, torch::Tensor()};
    }
    AT_DISPATCH_FLOATING_TYPES(d.scalar_type(), "RowsOfBackward", [&] {
      const std::int64_t* at = index.data_ptr<std::int64_t>();
      const scalar_t* from = d.data_ptr<scalar_t>();
      scalar_t* to = d_table.data_ptr<scalar_t>();
      for (std::int64_t r = 0; r < d.size(0); ++r) {
        if (at[r] >= 0) {
          AddScaled(from + r * width, width, scalar_t{1}, to + at[r] * width);
        }
      }
    });
    return {d_table, torch::Tensor()};
  }
};

class WeightedFunction : public torch::autograd::Function<WeightedFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& table_in, const torch::Tensor& weight_in,
                               const torch::Tensor& index) {
    const torch::Tensor table = table_in.contiguous();
    const torch::Tensor weight = weight_in.contiguous();
    context->save_for_backward({table, weight, index});
    const std::int64_t width = table.size(1);
    const std::int64_t sums = weight.size(0);
    const std::int64_t lags = weight.size(1);
    torch::Tensor out = torch::zeros({index.size(0), sums, width}, table.options());
    AT_DISPATCH_FLOATING_TYPES(table.scalar_type(), "WeightedRows", [&] {
      const scalar_t* rows = table.data_ptr<scalar_t>();
      const scalar_t* w = weight.data_ptr<scalar_t>();
      const std::int64_t* at = index.data_ptr<std::int64_t>();
      scalar_t* to = out.data_ptr<scalar_t>();
      for (std::int64_t e = 0; e < index.size(0); ++e, at += lags, to += sums * width) {
        for (std::int64_t lag = 0; lag < lags && at[lag] >= 0; ++lag) {
          for (std::int64_t n = 0; n < sums; ++n) {
            AddScaled(rows + at[lag] * width, width, w[n * lags + lag], to + n * width);
          }
        }
      }
    });
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor& table = saved[0];
    const torch::Tensor& weight = saved[1];
    const torch::Tensor& index = saved[2];
    const torch::Tensor d = gradients[0].contiguous();
    const std::int64_t width = table.size(1);
    const std::int64_t sums = weight.size(0);
    const std::int64_t lags = weight.size(1);
    torch::Tensor d_table = torch::zeros_like(table);
    torch::Tensor d_weight = torch::zeros_like(weight);
    AT_DISPATCH_FLOATING_TYPES(table.scalar_type(), "WeightedRowsBackward", [&] {
      const scalar_t* rows = table.data_ptr<scalar_t>();
      const scalar_t* w = weight.data_ptr<scalar_t>();
      const std::int64_t* at = index.data_ptr<std::int64_t>();
      const scalar_t* from = d.data_ptr<scalar_t>();
      scalar_t* to_rows = d_table.data_ptr<scalar_t>();
      scalar_t* to_w = d_weight.data_ptr<scalar_t>();
      for (std::int64_t e = 0; e < index.size(0); ++e, at += lags, from += sums * width) {
        for (std::int64_t lag = 0; lag < lags && at[lag] >= 0; ++lag) {
          for (std::int64_t n = 0; n < sums; ++n) {
            AddScaled(from + n * width, width, w[n * lags + lag], to_rows + at[lag] * width);
            const scalar_t* row = rows + at[lag] * width;
            scalar_t sum{0};
            for (std::int64_t i = 0; i < width; ++i) {
              sum += from[n * width + i] * row[i];
            }
            to_w[n * lags + lag] += sum;
          }
        }
      }
    });
    return {d_table, d_weight, torch::Tensor()};
  }
};

}  // namespace

torch::Tensor RowsOf(const torch::Tensor& table, const torch::Tensor& index) {
  return RowsFunction::apply(table, index);
}

torch::Tensor WeightedRows(const torch::Tensor& table, const torch::Tensor& weight, const torch::Tensor& index) {
  if (table.is_cpu()) {
    return WeightedFunction::apply(table, weight, index);
  }
  const torch::Tensor rows = RowsOf(table, index.reshape({-1})).view({index.size(0), index.size(1), table.size(1)});
  return torch::matmul(weight, rows);
}

}  // namespace recforce::algos
