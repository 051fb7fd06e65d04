// SPDX-License-Identifier: Apache-2.0
// Slates by chance.
#pragma once

#include <cstdint>
#include <span>

#include "recforce/base/rng.h"

namespace recforce::sim {

// Fills `slate` with distinct items of 0 .. num_items - 1 in random order, every set and order equally likely. Time is
// quadratic in the slate and does not depend on the catalogue. REQUIRES: slate.size() <= num_items.
void DrawSlate(base::Rng& rng, std::int64_t num_items, std::span<std::int32_t> slate);

}  // namespace recforce::sim
