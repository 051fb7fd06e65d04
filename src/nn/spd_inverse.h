// SPDX-License-Identifier: Apache-2.0
// The inverse of a large symmetric positive definite matrix in its own memory, without LAPACK's second copy and without
// BLAS threads: the sweep operator (Goodnight, "A Tutorial on the SWEEP Operator", 1979) on blocks, so that all but
// the inverses of small diagonal blocks are matrix products.
#pragma once

#include <functional>

#include "nn/torch.h"

namespace recforce::nn {

// The lower triangle of `a` (row >= column) becomes that of -a^-1; what lies above the diagonal is neither read nor
// promised. a: [N, N], contiguous, on the CPU, float32 or float64. Returns false when a diagonal block is not positive
// definite in this precision; `a` is spoilt then. `poll` is called once a block and may throw. Takes N^3
// operations and memory for 2 N 512 numbers. Blocks depend on N alone: any number of threads gives the same bytes.
bool NegativeInverseInPlace(torch::Tensor& a, const std::function<void()>& poll = {});

}  // namespace recforce::nn
