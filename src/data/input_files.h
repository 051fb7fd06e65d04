// SPDX-License-Identifier: Apache-2.0
// Which files hold the log, in which format, and where its titles lie: by name, then by the first line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/readers.h"
#include "recforce/data/convert.h"

namespace recforce::data {

// One file of a log.
struct LogInput {
  std::filesystem::path path;
  LogKind kind = LogKind::kCsv;
  std::optional<Part> part;                           // of all its rows, in a log that its publisher split
  std::optional<std::filesystem::path> propensities;  // of a matrix: the matrix that lies beside it
};

struct LogFile {
  std::filesystem::path path;    // of the one file, or of the folder of several: for messages
  std::string format;            // one of FormatNames(), not auto
  std::vector<LogInput> inputs;  // in the order in which they are read, never empty
  std::optional<std::filesystem::path> titles;
  TitleKind title_kind = TitleKind::kItem;
  // What repeated (user, item) pairs of this format mean where nobody says it: "last" row counts, or "keep" them all.
  std::string duplicates = "last";
};

// What the options say about columns and fields.
ColumnNames NamesOf(const ConvertOptions& options);

// `input` is a file, or a folder that holds one log under known names, each also compressed (.gz, .zst). The training
// file of a log that its publisher split stands for all files of the split. docs/howto/import_a_log.md has the names.
// Error(Usage) when there is no such format or input, no log or more than one in the folder, when a file of a split is
// missing, or when the format cannot be told: of a pipe it never can, since what is looked at would be lost. Error(Io)
// when the system does not let us look.
LogFile FindLog(const std::filesystem::path& input, const std::string& format, const ColumnNames& names);

// Reads all files of a log in order, with one Begin(). Errors as of ReadLog(); Error(Data) also when a part of a split
// lacks times or values that the first one has, or matrices differ in shape. Rows of a part without propensities have 1
// where another part has them.
void ReadFound(const LogFile& found, const ColumnNames& names, RowSink& sink);

}  // namespace recforce::data
