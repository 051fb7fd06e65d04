// SPDX-License-Identifier: Apache-2.0
// What can be said of an export without writing it: whether OUT can take it, what the form cannot hold, and how the
// files are read again. Internal.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recforce/data/dataset.h"

namespace recforce::data {

// The name that the files of a folder form get: the last one of the path, whether it ends in a slash, is "." or is a
// link. Empty for the root.
std::string FolderName(std::filesystem::path folder);

// Error(Usage) when `out` is a folder where the form is a file, a file where it is a folder, or has no name.
void CheckExportPath(const Dataset& dataset, const std::string& format, const std::filesystem::path& out);

// Error(Usage) when the folder `out` has files that `convert` would read with those of a recbole export or instead of
// them: an export with parts has other names than one without, and titles may be left over.
void RefuseOtherShape(const Dataset& dataset, const std::filesystem::path& out);

// "times", ...: what the dataset has and a conversion of the files would not have.
std::vector<std::string> LostInExport(const Dataset& dataset, const std::string& format);

// What `convert` has to be told to read the rest back, a flag and its value each.
std::vector<std::string> ReadBackFlags(const Dataset& dataset, const std::string& format);

}  // namespace recforce::data
