// SPDX-License-Identifier: Apache-2.0
// What logged people were shown and clicked, for simulated users to be compared with (sim/replay.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "recforce/core/algorithm.h"
#include "recforce/data/display_set.h"
#include "train/open_environment.h"

namespace recforce::train {

struct LoggedDisplays {
  data::DisplaySet displays;  // over the environment's items; of the users with at least one
  bool test_part = false;     // of the run's own split; false: all displays of the dataset
  std::int64_t left_out = 0;  // choices among items of which the environment does not know all
};

// The choices of a dataset's displays, items found by their ids. Where the environment is the run `source` and the
// dataset is the one that its model learnt from, those of the run's test users: it has seen the others. Choices are
// left out whole where the environment lacks an item that was shown: users who choose among fewer items are not
// comparable. Error(Data): no displays; Error(Usage): none is left, or the model learnt from this dataset and `source`
// is a bundle folder, which does not say who was held out; else as data::Dataset::Open and OpenDataOfRun.
LoggedDisplays OpenDisplays(const core::Registry& registry, const OpenedEnvironment& environment,
                            const std::filesystem::path& source, const std::string& data);

}  // namespace recforce::train
