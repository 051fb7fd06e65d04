// SPDX-License-Identifier: Apache-2.0
// Logs of what simulated users were shown and chose.
#pragma once

#include <cstdint>

#include "recforce/core/environment.h"
#include "recforce/data/display_set.h"

namespace recforce::sim {

// Shows each of `users` users, numbered from 0, `pages` sets of `shown` random items in random order. A user who leaves
// has fewer pages. The sets are drawn from (seed, Stream::kPolicy, user, page). Error(Usage) where `shown` is not in
// 1 .. env.NumItems(), or a count is negative.
data::DisplaySet GenerateDisplays(const core::Environment& env, std::int64_t users, std::int64_t pages,
                                  std::int64_t shown, std::uint64_t seed);

}  // namespace recforce::sim
