// SPDX-License-Identifier: Apache-2.0
// The door of `algos` for the outer rooms: plain C++, no tensors.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

// Adds every algorithm of recforce, in the order in which they are shown. BLAS and libtorch are left with one thread
// of their own: base::SetThreads alone says how many threads work.
void RegisterAll(core::Registry& registry);

// For the first line of a program: starts it anew, with its arguments, where OpenBLAS has taken kernels that are too
// old for this processor. It chooses once, as it is loaded, by OPENBLAS_CORETYPE; where that is set nothing happens.
void StartWithFastBlas(char* const* argv);

}  // namespace recforce::algos
