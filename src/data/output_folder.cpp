// SPDX-License-Identifier: Apache-2.0
#include "data/output_folder.h"

#include <optional>
#include <string>
#include <system_error>

#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// How the displays of a dataset were made; "" where the log says itself what was shown, or nobody does.
std::string MadeDisplays(const Preprocessing& made) {
  return made.displays == kLoggedDisplays ? std::string() : made.displays;
}

bool MadeAlike(const Preprocessing& a, const Preprocessing& b) {
  return a.source == b.source && a.format == b.format && a.min_rating == b.min_rating &&
         a.min_user_interactions == b.min_user_interactions && a.min_item_interactions == b.min_item_interactions &&
         a.duplicates == b.duplicates && MadeDisplays(a) == MadeDisplays(b);
}

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
  if (const std::string displays = MadeDisplays(made); !displays.empty()) {
    text += ", and displays " + Quoted(displays);
  }
  return text;
}

// The preprocessing of the dataset that `output` holds; nothing without one, or where it cannot be read.
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

void RefuseOther(const std::filesystem::path& output, const Preprocessing& wanted) {
  const std::optional<Preprocessing> made = MadeBefore(output);
  if (made && !MadeAlike(*made, wanted)) {
    throw Error(ErrorKind::kUsage, output.string() + ": holds a dataset that was made otherwise: from " +
                                       Describe(*made) + "; give another place, or --overwrite to replace it");
  }
}

}  // namespace recforce::data
