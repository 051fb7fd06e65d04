// SPDX-License-Identifier: Apache-2.0
#include "sim/mood_world.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "recforce/base/rng.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kMostItems = 1'000'000;  // tables of 50 MB

// Objects of stream kWorld: a is the object's number, b its kind.
constexpr std::uint32_t kItem = 0;
constexpr std::uint32_t kOrder = 1;
constexpr std::uint32_t kValley = 2;

constexpr double kMostQuality = 0.4;
constexpr double kLiking = 2.0;

double Angle(std::int32_t mood) { return 2.0 * std::numbers::pi * mood / static_cast<double>(kMoods); }

double Height(std::int32_t mood, std::int32_t valley) { return (1.0 - std::cos(Angle(mood - valley))) / 2.0; }

std::int32_t Way(std::int32_t from, std::int32_t to) {
  const std::int32_t steps = std::abs(from - to);
  return std::min(steps, static_cast<std::int32_t>(kMoods) - steps);
}

void FillTables(const std::vector<double>& quality, FewStates& truth) {
  for (std::int32_t mood = 0; mood < kMoods; ++mood) {
    for (std::size_t item = 0; item < quality.size(); ++item) {
      const std::int32_t to = truth.next[item];
      const double here = Height(mood, truth.start);
      const double paid = to == mood ? here : -std::max(0.0, Height(to, truth.start) - here);
      truth.rewards.push_back(static_cast<float>(quality[item] + paid));
      truth.utilities.push_back(static_cast<float>(kLiking + quality[item] - Way(mood, to) * Way(mood, to)));
    }
  }
}

}  // namespace

std::shared_ptr<const MoodWorld> MoodWorld::Make(const EnvironmentConfig& config) {
  const auto items = static_cast<std::size_t>(WorldItems(config, kMoodItems, kMostItems));
  const auto seed = static_cast<std::uint64_t>(config.seed);
  auto truth = std::make_shared<FewStates>();
  truth->choice = WorldChoice(config);
  truth->start = static_cast<std::int32_t>(
      base::Rng(seed, base::Stream::kWorld, 0, kValley).Below(static_cast<std::uint64_t>(kMoods)));
  truth->leaves.assign(items, 0.0F);
  // Dealt in turn in shuffled order, so that moods have equally many items.
  std::vector<std::size_t> order(items);
  std::iota(order.begin(), order.end(), 0);
  base::Rng(seed, base::Stream::kWorld, 0, kOrder).Shuffle(std::span(order));
  truth->next.resize(items);
  for (std::size_t place = 0; place < items; ++place) {
    truth->next[order[place]] = static_cast<std::int32_t>(place % static_cast<std::size_t>(kMoods));
  }
  std::vector<double> quality;
  std::vector<float> features;
  for (std::size_t item = 0; item < items; ++item) {
    const double angle = Angle(truth->next[item]);
    quality.push_back(kMostQuality * base::Rng(seed, base::Stream::kWorld, item, kItem).Uniform());
    features.insert(features.end(), {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle)),
                                     static_cast<float>(quality.back())});
  }
  FillTables(quality, *truth);
  return std::make_shared<MoodWorld>(std::move(truth), std::move(features),
                                     WorldIdentity("mood", static_cast<std::int64_t>(items), config));
}

MoodWorld::MoodWorld(std::shared_ptr<const FewStates> truth, std::vector<float> features, std::string identity)
    : FewStatesWorld(std::move(truth), std::move(identity)), features_(std::move(features)) {}

}  // namespace recforce::sim
