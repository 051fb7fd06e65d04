// SPDX-License-Identifier: Apache-2.0
// `recforce evaluate`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/print_choices.h"
#include "cli/print_floors.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/eval/groups.h"
#include "train/run_folder.h"

namespace recforce::cli {
namespace {

using Json = nlohmann::ordered_json;

Json GroupsToJson(const train::StoredEvaluation& evaluation) {
  Json groups = Json::array();
  for (std::size_t group = 0; group < evaluation.group_names.size(); ++group) {
    const eval::EvalResult& result = evaluation.result;
    Json object = {{"name", evaluation.group_names[group]}, {"users", 0}};
    for (std::size_t index = 0; index < result.metrics.size(); ++index) {
      const eval::Summary summary =
          SummarizeGroup(result, evaluation.user_groups, static_cast<std::int32_t>(group), index);
      object["users"] = summary.users;
      object["metrics"][result.metrics[index].name] = summary.users > 0 ? Json(summary.mean) : Json();
      object["half_width95"][result.metrics[index].name] = summary.users > 0 ? Json(summary.half_width95) : Json();
    }
    groups.push_back(std::move(object));
  }
  return groups;
}

void PrintJson(const std::string& model, const train::StoredEvaluation& evaluation,
               const std::vector<train::ChoiceRow>& choices, const eval::FloorTable* floors) {
  const eval::EvalResult& result = evaluation.result;
  Json metrics = Json::object();
  Json half_widths = Json::object();
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    metrics[result.metrics[index].name] = result.Mean(index);
    half_widths[result.metrics[index].name] = result.HalfWidth95(index);
  }
  Json object = {{"model", model},
                 {"users", result.users},
                 {"metrics", std::move(metrics)},
                 {"half_width95", std::move(half_widths)},
                 {"ties", evaluation.ties},
                 {"definitions", evaluation.definitions},
                 {"candidates", evaluation.candidates},
                 {"cold_targets_dropped", evaluation.cold_targets_dropped},
                 {"seen_targets_dropped", evaluation.seen_targets_dropped},
                 {"users_without_targets", evaluation.users_without_targets},
                 {"split_fingerprint", evaluation.split_fingerprint},
                 {"seconds", std::round(evaluation.seconds * 1e3) / 1e3}};
  if (!result.set_metrics.empty()) {
    for (const eval::SetMetric& metric : result.set_metrics) {
      object["set_metrics"][metric.metric.name] = metric.value;
      object["set_half_width95"][metric.metric.name] = metric.half_width95;
    }
  }
  if (!evaluation.group_names.empty()) {
    object["grouped_by"] = evaluation.groups;
    object["groups"] = GroupsToJson(evaluation);
  }
  if (!choices.empty()) {
    object["choice"] = Json::parse(ChoicesToJson(choices));
  }
  if (floors != nullptr) {
    object["floors"] = Json::parse(FloorsToJson(*floors));
  }
  if (RanksFew(evaluation.candidates)) {
    object["warning"] = kSampledWarning;
  }
  fmt::print("{}\n", object.dump(2));
}

// How many different users the rows are of; a session has several, and a user may.
std::int64_t DistinctUsers(const train::StoredEvaluation& evaluation) {
  std::vector<std::string> users = evaluation.user_ids;
  std::sort(users.begin(), users.end());
  return std::unique(users.begin(), users.end()) - users.begin();
}

void PrintHead(const train::RunInfo& run, const train::StoredEvaluation& evaluation) {
  const std::int64_t rows = evaluation.result.users;
  const std::int64_t users = DistinctUsers(evaluation);
  const bool of_shown = evaluation.candidates == "displays";
  std::string whom = base::FormatCount(rows) + " test users";
  if (users != rows) {
    whom = base::FormatCount(rows) + " test rows of " + base::FormatCount(users) +
           (run.split_kind == "session" ? " sessions" : " users");
  }
  const std::string among = of_shown                         ? "among what was shown"
                            : evaluation.candidates == "all" ? "whole catalogue"
                                                             : evaluation.candidates + " candidates";
  fmt::print("{} on {}, {}, {} ties{}\n", run.model, whom, among, evaluation.ties,
             evaluation.definitions == "recbole" ? ", RecBole's definitions" : "");
}

void PrintLine(const std::string& name, const std::string& values) {
  const std::string line = fmt::format("  {:<19}{}", name, values);
  fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
}

void PrintGroups(const train::StoredEvaluation& evaluation) {
  const eval::EvalResult& result = evaluation.result;
  fmt::print("by {}\n", evaluation.groups);
  std::string names;
  for (const std::string& name : evaluation.group_names) {
    names += fmt::format("  {:<16}", name);
  }
  PrintLine("", names);
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    std::string users;
    std::string values;
    for (std::size_t group = 0; group < evaluation.group_names.size(); ++group) {
      const eval::Summary summary =
          SummarizeGroup(result, evaluation.user_groups, static_cast<std::int32_t>(group), index);
      users += fmt::format("  {:<16}", base::FormatCount(summary.users));
      values += summary.users > 0 ? fmt::format("  {:.4f} +- {:.4f}", summary.mean, summary.half_width95)
                                  : fmt::format("  {:<16}", "-");
    }
    if (index == 0) {
      PrintLine("users", users);
    }
    PrintLine(result.metrics[index].name, values);
  }
}

