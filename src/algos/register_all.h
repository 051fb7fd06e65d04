// SPDX-License-Identifier: Apache-2.0
// The door of `algos` for the outer rooms: plain C++, no tensors.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

// Adds every algorithm of recforce, in the order in which they are shown.
void RegisterAll(core::Registry& registry);

// Threads of BLAS and libtorch. base::SetThreads sets those of our own loops.
void SetThreads(int count);

}  // namespace recforce::algos
