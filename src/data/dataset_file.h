// SPDX-License-Identifier: Apache-2.0
// What writing and opening a dataset share: metadata, fingerprint, and how tensors become DIR/dataset.safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "recforce/base/file_system.h"
#include "recforce/base/tensor_file.h"
#include "recforce/data/dataset.h"

namespace recforce::data {

inline constexpr std::string_view kDatasetFormat = "recforce.dataset";

// XXH3-128 over name, type, length and bytes of each tensor, in name order.
std::string DatasetFingerprint(const base::TensorSet& set, const base::StreamedTensors& streamed = {});

std::string PreprocessingToJson(const Preprocessing& preprocessing);
// Error(Data) beginning with `where`.
Preprocessing PreprocessingFromJson(const std::string& text, const std::string& where);

// Adds the tensors of displays, grouped by user and in time order, unless there are none. Displays of which
// `preprocessing` does not say how they were made are logged ones.
void AddDisplays(base::TensorSet& set, const DisplayColumns& displays, std::size_t users, Preprocessing& preprocessing);

// Adds the metadata and writes the file atomically. The tensors are those of docs/formats/dataset.md.
void WriteDatasetFile(base::FileSystem& files, const std::filesystem::path& directory, base::TensorSet set,
                      const base::StreamedTensors& streamed, const Preprocessing& preprocessing);

}  // namespace recforce::data
