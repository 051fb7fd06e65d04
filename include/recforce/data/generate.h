// SPDX-License-Identifier: Apache-2.0
// Synthetic logs whose truth is known: each user has a latent taste over named themes, each item belongs to a
// theme and has a popularity; clicks are drawn without replacement from the mixture.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

struct WorldOptions {
  std::int64_t users = 2000;
  std::int64_t items = 400;
  std::int64_t themes = 12;
  double mean_interactions = 30.0;   // a user's number of clicks is geometric-like around it, at least 5
  double popularity_exponent = 0.8;  // item weight inside its theme is rank^-exponent
  double concentration = 0.15;       // Dirichlet parameter of a user's taste: small means few themes
  double noise = 0.1;                // share of clicks drawn from the whole catalogue by popularity
};

// What produced the log: the exact choice weights of every user.
struct World {
  WorldOptions options;
  std::vector<double> taste;        // [users, themes], rows sum to 1
  std::vector<double> popularity;   // [items], sums to 1 inside each theme
  std::vector<std::int32_t> theme;  // [items]
  Columns log;
  // Probability that the user's first click is on `item`.
  [[nodiscard]] double ClickProbability(std::int64_t user, std::int64_t item) const;
};

std::vector<std::string> PresetNames();                 // "demo", "tiny", "ml-1m-shape"
WorldOptions PresetOptions(const std::string& preset);  // Error(Usage) for an unknown name
World GenerateWorld(const WorldOptions& options, std::uint64_t seed);
// Writes the world's log as a dataset, with item titles.
void GenerateDataset(base::FileSystem& files, const std::string& preset, std::uint64_t seed,
                     const std::filesystem::path& output);

}  // namespace recforce::data
