// SPDX-License-Identifier: Apache-2.0
// How many clicks a synthetic user makes, and on which items. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "data/negative_sampler.h"
#include "recforce/base/rng.h"
#include "recforce/data/generate.h"

namespace recforce::data {

inline constexpr std::int64_t kLeastClicks = 5;

// At most half of the catalogue, so that there is something left to recommend, and never more than all of it.
std::int64_t MostClicks(const WorldOptions& options);
// kLeastClicks plus a geometric or log-normal number, at most MostClicks.
std::int64_t DrawCount(base::Rng& rng, const WorldOptions& options);

// Draws from a mixture of themes in two steps, the theme and then an item of it, at a cost that does not grow with the
// catalogue. Shared by the drawers of several threads.
class ThemeDraws {
 public:
  ThemeDraws() = default;
  explicit ThemeDraws(const World& world);
  // An item, or -1 where rounding misses all. shares: [themes] weights of the themes.
  [[nodiscard]] std::int32_t Draw(base::Rng& rng, const DrawingWeights& shares) const;

 private:
  std::vector<std::vector<std::int32_t>> items_;  // of each theme
  std::vector<DrawingWeights> weights_;           // parallel to items_
};

// Draws the clicks of one user after the other, in their order: distinct items, each with probability proportional to
// its weight among those left. Gives up to `count` items, fewer where the catalogue ends.
class ClickDrawer {
 public:
  // themes: of the world when it has no rank and draws by rejection.
  ClickDrawer(const World& world, const ThemeDraws& themes);

  std::vector<std::int32_t> ByThemes(base::Rng& rng, std::int64_t user, std::int64_t count);
  // weights: [items]
  std::vector<std::int32_t> ByWeights(base::Rng& rng, std::vector<double> weights, std::int64_t count);

 private:
  template <class Draw>
  void Reject(const Draw& draw, std::int64_t count, std::vector<std::int32_t>& out);
  template <class Weight>
  void Race(base::Rng& rng, const Weight& weight, std::int64_t count, std::vector<std::int32_t>& out);

  const World& world_;
  const ThemeDraws& themes_;
  std::vector<char> taken_;  // [items]
};

}  // namespace recforce::data
