// SPDX-License-Identifier: Apache-2.0
// Draws synthetic logs. Items first (themes and popularity ranks), then every user from a stream of its own: a
// Dirichlet taste, a number of clicks, and the clicks themselves by an exponential race, which gives the order of
// draws without replacement from the weights: the item with the smallest Exp(1) / weight is the first click.
#include "recforce/data/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "data/title_words.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

constexpr std::int64_t kLeastClicks = 5;
constexpr std::int64_t kFirstInstant = 1'600'000'000;                      // seconds; when the earliest user may begin
constexpr std::uint64_t kArrivalSeconds = std::uint64_t{180} * 24 * 3600;  // users arrive during half a year
constexpr std::int64_t kActiveSeconds = std::int64_t{120} * 24 * 3600;  // a user's clicks spread over about this long

struct Preset {
  const char* name;
  WorldOptions options;
};

const std::vector<Preset>& Presets() {
  static const std::vector<Preset> presets = {
      {"demo", {.users = 3000, .items = 300, .themes = 12, .mean_interactions = 24.0}},
      {"tiny", {.users = 60, .items = 30, .themes = 3, .mean_interactions = 8.0, .noise = 0.05}},
      {"ml-1m-shape", {.users = 6040, .items = 3500, .themes = 18, .mean_interactions = 95.0}},
  };
  return presets;
}

void Require(bool good, const std::string& name, const std::string& found, const char* allowed) {
  if (!good) {
    throw base::Error(base::ErrorKind::kUsage,
                      "generate." + name + ": is out of range: '" + found + "'; expected " + allowed);
  }
}

void Validate(const WorldOptions& options) {
  Require(options.users >= 1 && options.users <= 1'000'000'000, "users", std::to_string(options.users),
          "1 to 1000000000");
  Require(options.items >= 1 && options.items <= 1'000'000'000, "items", std::to_string(options.items),
          "1 to 1000000000");
  Require(options.themes >= 1 && options.themes <= options.items, "themes", std::to_string(options.themes),
          "1 to the number of items");
  Require(options.mean_interactions >= 1.0 && std::isfinite(options.mean_interactions), "mean_interactions",
          base::FormatReal(options.mean_interactions), "a number from 1");
  Require(options.popularity_exponent >= 0.0 && std::isfinite(options.popularity_exponent), "popularity_exponent",
          base::FormatReal(options.popularity_exponent), "a number from 0");
  Require(options.concentration > 0.0 && std::isfinite(options.concentration), "concentration",
          base::FormatReal(options.concentration), "a number above 0");
  Require(options.noise >= 0.0 && options.noise <= 1.0, "noise", base::FormatReal(options.noise), "0 to 1");
}

// "user-0001": numbers from 1, padded so that bytewise order is numeric order.
std::vector<std::string> MakeIds(const std::string& prefix, std::int64_t count, std::size_t least_width) {
  const std::size_t width = std::max(least_width, std::to_string(count).size());
  std::vector<std::string> ids;
  ids.reserve(static_cast<std::size_t>(count));
  for (std::int64_t number = 1; number <= count; ++number) {
    const std::string digits = std::to_string(number);
    ids.push_back(prefix + std::string(width - digits.size(), '0') + digits);
  }
  return ids;
}

std::string ThemeName(std::int32_t theme) {
  const auto index = static_cast<std::size_t>(theme);
  return index < kThemeWords.size() ? std::string(kThemeWords[index]) : "theme " + std::to_string(theme + 1);
}

// Distinct for distinct items: each pair of words is used once before numbers are added.
std::string MakeTitle(std::int64_t item, std::int32_t theme) {
  constexpr std::int64_t kPairs = static_cast<std::int64_t>(kFirstWords.size() * kSecondWords.size());
  constexpr std::int64_t kStride = 1597;  // prime to kPairs: the walk meets every pair, and neighbours differ
  static_assert(std::gcd(kStride, kPairs) == 1);
  const auto pair = static_cast<std::size_t>(item % kPairs * kStride % kPairs);
  std::string title =
      std::string(kFirstWords[pair % kFirstWords.size()]) + " " + std::string(kSecondWords[pair / kFirstWords.size()]);
  if (item >= kPairs) {
    title += " " + std::to_string(item / kPairs + 1);
  }
  return title + " (" + ThemeName(theme) + ")";
}

// Spreads the items evenly over the themes, and the popularity ranks of a theme over its items, at random.
void MakeItems(World& world, std::uint64_t seed) {
  const WorldOptions& options = world.options;
  const auto items = static_cast<std::size_t>(options.items);
  const auto themes = static_cast<std::size_t>(options.themes);
  std::vector<std::int32_t> order(items);
  std::iota(order.begin(), order.end(), 0);
  base::Rng rng(seed, base::Stream::kGenerate, 0);
  rng.Shuffle(std::span<std::int32_t>(order));
  world.theme.resize(items);
  world.popularity.resize(items);
  std::vector<double> total(themes, 0.0);
  for (std::size_t place = 0; place < items; ++place) {
    const auto item = static_cast<std::size_t>(order[place]);
    const std::size_t round = place / themes;
    const double rank = static_cast<double>(round) + 1.0;
    world.theme[item] = static_cast<std::int32_t>(place % themes);
    world.popularity[item] = std::pow(rank, -options.popularity_exponent);
    total[place % themes] += world.popularity[item];
  }
  for (std::size_t item = 0; item < items; ++item) {
    world.popularity[item] /= total[static_cast<std::size_t>(world.theme[item])];
  }
}

