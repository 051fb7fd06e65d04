// SPDX-License-Identifier: Apache-2.0
#include "sim/environment_config.h"

namespace recforce::sim {

const config::FieldTable& EnvironmentFields() {
  static const config::FieldTable table =
      config::Fields<EnvironmentConfig>()
          .Text("source", &EnvironmentConfig::source,
                "Users to learn from or to try a policy on: world:tabular, world:linear, world:latent, world:burnout, "
                "world:mood, or the folder of a run of a user model.")
          .Int("slate", &EnvironmentConfig::slate, 1, 100, "Items shown at once.")
          .Int("horizon", &EnvironmentConfig::horizon, 1, 1000000, "Slates shown to a user.")
          .Int("items", &EnvironmentConfig::items, 0, 100000000, "Items of a world; 0 takes the world's own number.")
          .Int("seed", &EnvironmentConfig::seed, 0, std::int64_t{1} << 53, "What a world is made from.")
          .Real("no_click", &EnvironmentConfig::no_click, -1e6, 1e6, "Utility of choosing nothing in a world.")
          .Real("pessimism", &EnvironmentConfig::pessimism, 0.0, 100.0,
                "With an ensemble of user models: rewards are their mean minus this many deviations between them.")
          .Take();
  return table;
}

}  // namespace recforce::sim
