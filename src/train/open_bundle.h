// SPDX-License-Identifier: Apache-2.0
// A bundle on disk and what the registry says of its algorithm: what loading a recommender, an environment and a policy
// have in common. The bundle's tables come from outside and are checked before use.
#pragma once

#include <filesystem>
#include <string>

#include "recforce/config/field_table.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/dataset.h"
#include "recforce/model/bundle.h"

namespace recforce::train {

struct OpenedBundle {
  model::Bundle bundle;
  const core::AlgorithmSpec* spec = nullptr;  // of the registry
  config::Section config;                     // the algorithm's settings as they were at training
  data::StringTable item_ids;                 // by catalogue index; a view into the bundle's tensors
  data::StringTable item_titles;              // likewise; empty when there are none
};

// `run` is a run folder or a bundle folder. Error(NotFound), or Error(Data) for an unfinished run or corrupt bundle.
OpenedBundle OpenBundle(const core::Registry& registry, const std::filesystem::path& run);

// A text of the manifest's preprocessing; "" when it has none of that name.
std::string PreprocessingText(const model::Manifest& manifest, const std::string& name);

}  // namespace recforce::train
