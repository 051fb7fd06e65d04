// SPDX-License-Identifier: Apache-2.0
// From the rows of any reader to a dataset.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "data/readers.h"
#include "recforce/base/file_system.h"
#include "recforce/data/convert.h"

namespace recforce::data {

struct RowsInput {
  using AddTitle = std::function<void(std::string_view id, std::string_view title)>;
  using ReadTitles = std::function<void(const AddTitle&, const std::function<void(std::string)>& add_bad)>;

  std::string file;            // for messages
  bool several_files = false;  // numbers of lines do not tell a place in `file` then
  std::string source;          // for Preprocessing
  std::string format;
  std::function<void(RowSink&)> read;  // calls Begin() once, then the others
  ReadTitles read_titles;              // or nothing; the first of several titles of an item counts
};

// How the rows become a dataset, before any is read.
Preprocessing PreprocessingOf(const RowsInput& input, const ConvertOptions& options);

// As Convert(), of which this is all but options and files. REQUIRES: options are valid and `duplicates` is chosen;
// `format` and columns do not matter here.
ConvertReport ConvertRows(base::FileSystem& files, const RowsInput& input, const ConvertOptions& options,
                          const std::filesystem::path& output);

}  // namespace recforce::data
