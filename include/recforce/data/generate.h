// SPDX-License-Identifier: Apache-2.0
// Synthetic logs whose truth is known. A world of themes: each user has a latent taste over named themes, each item
// belongs to a theme and has a popularity. A world of low rank: users and items have latent vectors, and a user clicks
// by the softmax of their products plus the item's popularity. Clicks are drawn without replacement.
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

  // Above 0: the number of clicks less 5 is log-normal with this median and the mean above.
  double median_interactions = 0.0;
  // No user has more clicks than this, nor more than half of the catalogue; log-normal numbers above are drawn again,
  // so their mean comes out a little lower than asked. 0: half of the catalogue.
  std::int64_t most_interactions = 0;
  // Above 0: item weight is exp(-fall (rank / ranks)^exponent), so that the last item has exp(-fall) of the weight
  // that rank 0 would have. Close to catalogues in which rare items are much rarer than a power law has them.
  double popularity_fall = 0.0;
  // Above 0: a world of low rank with vectors of this size, instead of themes, concentration and noise.
  std::int64_t rank = 0;
  // The standard deviation of a user's scores over the items is log-normal: its median, and the standard deviation
  // of its logarithm. A high one means a peaked taste.
  double taste_scale = 1.5;
  double taste_spread = 0.5;
  // Draws clicks with replacement and skips repeats, instead of racing all items. The same distribution, other clicks
  // for the same seed, and on large catalogues many times faster.
  bool rejection = false;
};

// What produced the log: the exact choice weights of every user.
struct World {
  WorldOptions options;
  // [users, themes], rows sum to 1; with a rank, the vectors of the users [users, rank].
  std::vector<double> taste;
  std::vector<double> popularity;   // [items], sums to 1 inside each theme; with a rank, over the catalogue
  std::vector<std::int32_t> theme;  // [items]; with a rank, the axis on which the item's vector is largest
  std::vector<double> factors;      // with a rank: the vectors of the items, one axis after the other [rank, items]
  std::vector<double> log_total;    // with a rank: [users] log of the sum of popularity exp(user . item)
  Columns log;
  // Probability that the user's first click is on `item`.
  [[nodiscard]] double ClickProbability(std::int64_t user, std::int64_t item) const;
};

// "demo", "tiny", "ml-1m-shape"; "ml20m-shape": the counts of MovieLens-20M above 3.5, as variational autoencoders are
// compared on it; "low-rank-100k": 100,000 users of low rank.
std::vector<std::string> PresetNames();
WorldOptions PresetOptions(const std::string& preset);  // Error(Usage) for an unknown name
World GenerateWorld(const WorldOptions& options, std::uint64_t seed);
// Writes the world's log as a dataset, with item titles.
void GenerateDataset(base::FileSystem& files, const std::string& preset, std::uint64_t seed,
                     const std::filesystem::path& output);

}  // namespace recforce::data
