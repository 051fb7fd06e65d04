// SPDX-License-Identifier: Apache-2.0
// Draws synthetic logs. Items first (popularity ranks, then themes or vectors), then every user from a stream of its
// own: a taste, a number of clicks, and the clicks themselves.
#include "recforce/data/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "data/title_words.h"
#include "data/world_clicks.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

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
      {"ml20m-shape",
       {.users = 136'677,
        .items = 20'108,
        .themes = 18,
        .mean_interactions = 73.95,  // 73.1 once the longest are drawn again
        .popularity_exponent = 0.3,
        .concentration = 0.2,
        .noise = 0.2,
        .median_interactions = 37.0,
        .most_interactions = 2400,
        .popularity_fall = 12.0,
        .rejection = true}},
      {"low-rank-100k",
       {.users = 100'000,
        .items = 5000,
        .mean_interactions = 60.8,  // 60 once the longest are drawn again
        .median_interactions = 30.0,
        .most_interactions = 2000,
        .rank = 16,
        .rejection = true}},
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
  Require(options.rank > 0 || (options.themes >= 1 && options.themes <= options.items), "themes",
          std::to_string(options.themes), "1 to the number of items");
  Require(options.mean_interactions >= 1.0 && std::isfinite(options.mean_interactions), "mean_interactions",
          base::FormatReal(options.mean_interactions), "a number from 1");
  Require(options.popularity_exponent >= 0.0 && std::isfinite(options.popularity_exponent), "popularity_exponent",
          base::FormatReal(options.popularity_exponent), "a number from 0");
  Require(options.concentration > 0.0 && std::isfinite(options.concentration), "concentration",
          base::FormatReal(options.concentration), "a number above 0");
  Require(options.noise >= 0.0 && options.noise <= 1.0, "noise", base::FormatReal(options.noise), "0 to 1");
  Require(options.most_interactions == 0 || options.most_interactions >= kLeastClicks, "most_interactions",
          std::to_string(options.most_interactions), "0 or a number from 5");
  Require(
      options.median_interactions == 0.0 || (options.median_interactions > static_cast<double>(kLeastClicks) &&
                                             options.median_interactions <= options.mean_interactions &&
                                             options.median_interactions <= static_cast<double>(MostClicks(options))),
      "median_interactions", base::FormatReal(options.median_interactions),
      "0, or above 5 and at most the mean, most_interactions and half of the items");
  Require(options.popularity_fall >= 0.0 && std::isfinite(options.popularity_fall), "popularity_fall",
          base::FormatReal(options.popularity_fall), "a number from 0");
  Require(options.rank >= 0 && options.rank <= 10'000, "rank", std::to_string(options.rank), "0 to 10000");
  Require(options.taste_scale >= 0.0 && options.taste_scale <= 10.0, "taste_scale",
          base::FormatReal(options.taste_scale), "0 to 10");
  Require(options.taste_spread >= 0.0 && options.taste_spread <= 10.0, "taste_spread",
          base::FormatReal(options.taste_spread), "0 to 10");
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

// What an item weighs at `rank` of `ranks`, counted from 1.
double RankWeight(const WorldOptions& options, double rank, double ranks) {
  if (options.popularity_fall > 0.0) {
    return std::exp(-options.popularity_fall * std::pow(rank / ranks, options.popularity_exponent));
  }
  return std::pow(rank, -options.popularity_exponent);
}

// Spreads the items evenly over the themes, and the popularity ranks of a theme over its items, at random. A world of
// low rank is one theme here.
void MakeItems(World& world, std::uint64_t seed) {
  const WorldOptions& options = world.options;
  const auto items = static_cast<std::size_t>(options.items);
  const auto themes = options.rank > 0 ? std::size_t{1} : static_cast<std::size_t>(options.themes);
  const double ranks = std::ceil(static_cast<double>(items) / static_cast<double>(themes));
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
    world.popularity[item] = RankWeight(options, rank, ranks);
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

// The vectors of the items: normal, of about unit length, so that the scores of a user have the standard deviation
// that its own vector has on each axis.
void MakeFactors(World& world, std::uint64_t seed) {
  const auto items = static_cast<std::size_t>(world.options.items);
  const auto rank = static_cast<std::size_t>(world.options.rank);
  const double deviation = 1.0 / std::sqrt(static_cast<double>(rank));
  world.factors.resize(rank * items);
  base::Rng rng(seed, base::Stream::kGenerate, 0, 1);
  for (double& value : world.factors) {
    value = deviation * rng.Normal();
  }
  for (std::size_t item = 0; item < items; ++item) {
    std::size_t largest = 0;
    for (std::size_t axis = 1; axis < rank; ++axis) {
      largest = world.factors[axis * items + item] > world.factors[largest * items + item] ? axis : largest;
    }
    world.theme[item] = static_cast<std::int32_t>(largest);
  }
}

// vector: [rank]
void DrawVector(base::Rng& rng, const WorldOptions& options, std::span<double> vector) {
  const double scale = options.taste_scale * std::exp(options.taste_spread * rng.Normal());
  for (double& value : vector) {
    value = scale * rng.Normal();
  }
}

// Weights of a user's choice in a world of low rank; log_total: the logarithm of what has to divide
// popularity exp(user . item) so that it sums to 1.
std::vector<double> LowRankWeights(const World& world, std::span<const double> vector, double& log_total) {
  const std::size_t items = world.popularity.size();
  std::vector<double> weights(items, 0.0);
  for (std::size_t axis = 0; axis < vector.size(); ++axis) {
    const double* factor = world.factors.data() + axis * items;
    for (std::size_t item = 0; item < items; ++item) {
      weights[item] += vector[axis] * factor[item];
    }
  }
  const double largest = *std::max_element(weights.begin(), weights.end());
  double total = 0.0;
  for (std::size_t item = 0; item < items; ++item) {
    weights[item] = world.popularity[item] * std::exp(weights[item] - largest);
    total += weights[item];
  }
  log_total = largest + std::log(total);
  return weights;
}

std::vector<std::int64_t> DrawTimes(base::Rng& rng, std::size_t count) {
  std::vector<std::int64_t> times;
  times.reserve(count);
  std::int64_t now = kFirstInstant + static_cast<std::int64_t>(rng.Below(kArrivalSeconds));
  const std::int64_t longest_gap =
      std::max<std::int64_t>(1, 2 * kActiveSeconds / std::max<std::int64_t>(1, static_cast<std::int64_t>(count)));
  for (std::size_t place = 0; place < count; ++place) {
    times.push_back(now);
    now += 1 + static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(longest_gap)));
  }
  return times;
}

