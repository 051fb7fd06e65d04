// SPDX-License-Identifier: Apache-2.0
#include "nn/swish_norm.h"

#include <algorithm>
#include <vector>

#include "nn/layer_norm.h"
#include "nn/vector_math.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

constexpr std::int64_t kRowGrain = 16;  // rows that share a partial sum of the parameters' gradients

template <class T>
T Sigmoid(T x) {
  return T{1} / (T{1} + FastExp(-x));
}

void CheckRows(const torch::Tensor& values, const torch::Tensor& like) {
  RECFORCE_CHECK(values.dim() == 2 && values.is_contiguous() && values.sizes() == like.sizes(),
                 "rows to normalise have another shape");
}

}  // namespace

void SwishNorm(const torch::Tensor& x, const torch::Tensor& gain, const torch::Tensor& bias, double epsilon,
               torch::Tensor& out, torch::Tensor& statistics) {
  CheckRows(x, out);
  if (!x.is_cpu()) {
    const torch::Tensor y = x * x.sigmoid();
    const torch::Tensor mean = y.mean(1, /*keepdim=*/true);
    const torch::Tensor inverse = (y.var(1, /*unbiased=*/false, /*keepdim=*/true) + epsilon).rsqrt();
    out.copy_((y - mean) * inverse * gain + bias);
    statistics.copy_(torch::cat({mean, inverse}, 1));
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "SwishNorm", [&] {
    const std::int64_t width = x.size(1);
    const scalar_t* from = x.data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    scalar_t* kept = statistics.data_ptr<scalar_t>();
    base::ParallelFor(0, x.size(0), kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const scalar_t* row = from + r * width;
        scalar_t* y = to + r * width;
        for (std::int64_t at = 0; at < width; ++at) {
          y[at] = row[at] * Sigmoid(row[at]);
        }
        const auto found = NormalizeRow(y, width, gain.data_ptr<scalar_t>(), bias.data_ptr<scalar_t>(),
                                        static_cast<scalar_t>(epsilon), y);
        kept[2 * r] = found.mean;
        kept[2 * r + 1] = found.inverse_deviation;
      }
    });
  });
}

NormGradients SwishNormBackward(torch::Tensor& d, const torch::Tensor& x, const torch::Tensor& gain,
                                const torch::Tensor& statistics) {
  CheckRows(d, x);
  if (!x.is_cpu()) {
    const torch::Tensor sigmoid = x.sigmoid();
    const torch::Tensor y = x * sigmoid;
    const torch::Tensor inverse = statistics.narrow(1, 1, 1);
    const torch::Tensor normed = (y - statistics.narrow(1, 0, 1)) * inverse;
    NormGradients gradients{(d * normed).sum(0), d.sum(0)};
    const torch::Tensor scaled = d * gain;
    const torch::Tensor dy =
        inverse * (scaled - scaled.mean(1, /*keepdim=*/true) - normed * (scaled * normed).mean(1, /*keepdim=*/true));
    d.copy_(dy * (sigmoid + y * (1 - sigmoid)));
    return gradients;
  }
  const std::int64_t rows = x.size(0);
  const std::int64_t width = x.size(1);
  torch::Tensor partials = torch::zeros({(rows + kRowGrain - 1) / kRowGrain, 2, width}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "SwishNormBackward", [&] {
    const scalar_t* from = x.data_ptr<scalar_t>();
    const scalar_t* kept = statistics.data_ptr<scalar_t>();
    scalar_t* to = d.data_ptr<scalar_t>();
    base::ParallelFor(0, rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
      scalar_t* partial = partials.data_ptr<scalar_t>() + begin / kRowGrain * 2 * width;
      std::vector<scalar_t> y(static_cast<std::size_t>(width));
      std::vector<scalar_t> slope(y.size());
      for (std::int64_t r = begin; r < end; ++r) {
        const scalar_t* row = from + r * width;
        for (std::int64_t at = 0; at < width; ++at) {
          const scalar_t sigmoid = Sigmoid(row[at]);
          const auto place = static_cast<std::size_t>(at);
          y[place] = row[at] * sigmoid;
          slope[place] = sigmoid + y[place] * (scalar_t{1} - sigmoid);
        }
        scalar_t* gradient = to + r * width;
        NormalizeRowBackward(gradient, y.data(), width, gain.data_ptr<scalar_t>(), {kept[2 * r], kept[2 * r + 1]},
                             partial, partial + width, [&](std::int64_t at, scalar_t value) {
                               gradient[at] = value * slope[static_cast<std::size_t>(at)];
                             });
      }
    });
  });
  const torch::Tensor sums = partials.sum(0);  // libtorch has one thread: a fixed order
  return {sums[0].contiguous(), sums[1].contiguous()};
}

}  // namespace recforce::nn
