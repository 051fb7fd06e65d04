// SPDX-License-Identifier: Apache-2.0
// Flags in the order in which the documents name them.
#include "report/commands.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "recforce/base/text.h"

namespace recforce::report {

std::string TrainCommand(const std::vector<SettingRow>& settings, const std::string& run) {
  // Top-level keys have flags of their own; how many threads worked does not change what they made.
  constexpr std::array<std::string_view, 4> kFlags = {"model", "data", "seed", "device"};
  constexpr std::string_view kThreads = "threads";
  std::string command = "recforce train";
  for (const SettingRow& row : settings) {
    const bool has_flag = std::find(kFlags.begin(), kFlags.end(), row.key) != kFlags.end();
    if (row.key == "model" || row.key == "data" || row.key == "seed" || (has_flag && !row.is_default)) {
      command += " --" + row.key + " " + ShellQuote(row.text);
    } else if (!has_flag && !row.is_default && row.key != kThreads) {
      command += " --set " + ShellQuote(row.key + "=" + row.text);
    }
  }
  return command + " --out " + ShellQuote(run);
}

std::string ConvertCommand(const data::Preprocessing& preprocessing, const std::string& out) {
  if (preprocessing.format == "generated") {
    return "";
  }
  std::string command =
      "recforce data convert " + ShellQuote(preprocessing.source) + " --format " + ShellQuote(preprocessing.format);
  if (preprocessing.min_rating) {
    command += " --min-rating " + base::FormatReal(*preprocessing.min_rating);
  }
  if (preprocessing.min_user_interactions > 0) {
    command += " --min-user-interactions " + std::to_string(preprocessing.min_user_interactions);
  }
  if (preprocessing.min_item_interactions > 0) {
    command += " --min-item-interactions " + std::to_string(preprocessing.min_item_interactions);
  }
  // Where the default is to keep them, "last" has to be said.
  constexpr std::array<std::string_view, 3> kKeeping = {"sessions", "displays", "open_bandit"};
  if (preprocessing.duplicates != "last" ||
      std::find(kKeeping.begin(), kKeeping.end(), preprocessing.format) != kKeeping.end()) {
    command += " --duplicates " + ShellQuote(preprocessing.duplicates);
  }
  return command + " --out " + ShellQuote(out);
}

}  // namespace recforce::report
