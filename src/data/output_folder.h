// SPDX-License-Identifier: Apache-2.0
// Folders that datasets are written to, and the datasets that lie in them already. Internal.
#pragma once

#include <filesystem>
#include <optional>

#include "recforce/data/dataset.h"

namespace recforce::data {

// Before any work: what is read for an hour should not fail to be written. Error(Usage) for an empty path and where a
// file is in the way.
void CheckOutput(const std::filesystem::path& output);

// The preprocessing of the dataset that `output` holds; nothing without one, or where it cannot be read.
std::optional<Preprocessing> MadeBefore(const std::filesystem::path& output);

// Throws Error(Usage): the dataset there was made otherwise.
[[noreturn]] void RefuseOutput(const std::filesystem::path& output, const Preprocessing& made);

}  // namespace recforce::data
