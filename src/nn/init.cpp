// SPDX-License-Identifier: Apache-2.0
#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::nn {
namespace {

// Values are drawn in blocks of this many, each from a stream of its own, so blocks can be filled in parallel.
constexpr std::int64_t kBlock = 4096;

template <class Draw>
torch::Tensor Filled(torch::IntArrayRef shape, std::uint64_t seed, std::uint64_t number, const Draw& draw) {
  torch::Tensor values = torch::empty(shape, torch::kFloat32);
  float* data = values.data_ptr<float>();
  const std::int64_t count = values.numel();
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  base::ParallelFor(0, blocks, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      base::Rng rng(seed, base::Stream::kInit, number, static_cast<std::uint32_t>(block));
      const std::int64_t stop = std::min(count, (block + 1) * kBlock);
      for (std::int64_t at = block * kBlock; at < stop; ++at) {
        data[at] = static_cast<float>(draw(rng));
      }
    }
  });
  return values;
}

}  // namespace

torch::Tensor XavierUniform(torch::IntArrayRef shape, std::int64_t fan_in, std::int64_t fan_out, std::uint64_t seed,
                            std::uint64_t number) {
  const double limit = std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return Filled(shape, seed, number, [limit](base::Rng& rng) { return limit * (2.0 * rng.Uniform() - 1.0); });
}

torch::Tensor XavierNormal(torch::IntArrayRef shape, std::int64_t fan_in, std::int64_t fan_out, std::uint64_t seed,
                           std::uint64_t number) {
  const double sigma = std::sqrt(2.0 / static_cast<double>(fan_in + fan_out));
  return Filled(shape, seed, number, [sigma](base::Rng& rng) { return sigma * rng.Normal(); });
}

torch::Tensor TruncatedNormal(torch::IntArrayRef shape, double sigma, std::uint64_t seed, std::uint64_t number) {
  return Filled(shape, seed, number, [sigma](base::Rng& rng) {
    double value = rng.Normal();
    while (std::abs(value) > 2.0) {
      value = rng.Normal();
    }
    return sigma * value;
  });
}

}  // namespace recforce::nn
