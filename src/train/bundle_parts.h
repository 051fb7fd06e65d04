// SPDX-License-Identifier: Apache-2.0
// What a run puts into its bundle besides the weights: where the data came from, the catalogue, the histories.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "recforce/base/tensor_file.h"
#include "recforce/data/dataset.h"
#include "recforce/data/split.h"

namespace recforce::train {

std::vector<std::pair<std::string, std::string>> PreprocessingTexts(const data::Preprocessing& preprocessing);

// Ids and titles, which may be none, of the catalogue's items, in its order.
base::TensorSet CatalogueTensors(const std::vector<std::string>& ids, const std::vector<std::string>& titles);
// With the names of contexts, where the log has them.
base::TensorSet CatalogueTensors(const data::Dataset& dataset, const data::Split& split);

// All that every user did, held-out parts too: recommending is for after the log, not inside it.
base::TensorSet HistoryTensors(const data::Dataset& dataset, const data::Split& split);

}  // namespace recforce::train
