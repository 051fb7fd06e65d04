// SPDX-License-Identifier: Apache-2.0
#include "data/export_report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

#include "data/input_paths.h"
#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;

bool HasParts(const Dataset& dataset) { return !dataset.parts().empty(); }

// Forms that have nothing but ids in their order.
bool HoldsOnlyIds(const std::string& format) {
  return format == "adjacency" || format == "sessions" || format == "pairs";
}

bool IsFolder(const Dataset& dataset, const std::string& format) {
  return format == "recbole" || (HasParts(dataset) && (format == "adjacency" || format == "sessions"));
}

bool HasUsersWithoutRows(const Dataset& dataset) {
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    if (dataset.interactions().row(user).empty()) {
      return true;
    }
  }
  return false;
}

// Whether displays, candidates or nothing at all name an item that no interaction has.
bool HasItemsWithoutRows(const Dataset& dataset) {
  std::vector<bool> met(static_cast<std::size_t>(dataset.num_items()));
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    for (const std::int32_t item : dataset.interactions().row(user)) {
      met[static_cast<std::size_t>(item)] = true;
    }
  }
  return std::find(met.begin(), met.end(), false) != met.end();
}

// Whether files of one part each, read one after the other, give a user's interactions in another order: only times
// that are written and differ would bring them back into the old one.
bool LosesOrderOfParts(const Dataset& dataset, bool times_are_written) {
  const bool has_times = times_are_written && !dataset.times().empty();
  const CsrView rows = dataset.interactions();
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    const auto end = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user) + 1]);
    for (auto row = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]) + 1; row < end; ++row) {
      const bool tied = !has_times || dataset.times()[row] == dataset.times()[row - 1];
      if (tied && dataset.parts()[row] < dataset.parts()[row - 1]) {
        return true;
      }
    }
  }
  return false;
}

bool HasTitlesWithBreaks(const Dataset& dataset) {
  for (std::int64_t item = 0; item < dataset.item_titles().size(); ++item) {
    if (dataset.item_titles()[item].find_first_of("\t\r\n") != std::string_view::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string FolderName(fs::path folder) {
  while ((folder.filename() == "." && folder.has_parent_path()) ||
         (!folder.has_filename() && folder.has_relative_path())) {
    folder = folder.parent_path();
  }
  return LastName(folder);
}

void CheckExportPath(const Dataset& dataset, const std::string& format, const fs::path& out) {
  const bool needs_folder = IsFolder(dataset, format);
  std::error_code ignored;
  const fs::file_status found = fs::status(out, ignored);
  std::string fault;
  if (out.empty()) {
    fault = "path is empty";
  } else if (needs_folder && fs::exists(found) && !fs::is_directory(found)) {
    fault = "path is a file";
  } else if (!needs_folder &&
             (fs::is_directory(found) || !out.has_filename() || out.filename() == "." || out.filename() == "..")) {
    fault = "path is a folder";
  } else if (format == "recbole" && FolderName(out).empty()) {
    fault = "path has no name";
  }
  if (!fault.empty()) {
    throw base::Error(base::ErrorKind::kUsage, "--out: " + fault + ": " + Quoted(out.string()) + "; expected a " +
                                                   (needs_folder ? "folder" : "file") + " for --format " + format);
  }
}

void RefuseOtherShape(const Dataset& dataset, const fs::path& out) {
  const bool has_parts = HasParts(dataset);
  const bool has_validation = std::find(dataset.parts().begin(), dataset.parts().end(),
                                        static_cast<std::uint8_t>(Part::kValidation)) != dataset.parts().end();
  const std::array<std::pair<const char*, bool>, 5> endings = {{{".inter", !has_parts},
                                                                {".train.inter", has_parts},
                                                                {".valid.inter", has_validation},
                                                                {".test.inter", has_parts},
                                                                {".item", dataset.item_titles().size() > 0}}};
  std::vector<std::string> others;
  for (const auto& [ending, is_written] : endings) {
    const std::string name = FolderName(out) + ending;
    std::error_code ignored;
    if (!is_written && fs::exists(out / name, ignored)) {
      others.push_back(Quoted(name));
    }
  }
  if (!others.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      out.string() + ": folder has files of another log, which would be read with this one: " +
                          base::Join(others, ", ") +
                          "; expected a folder without them. remove them, or give another folder");
  }
}

std::vector<std::string> LostInExport(const Dataset& dataset, const std::string& format) {
  std::vector<std::string> names;
  const auto lost = [&](bool is_lost, const char* what) {
    if (is_lost) {
      names.emplace_back(what);
    }
  };
  const bool only_ids = HoldsOnlyIds(format);
  const bool file_per_part = HasParts(dataset) && (format == "adjacency" || format == "recbole");
  lost(format == "sessions", "user ids");
  lost(!dataset.times().empty() && only_ids, "times");
  lost(!dataset.values().empty() && only_ids, "values");
  lost(!dataset.propensities().empty() && only_ids, "propensities");
  lost(!dataset.positions().empty() && only_ids, "positions");
  lost(!dataset.contexts().empty() && only_ids, "contexts");
  lost(HasParts(dataset) && format == "pairs", "parts");
  lost(file_per_part && LosesOrderOfParts(dataset, format == "recbole"), "the order of interactions across parts");
  lost(dataset.item_titles().size() > 0 && format != "recbole", "item titles");
  lost(format == "recbole" && HasTitlesWithBreaks(dataset), "tabs and line ends in item titles");
  lost(dataset.displays().size() > 0, "displays");
  lost(dataset.candidates().rows() > 0, "candidates");
  lost(HasUsersWithoutRows(dataset), "users without interactions");
  lost(HasItemsWithoutRows(dataset), "items without interactions");
  return names;
}

std::vector<std::string> ReadBackFlags(const Dataset& dataset, const std::string& format) {
  std::vector<std::string> flags;
  const auto add = [&](bool needed, const std::string& flag) {
    if (needed) {
      flags.push_back(flag);
    }
  };
  const bool named = !HoldsOnlyIds(format);
  const bool sessions = format == "sessions";
  // Lists of ids look alike, and only the files of a split of sessions have names that nothing else has.
  add(!named && !(sessions && HasParts(dataset)), "--format " + format);
  add(named && HasParts(dataset) && format != "recbole", "--part-col part");
  add(named && !dataset.propensities().empty(), "--propensity-col propensity");
  add(named && !dataset.positions().empty(), "--position-col position");
  add(named && !dataset.contexts().empty(), "--context-col context");
  add(dataset.repeats() && !sessions, "--duplicates keep");
  add(!dataset.repeats() && sessions, "--duplicates last");  // convert keeps the repeats of sessions unless told so
  return flags;
}

}  // namespace recforce::data