// The clicks of every user in their order, before they become columns.
struct Clicks {
  std::vector<std::vector<std::int32_t>> items;  // [users]
  std::vector<std::vector<std::int64_t>> times;  // [users]
};

// Fills in the world's users and gives their clicks.
Clicks DrawUsers(World& world, std::uint64_t seed) {
  const WorldOptions& options = world.options;
  const auto width = static_cast<std::size_t>(options.rank > 0 ? options.rank : options.themes);
  world.taste.resize(static_cast<std::size_t>(options.users) * width);
  world.log_total.resize(options.rank > 0 ? static_cast<std::size_t>(options.users) : 0);
  Clicks clicks;
  clicks.items.resize(static_cast<std::size_t>(options.users));
  clicks.times.resize(static_cast<std::size_t>(options.users));
  const ThemeDraws themes = options.rank == 0 && options.rejection ? ThemeDraws(world) : ThemeDraws();
  base::ParallelFor(0, options.users, 64, [&](std::int64_t first, std::int64_t last) {
    ClickDrawer drawer(world, themes);
    for (std::int64_t user = first; user < last; ++user) {
      base::Rng rng(seed, base::Stream::kGenerate, 1 + static_cast<std::uint64_t>(user));
      const auto row = static_cast<std::size_t>(user);
      const std::span<double> taste = std::span(world.taste).subspan(row * width, width);
      if (options.rank > 0) {
        DrawVector(rng, options, taste);
        std::vector<double> weights = LowRankWeights(world, taste, world.log_total[row]);
        clicks.items[row] = drawer.ByWeights(rng, std::move(weights), DrawCount(rng, options));
      } else {
        DrawTaste(rng, options.concentration, taste);
        clicks.items[row] = drawer.ByThemes(rng, user, DrawCount(rng, options));
      }
      clicks.times[row] = DrawTimes(rng, clicks.items[row].size());
    }
  });
  return clicks;
}

// Appends the clicks user by user and frees them on the way.
void AppendClicks(Clicks clicks, Columns& log) {
  std::size_t rows = 0;
  for (const std::vector<std::int32_t>& items : clicks.items) {
    rows += items.size();
  }
  log.user.reserve(rows);
  log.item.reserve(rows);
  log.time.reserve(rows);
  for (std::size_t user = 0; user < clicks.items.size(); ++user) {
    const auto items = std::exchange(clicks.items[user], {});
    const auto times = std::exchange(clicks.times[user], {});
    log.user.insert(log.user.end(), items.size(), static_cast<std::int32_t>(user));
    log.item.insert(log.item.end(), items.begin(), items.end());
    log.time.insert(log.time.end(), times.begin(), times.end());
  }
}

}  // namespace

double World::ClickProbability(std::int64_t user, std::int64_t item) const {
  const auto index = static_cast<std::size_t>(item);
  if (options.rank > 0) {
    const auto row = static_cast<std::size_t>(user);
    const auto rank = static_cast<std::size_t>(options.rank);
    double score = 0.0;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      score += taste[row * rank + axis] * factors[axis * popularity.size() + index];
    }
    return popularity[index] * std::exp(score - log_total[row]);
  }
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
  if (options.rank > 0) {
    MakeFactors(world, seed);
  }
  Columns& log = world.log;
  log.user_ids = MakeIds("user-", options.users, 4);
  log.item_ids = MakeIds("item-", options.items, 3);
  for (std::int64_t item = 0; item < options.items; ++item) {
    log.item_titles.push_back(MakeTitle(item, world.theme[static_cast<std::size_t>(item)]));
  }
  AppendClicks(DrawUsers(world, seed), log);
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
