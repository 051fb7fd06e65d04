// SPDX-License-Identifier: Apache-2.0
// Conversions as the program asks for them: checks the options, finds the log and the reader of its format.
#include "recforce/data/convert.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "data/convert_rows.h"
#include "data/input_files.h"
#include "data/input_paths.h"
#include "data/output_folder.h"
#include "data/readers.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// Hands on the titles that lie beside the log.
RowsInput::ReadTitles TitlesOf(const LogFile& log) {
  if (!log.titles) {
    return {};
  }
  return [log](const RowsInput::AddTitle& add, const std::function<void(std::string)>& add_bad) {
    LineSource source = LineSource::Open(*log.titles);
    ReadTitles(source, log.title_kind, add, add_bad);
  };
}

void CheckOptions(const ConvertOptions& options) {
  const auto check_choice = [](const std::string& flag, const std::string& value,
                               const std::vector<std::string>& choices) {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      throw Error(ErrorKind::kUsage, flag + ": unknown choice " + Quoted(value) + "; expected " +
                                         base::Join(choices, ", ") + base::DidYouMean(value, choices));
    }
  };
  if (!options.duplicates.empty()) {
    check_choice("--duplicates", options.duplicates, {"last", "first", "error", "keep"});
  }
  const auto check_count = [](const std::string& flag, std::int64_t value) {
    if (value < 0) {
      throw Error(ErrorKind::kUsage, flag + ": is negative: '" + std::to_string(value) + "'; expected 0 or more");
    }
  };
  check_count("--min-user-interactions", options.min_user_interactions);
  check_count("--min-item-interactions", options.min_item_interactions);
  check_count("--max-bad-rows", options.max_bad_rows);
  if (options.memory_bytes < 1) {
    throw Error(ErrorKind::kUsage, "--memory-mb: is not positive; expected at least 1");
  }
  if (options.min_rating && !std::isfinite(*options.min_rating)) {
    throw Error(ErrorKind::kUsage, "--min-rating: is not a finite number; expected a decimal like 4");
  }
}

}  // namespace

ConvertReport Convert(base::FileSystem& files, const std::filesystem::path& input, const ConvertOptions& asked,
                      const std::filesystem::path& output) {
  CheckOptions(asked);
  CheckOutput(output);
  ConvertOptions options = asked;
  const ColumnNames names = NamesOf(options);
  const LogFile found = FindLog(input, options.format, names);
  if (options.duplicates.empty()) {
    options.duplicates = found.duplicates;
  }
  RowsInput rows;
  rows.file = found.path.string();
  rows.several_files = found.inputs.size() > 1;
  rows.source = LastName(input);  // not where it lies, nor how it was written
  rows.format = found.format;
  rows.read = [&](RowSink& sink) { ReadFound(found, names, sink); };
  rows.read_titles = TitlesOf(found);
  if (!options.overwrite) {
    RefuseOther(output, PreprocessingOf(rows, options));
  }
  return ConvertRows(files, rows, options, output);
}

}  // namespace recforce::data
