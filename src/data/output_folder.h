// SPDX-License-Identifier: Apache-2.0
// Folders that datasets are written to, and the datasets that lie in them already. Internal.
#pragma once

#include <filesystem>

#include "recforce/data/dataset.h"

namespace recforce::data {

// Before any work: what is read for an hour should not fail to be written. Error(Usage) for an empty path and where a
// file is in the way.
void CheckOutput(const std::filesystem::path& output);

// Error(Usage) where `output` holds a dataset that was made otherwise than `wanted`: runs that were trained on it
// cannot be evaluated once another one lies in its place. The same log turned into a dataset in the same way may be: it
// is the same dataset, or a newer version of it. So may be what cannot be read.
void RefuseOther(const std::filesystem::path& output, const Preprocessing& wanted);

}  // namespace recforce::data
