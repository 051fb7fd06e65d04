// SPDX-License-Identifier: Apache-2.0
// Which file holds the log, in which format, and where its titles lie: by name, then by the first line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/readers.h"

namespace recforce::data {

struct LogFile {
  std::filesystem::path path;
  LogKind kind = LogKind::kCsv;
  std::string format;  // recbole, movielens or csv
  std::optional<std::filesystem::path> titles;
  TitleKind title_kind = TitleKind::kItem;
};

const std::vector<std::string>& FormatNames();  // what `format` may be

// `input` is a file or a folder that holds one log under a known name (each also with .gz): NAME.inter, u.data,
// ratings.dat, ratings.csv; with format csv any .csv or .tsv. Titles are looked for in the same folder:
// NAME.item, u.item, movies.dat, movies.csv. Error(Usage) when there is no such input, no log or more than one
// in the folder, or when the format cannot be told.
LogFile FindLog(const std::filesystem::path& input, const std::string& format, const ColumnNames& names);

}  // namespace recforce::data
