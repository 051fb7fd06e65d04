// SPDX-License-Identifier: Apache-2.0
#include "sim/worlds.h"

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/burnout_world.h"
#include "sim/latent_world.h"
#include "sim/linear_world.h"
#include "sim/mood_world.h"
#include "sim/tabular_world.h"
#include "sim/world_parts.h"

namespace recforce::sim {

std::int64_t WorldItems(const EnvironmentConfig& config, std::int64_t own, std::int64_t most) {
  const std::int64_t items = config.items == 0 ? own : config.items;
  if (items < 1 || items > most) {
    throw base::Error(base::ErrorKind::kUsage, "environment.items: items of this world: '" + std::to_string(items) +
                                                   "'; expected 1 to " + std::to_string(most));
  }
  if (config.slate < 1 || config.slate > items) {
    throw base::Error(base::ErrorKind::kUsage, "environment.slate: items of a slate: '" + std::to_string(config.slate) +
                                                   "'; expected 1 to the world's " + std::to_string(items));
  }
  return items;
}

core::ChoiceRule WorldChoice(const EnvironmentConfig& config) {
  return {core::ChoiceLaw::kSoftmax, static_cast<float>(config.no_click)};
}

std::string WorldIdentity(std::string_view name, std::int64_t items, const EnvironmentConfig& config) {
  return "world:" + std::string(name) + " items=" + std::to_string(items) + " seed=" + std::to_string(config.seed) +
         " no_click=" + base::FormatReal(config.no_click);
}

std::vector<std::string> WorldNames() { return {"tabular", "linear", "latent", "burnout", "mood"}; }

std::shared_ptr<const core::Environment> MakeWorld(std::string_view name, const EnvironmentConfig& config) {
  if (name == "tabular") {
    return TabularWorld::Make(config);
  }
  if (name == "linear") {
    return LinearWorld::Make(config);
  }
  if (name == "latent") {
    return LatentWorld::Make(config);
  }
  if (name == "burnout") {
    return MakeBurnoutWorld(config);
  }
  if (name == "mood") {
    return MoodWorld::Make(config);
  }
  throw base::Error(base::ErrorKind::kUsage, "environment.source: no such world: '" + std::string(name) +
                                                 "'; expected tabular, linear, latent, burnout or mood" +
                                                 base::DidYouMean(name, WorldNames()));
}

}  // namespace recforce::sim