void PrintTable(const train::RunInfo& run, const train::StoredEvaluation& evaluation,
                const std::vector<train::ChoiceRow>& choices, const eval::FloorTable* floors) {
  const eval::EvalResult& result = evaluation.result;
  PrintHead(run, evaluation);
  std::size_t width = 14;
  for (const eval::Metric& metric : result.metrics) {
    width = std::max(width, metric.name.size());
  }
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    fmt::print("  {:<{}} {:.4f} +- {:.4f}\n", result.metrics[index].name, width, result.Mean(index),
               result.HalfWidth95(index));
  }
  for (const eval::SetMetric& metric : result.set_metrics) {
    fmt::print("  {:<{}} {:.4f} +- {:.4f}  of all lists together\n", metric.metric.name, width, metric.value,
               metric.half_width95);
  }
  fmt::print(
      "+- is half the 95 % interval over users; left out: {} targets that training never saw, {} users without "
      "a target\n",
      base::FormatCount(evaluation.cold_targets_dropped), base::FormatCount(evaluation.users_without_targets));
  if (evaluation.seen_targets_dropped > 0) {
    fmt::print("left out, too: {} targets that their users had before\n",
               base::FormatCount(evaluation.seen_targets_dropped));
  }
  if (!evaluation.group_names.empty()) {
    PrintGroups(evaluation);
  }
  if (!choices.empty()) {
    PrintChoices(choices);
  }
  if (floors != nullptr) {
    PrintFloors(*floors);
  }
}

void RunRated(const EvaluateArgs& args, const Session& session) {
  const train::RatedOptions options{args.steps, args.liked_above};
  const train::RatedTable table =
      train::EvaluateRated(session.registry, args.run, args.data, args.settings, options, session.stop);
  if (args.json) {
    fmt::print("{}\n", RatedToJson(table, options));
  } else {
    PrintRated(table, options);
  }
}

}  // namespace

void RunEvaluate(const EvaluateArgs& args, const Session& session) {
  if (args.rated) {
    RunRated(args, session);
    return;
  }
  std::vector<train::ChoiceRow> choices;
  eval::FloorTable table;
  eval::FloorTable* const floors = args.floors ? &table : nullptr;
  const train::StoredEvaluation evaluation = train::EvaluateRun(
      base::RealFileSystem(), session.registry, args.run, args.data, session.stop, args.settings, &choices, floors);
  const train::RunInfo run = train::ReadRunInfo(args.run);
  if (RanksFew(evaluation.candidates)) {
    base::LogWarn(args.run + ": " + kSampledWarning);
  }
  if (const std::string warning = ImpersonalWarning(table); !warning.empty()) {
    base::LogWarn(args.run + ": " + warning);
  }
  if (args.json) {
    PrintJson(run.model, evaluation, choices, floors);
  } else {
    PrintTable(run, evaluation, choices, floors);
  }
}

}  // namespace recforce::cli
