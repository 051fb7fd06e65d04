// SPDX-License-Identifier: Apache-2.0
// Displays for logs that do not say what was shown: every interaction becomes a choice among items that are likely to
// have been in view. They are assumptions, and a dataset keeps in its preprocessing how they were made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

struct DisplayOptions {
  std::string kind = "time_neighbours";
  std::int64_t size = 10;  // items of a display at most, the chosen one among them
  std::int64_t seed = 1;   // of draws, of ties in time and of the order in which items are stored
  bool parts = true;       // a display is in the part of its interaction
  bool overwrite = false;  // replace a dataset in the output that was made otherwise
  const base::StopFlag* stop = nullptr;
};

// "time_neighbours", "popularity", "session".
const std::vector<std::string>& DisplayKinds();
// "time_neighbours 10 seed 1": what Preprocessing::displays keeps.
std::string DescribeDisplays(const DisplayOptions& options);

// One display an interaction, in the order of the dataset, of the item chosen and up to size - 1 others, distinct, in
// random order:
// kind time_neighbours: those whose interactions, by anyone, are nearest in time, earlier before later and at equal
//   times by chance (the rule of Chen et al., ICML 2019, for their LastFM data). REQUIRES: times.
// kind popularity: drawn one after the other in proportion to their interactions, of those that the user has nowhere in
//   the log.
// kind session: those that the same user had before, the latest first; the first choice of a user is among one item.
// The same on any number of threads. Error(Usage): unknown kind, a size outside [2, 1000]; Error(Data): no times for
// time_neighbours, no interactions.
DisplayColumns BuildDisplays(const Dataset& dataset, const DisplayOptions& options);

struct DisplayReport {
  std::int64_t displays = 0;
  std::int64_t items = 0;        // shown, all displays together
  std::int64_t single_item = 0;  // displays that leave no choice
  std::string made;              // DescribeDisplays
};

// Writes `output`/dataset.safetensors: the dataset with its interactions as they are, and displays. Error(Usage) where
// it has displays already, and where `output` is its own folder or holds a dataset that was made otherwise.
DisplayReport AddDisplaysTo(base::FileSystem& files, const Dataset& dataset, const DisplayOptions& options,
                            const std::filesystem::path& output);

}  // namespace recforce::data
