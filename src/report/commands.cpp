// SPDX-License-Identifier: Apache-2.0
// Flags in the order in which the documents name them.
#include "report/commands.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

#include "recforce/base/text.h"

namespace recforce::report {
namespace {

// The flags of `recforce data displays` that data::DescribeDisplays put into words: "popularity 10 seed 1".
std::string DisplayFlags(const std::string& made) {
  std::istringstream words(made);
  std::string kind;
  std::string size;
  std::string seed;
  std::string rest;
  words >> kind >> size >> seed >> seed;
  return " --kind " + ShellQuote(kind) + " --size " + ShellQuote(size) + " --seed " + ShellQuote(seed) +
         (words >> rest ? " --no-parts" : "");
}

}  // namespace

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
  constexpr std::array<std::string_view, 5> kKeeping = {"sessions", "displays", "decisions", "open_bandit", "coat"};
  if (preprocessing.duplicates != "last" ||
      std::find(kKeeping.begin(), kKeeping.end(), preprocessing.format) != kKeeping.end()) {
    command += " --duplicates " + ShellQuote(preprocessing.duplicates);
  }
  const std::string& made = preprocessing.displays;
  if (made.empty() || made == data::kLoggedDisplays) {
    return command + " --out " + ShellQuote(out);
  }
  return command + " --out " + ShellQuote(out + "-log") + " && recforce data displays " + ShellQuote(out + "-log") +
         DisplayFlags(made) + " --out " + ShellQuote(out);
}

std::vector<std::string> EvaluationChanges(const eval::EvalConfig& own, const train::StoredEvaluation& kept) {
  // An evaluation keeps metrics of all lists together apart from the others.
  std::vector<std::string> own_metrics;
  std::vector<std::string> own_set_metrics;
  for (const eval::Metric& metric : eval::ParseMetrics(own.metrics)) {
    (metric.scope() == eval::MetricScope::kSet ? own_set_metrics : own_metrics).push_back(metric.name);
  }
  own_metrics.insert(own_metrics.end(), own_set_metrics.begin(), own_set_metrics.end());
  std::vector<std::string> kept_metrics;
  for (const eval::Metric& metric : kept.result.metrics) {
    kept_metrics.push_back(metric.name);
  }
  for (const eval::SetMetric& metric : kept.result.set_metrics) {
    kept_metrics.push_back(metric.metric.name);
  }
  std::vector<std::string> changes;
  const auto add = [&](const std::string& key, const std::string& of_kept, const std::string& of_own) {
    if (of_kept != of_own) {
      changes.push_back("eval." + key + "=" + of_kept);
    }
  };
  add("metrics", "[" + base::Join(kept_metrics, ", ") + "]", "[" + base::Join(own_metrics, ", ") + "]");
  add("ties", kept.ties, own.ties);
  add("definitions", kept.definitions, own.definitions);
  add("groups", kept.groups, own.groups);
  return changes;
}

std::string EvaluateCommand(const std::string& run, const std::vector<std::string>& changes,
                            const std::optional<std::string>& data) {
  std::string command = "recforce evaluate " + ShellQuote(run);
  for (const std::string& change : changes) {
    command += " --set " + ShellQuote(change);
  }
  return command + (data ? " --data " + ShellQuote(*data) : "");
}

std::string ReportCommand(const CollectOptions& options) {
  std::string command = "recforce report";
  for (const std::string& run : options.runs) {
    command += " " + ShellQuote(run);
  }
  const auto add = [&](const char* flag, const std::optional<std::string>& value) {
    command += value ? std::string(" ") + flag + " " + ShellQuote(*value) : "";
  };
  add("--title", options.title);
  add("--metric", options.metric);
  add("--reference", options.reference);
  add("--users", options.users.empty() ? std::nullopt : std::optional(base::Join(options.users, ",")));
  add("--data", options.data);
  command += options.evaluate ? "" : " --no-evaluate";
  add("--out", options.out);
  add("--plots", options.plots);
  return command;
}

}  // namespace recforce::report
