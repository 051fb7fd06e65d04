// SPDX-License-Identifier: Apache-2.0
// Floyd's sampling without replacement (Bentley and Floyd, "A sample of brilliance", CACM 1987), then a shuffle: the
// sample's own order is not uniform.
#include "sim/random_slate.h"

#include <algorithm>

#include "recforce/base/error.h"

namespace recforce::sim {

void DrawSlate(base::Rng& rng, std::int64_t num_items, std::span<std::int32_t> slate) {
  const auto size = static_cast<std::int64_t>(slate.size());
  RECFORCE_CHECK(size <= num_items, "a slate of more items than there are");
  std::int64_t drawn = 0;
  for (std::int64_t newest = num_items - size; newest < num_items; ++newest, ++drawn) {
    const auto item = static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(newest) + 1));
    const std::span<std::int32_t> before = slate.first(static_cast<std::size_t>(drawn));
    const bool taken = std::find(before.begin(), before.end(), item) != before.end();
    slate[static_cast<std::size_t>(drawn)] = taken ? static_cast<std::int32_t>(newest) : item;
  }
  rng.Shuffle(slate);
}

}  // namespace recforce::sim
