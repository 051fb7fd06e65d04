// SPDX-License-Identifier: Apache-2.0
// First values of parameters, drawn from our own streams, so that they do not depend on the version of libtorch,
// the device or the number of threads.
#pragma once

#include <cstdint>

#include "nn/torch.h"

namespace recforce::nn {

// Uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010). `number` names the parameter.
torch::Tensor XavierUniform(torch::IntArrayRef shape, std::int64_t fan_in, std::int64_t fan_out, std::uint64_t seed,
                            std::uint64_t number);

// Normal with deviation sqrt(2 / (fan_in + fan_out)), the same variance.
torch::Tensor XavierNormal(torch::IntArrayRef shape, std::int64_t fan_in, std::int64_t fan_out, std::uint64_t seed,
                           std::uint64_t number);

// Normal with deviation `sigma`, redrawn beyond two deviations.
torch::Tensor TruncatedNormal(torch::IntArrayRef shape, double sigma, std::uint64_t seed, std::uint64_t number);

}  // namespace recforce::nn