// Logarithm of a Gamma(shape, 1) draw (Marsaglia and Tsang 2000). Small shapes are drawn as
// Gamma(shape + 1) U^(1 / shape); in logarithms that does not underflow.
double LogGamma(base::Rng& rng, double shape) {
  const double d = shape + 1.0 - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double x = rng.Normal();
    const double v = std::pow(1.0 + c * x, 3);
    const double u = rng.Uniform();
    if (v > 0.0 && std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) {
      return std::log(d * v) + std::log(rng.Uniform()) / shape;
    }
  }
}

// taste: [themes], a Dirichlet draw.
void DrawTaste(base::Rng& rng, double concentration, std::span<double> taste) {
  for (double& value : taste) {
    value = LogGamma(rng, concentration);
  }
  const double largest = *std::max_element(taste.begin(), taste.end());
  double total = 0.0;
  for (double& value : taste) {
    value = std::exp(value - largest);
    total += value;
  }
  for (double& value : taste) {
    value /= total;
  }
}

// kLeastClicks plus a geometric number, so that the mean is as asked; at most half of the catalogue, so that there
// is something left to recommend, and never more than all of it.
std::int64_t DrawCount(base::Rng& rng, const WorldOptions& options) {
  const double extra_mean = options.mean_interactions - static_cast<double>(kLeastClicks);
  const std::int64_t most = std::min(options.items, std::max(kLeastClicks, options.items / 2));
  double extra = 0.0;
  if (extra_mean > 0.0) {
    extra = std::floor(std::log(rng.Uniform()) / std::log(extra_mean / (1.0 + extra_mean)));
  }
  return static_cast<std::int64_t>(std::min(static_cast<double>(kLeastClicks) + extra, static_cast<double>(most)));
}

struct Clicks {
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> times;
};

Clicks DrawClicks(base::Rng& rng, const World& world, std::int64_t user, std::int64_t count) {
  std::vector<std::pair<double, std::int32_t>> race(static_cast<std::size_t>(world.options.items));
  for (std::size_t item = 0; item < race.size(); ++item) {
    const double weight = world.ClickProbability(user, static_cast<std::int64_t>(item));
    race[item] = {-std::log(rng.Uniform()) / weight, static_cast<std::int32_t>(item)};  // weight 0: never, or last
  }
  std::partial_sort(race.begin(), race.begin() + count, race.end());
  Clicks clicks;
  std::int64_t now = kFirstInstant + static_cast<std::int64_t>(rng.Below(kArrivalSeconds));
  const std::int64_t longest_gap = std::max<std::int64_t>(1, 2 * kActiveSeconds / count);
  for (std::int64_t place = 0; place < count; ++place) {
    clicks.items.push_back(race[static_cast<std::size_t>(place)].second);
    clicks.times.push_back(now);
    now += 1 + static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(longest_gap)));
  }
  return clicks;
}

}  // namespace

double World::ClickProbability(std::int64_t user, std::int64_t item) const {
  const auto index = static_cast<std::size_t>(item);
  const auto cell = static_cast<std::size_t>(user * options.themes + theme[index]);
  const double by_taste = taste[cell] * popularity[index];
  const double by_chance = popularity[index] / static_cast<double>(options.themes);
  return (1.0 - options.noise) * by_taste + options.noise * by_chance;
}

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : Presets()) {
    names.emplace_back(preset.name);
  }
  return names;
}

WorldOptions PresetOptions(const std::string& preset) {
  for (const Preset& known : Presets()) {
    if (preset == known.name) {
      return known.options;
    }
  }
  const std::vector<std::string> names = PresetNames();
  throw base::Error(base::ErrorKind::kUsage, "preset: no such preset: '" + preset + "'; allowed: " +
                                                 base::Join(names, ", ") + base::DidYouMean(preset, names));
}

World GenerateWorld(const WorldOptions& options, std::uint64_t seed) {
  Validate(options);
  World world;
  world.options = options;
  MakeItems(world, seed);
  const auto themes = static_cast<std::size_t>(options.themes);
  world.taste.resize(static_cast<std::size_t>(options.users) * themes);
  std::vector<Clicks> clicks(static_cast<std::size_t>(options.users));
  base::ParallelFor(0, options.users, 64, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t user = first; user < last; ++user) {
      base::Rng rng(seed, base::Stream::kGenerate, 1 + static_cast<std::uint64_t>(user));
      const auto row = static_cast<std::size_t>(user);
      DrawTaste(rng, options.concentration, std::span(world.taste).subspan(row * themes, themes));
      clicks[row] = DrawClicks(rng, world, user, DrawCount(rng, options));
    }
  });
  Columns& log = world.log;
  log.user_ids = MakeIds("user-", options.users, 4);
  log.item_ids = MakeIds("item-", options.items, 3);
  for (std::int64_t item = 0; item < options.items; ++item) {
    log.item_titles.push_back(MakeTitle(item, world.theme[static_cast<std::size_t>(item)]));
  }
  for (std::size_t user = 0; user < clicks.size(); ++user) {
    log.user.insert(log.user.end(), clicks[user].items.size(), static_cast<std::int32_t>(user));
    log.item.insert(log.item.end(), clicks[user].items.begin(), clicks[user].items.end());
    log.time.insert(log.time.end(), clicks[user].times.begin(), clicks[user].times.end());
  }
  return world;
}

void GenerateDataset(base::FileSystem& files, const std::string& preset, std::uint64_t seed,
                     const std::filesystem::path& output) {
  World world = GenerateWorld(PresetOptions(preset), seed);
  Preprocessing preprocessing;
  preprocessing.source = preset;
  preprocessing.format = "generated";
  preprocessing.rows_read = static_cast<std::int64_t>(world.log.item.size());
  WriteDataset(files, output, std::move(world.log), preprocessing);
}

}  // namespace recforce::data
