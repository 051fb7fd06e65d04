// SPDX-License-Identifier: Apache-2.0
// A model as it is kept and served: DIR/manifest.json, DIR/model.safetensors (weights), DIR/catalogue.safetensors
// (item ids and titles) and, unless left out, DIR/histories.safetensors (what each user had, to recommend
// without the dataset). Bytes only: what the tensors mean is the algorithm's affair. See docs/formats/bundle.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/tensor_file.h"

namespace recforce::model {

inline constexpr int kBundleVersion = 1;

struct Manifest {
  std::string algorithm;
  std::string recforce_version;
  std::int64_t num_items = 0;
  std::string dataset_fingerprint;
  std::string split_fingerprint;
  std::vector<std::pair<std::string, std::string>> config;         // every field of the algorithm's section, as text
  std::vector<std::pair<std::string, std::string>> preprocessing;  // how the log became the dataset
  std::vector<std::pair<std::string, double>> validation;          // best value and where it was reached
};

// Everything of a bundle but the user-facing tables, which `data` knows how to read.
struct Bundle {
  Manifest manifest;
  base::TensorSet weights;
  base::TensorSet catalogue;  // item_ids.*, item_titles.* (optional)
  base::TensorSet histories;  // user_ids.*, offsets, items; no tensors when left out
};

// Writes into a temporary neighbour of `directory` and renames it into place; an older bundle there is replaced.
void WriteBundle(base::FileSystem& files, const std::filesystem::path& directory, const Bundle& bundle);

// Error(NotFound): no bundle; Error(Data): truncated, corrupt, a newer version, or files of different bundles.
Bundle ReadBundle(const std::filesystem::path& directory);

}  // namespace recforce::model
