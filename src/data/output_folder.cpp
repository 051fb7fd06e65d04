// SPDX-License-Identifier: Apache-2.0
#include "data/output_folder.h"

#include <string>
#include <system_error>

#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

std::string Describe(const Preprocessing& made) {
  std::string text = Quoted(made.source) + " with --format " + made.format;
  if (made.min_rating) {
    text += " --min-rating " + base::FormatReal(*made.min_rating);
  }
  if (made.min_user_interactions > 0) {
    text += " --min-user-interactions " + std::to_string(made.min_user_interactions);
  }
  if (made.min_item_interactions > 0) {
    text += " --min-item-interactions " + std::to_string(made.min_item_interactions);
  }
  text += " --duplicates " + made.duplicates;
  if (!made.displays.empty() && made.displays != kLoggedDisplays) {
    text += ", and displays " + Quoted(made.displays);
  }
  return text;
}

}  // namespace

void CheckOutput(const std::filesystem::path& output) {
  if (output.empty()) {
    throw Error(ErrorKind::kUsage, "--out: is empty; expected a folder for the dataset");
  }
  // The nearest name that there is. What cannot be looked up cannot be made either, and making it says why.
  std::filesystem::path nearest = output;
  std::error_code ignored;
  std::filesystem::file_status status = std::filesystem::status(nearest, ignored);
  while (status.type() == std::filesystem::file_type::not_found && nearest.has_parent_path()) {
    nearest = nearest.parent_path();
    status = std::filesystem::status(nearest, ignored);
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_directory(status)) {
    throw Error(ErrorKind::kUsage, nearest.string() + ": is a file; expected a folder for the dataset");
  }
}

std::optional<Preprocessing> MadeBefore(const std::filesystem::path& output) {
  std::error_code ignored;
  if (!std::filesystem::exists(output / kDatasetFile, ignored)) {
    return std::nullopt;
  }
  try {
    return Dataset::Open(output).preprocessing();
  } catch (const Error&) {
    return std::nullopt;
  }
}

void RefuseOutput(const std::filesystem::path& output, const Preprocessing& made) {
  throw Error(ErrorKind::kUsage, output.string() + ": holds a dataset that was made otherwise: from " + Describe(made) +
                                     "; give another place, or --overwrite to replace it");
}

}  // namespace recforce::data
