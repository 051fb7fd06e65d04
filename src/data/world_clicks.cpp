// SPDX-License-Identifier: Apache-2.0
// Both ways to draw without replacement are exact. Draws with replacement of which repeats are skipped meet the items
// left in proportion to their weights. In an exponential race the item with the smallest Exp(1) / weight is the first
// click, and so on. Rejection is quick until a user has most of the weight; after so many tries the race goes on over
// what is left. The number of tries is fixed beforehand and favours no item.
#include "data/world_clicks.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace recforce::data {
namespace {

double GeometricExtra(base::Rng& rng, double mean) {
  return mean > 0.0 ? std::floor(std::log(rng.Uniform()) / std::log(mean / (1.0 + mean))) : 0.0;
}

// Log-normal with this mean and median, rounded, among the numbers up to `most`.
double LogNormalExtra(base::Rng& rng, double mean, double median, double most) {
  const double deviation = std::sqrt(2.0 * std::log(mean / median));
  while (true) {
    const double extra = std::round(median * std::exp(deviation * rng.Normal()));
    if (extra <= most) {
      return extra;
    }
  }
}

}  // namespace

std::int64_t MostClicks(const WorldOptions& options) {
  const std::int64_t half = std::min(options.items, std::max(kLeastClicks, options.items / 2));
  return options.most_interactions > 0 ? std::min(half, options.most_interactions) : half;
}

std::int64_t DrawCount(base::Rng& rng, const WorldOptions& options) {
  const auto least = static_cast<double>(kLeastClicks);
  const auto most = static_cast<double>(MostClicks(options));
  const double mean = options.mean_interactions - least;
  const double extra = options.median_interactions > 0.0
                           ? LogNormalExtra(rng, mean, options.median_interactions - least, most - least)
                           : GeometricExtra(rng, mean);
  return static_cast<std::int64_t>(std::min(least + extra, most));
}

ThemeDraws::ThemeDraws(const World& world) : items_(static_cast<std::size_t>(world.options.themes)) {
  std::vector<std::vector<double>> weights(items_.size());
  for (std::size_t item = 0; item < world.theme.size(); ++item) {
    const auto theme = static_cast<std::size_t>(world.theme[item]);
    items_[theme].push_back(static_cast<std::int32_t>(item));
    weights[theme].push_back(world.popularity[item]);
  }
  for (std::vector<double>& of_theme : weights) {
    weights_.emplace_back(std::move(of_theme));
  }
}

std::int32_t ThemeDraws::Draw(base::Rng& rng, const DrawingWeights& shares) const {
  const std::size_t theme = shares.At(rng.Uniform());
  const double share = rng.Uniform();
  if (theme >= items_.size()) {
    return -1;
  }
  const std::size_t place = weights_[theme].At(share);
  return place < items_[theme].size() ? items_[theme][place] : -1;
}

ClickDrawer::ClickDrawer(const World& world, const ThemeDraws& themes)
    : world_(world), themes_(themes), taken_(static_cast<std::size_t>(world.options.items), 0) {}

// Takes items while `draw` finds new ones within as many tries as a race would have starters.
template <class Draw>
void ClickDrawer::Reject(const Draw& draw, std::int64_t count, std::vector<std::int32_t>& out) {
  for (std::size_t tries = 0; std::ssize(out) < count && tries < taken_.size(); ++tries) {
    const std::int32_t item = draw();
    if (item >= 0 && taken_[static_cast<std::size_t>(item)] == 0) {
      taken_[static_cast<std::size_t>(item)] = 1;
      out.push_back(item);
    }
  }
}

// Fills `out` up to `count` from the items not taken, and forgets what was taken.
template <class Weight>
void ClickDrawer::Race(base::Rng& rng, const Weight& weight, std::int64_t count, std::vector<std::int32_t>& out) {
  const std::size_t before = out.size();
  if (std::ssize(out) < count) {
    std::vector<std::pair<double, std::int32_t>> race;
    race.reserve(taken_.size() - before);
    for (std::size_t item = 0; item < taken_.size(); ++item) {
      if (taken_[item] == 0) {  // weight 0: never, or last
        race.emplace_back(-std::log(rng.Uniform()) / weight(item), static_cast<std::int32_t>(item));
      }
    }
    const std::size_t wanted = std::min(race.size(), static_cast<std::size_t>(count) - before);
    std::partial_sort(race.begin(), race.begin() + static_cast<std::ptrdiff_t>(wanted), race.end());
    for (std::size_t place = 0; place < wanted; ++place) {
      out.push_back(race[place].second);
    }
  }
  for (std::size_t place = 0; place < before; ++place) {
    taken_[static_cast<std::size_t>(out[place])] = 0;
  }
}

std::vector<std::int32_t> ClickDrawer::ByThemes(base::Rng& rng, std::int64_t user, std::int64_t count) {
  std::vector<std::int32_t> items;
  items.reserve(static_cast<std::size_t>(count));
  const WorldOptions& options = world_.options;
  if (options.rejection) {
    const auto themes = static_cast<std::size_t>(options.themes);
    std::vector<double> shares(themes);
    for (std::size_t theme = 0; theme < themes; ++theme) {
      shares[theme] = (1.0 - options.noise) * world_.taste[static_cast<std::size_t>(user) * themes + theme] +
                      options.noise / static_cast<double>(themes);
    }
    const DrawingWeights drawing(std::move(shares));
    Reject([&] { return themes_.Draw(rng, drawing); }, count, items);
  }
  const auto weight = [&](std::size_t item) { return world_.ClickProbability(user, static_cast<std::int64_t>(item)); };
  Race(rng, weight, count, items);
  return items;
}

std::vector<std::int32_t> ClickDrawer::ByWeights(base::Rng& rng, std::vector<double> weights, std::int64_t count) {
  std::vector<std::int32_t> items;
  items.reserve(static_cast<std::size_t>(count));
  const DrawingWeights drawing(std::move(weights));
  if (world_.options.rejection) {
    const auto draw = [&] {
      const std::size_t item = drawing.At(rng.Uniform());
      return item < drawing.size() ? static_cast<std::int32_t>(item) : std::int32_t{-1};
    };
    Reject(draw, count, items);
  }
  Race(
      rng, [&](std::size_t item) { return drawing[item]; }, count, items);
  return items;
}

}  // namespace recforce::data
