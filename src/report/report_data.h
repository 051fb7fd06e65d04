// SPDX-License-Identifier: Apache-2.0
// Everything a report says, before it is drawn or written: plain values, nothing refers to files any more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recforce/data/dataset.h"
#include "recforce/eval/choice.h"
#include "report/measure.h"
#include "train/metrics_stream.h"
#include "train/run_folder.h"
#include "train/run_info.h"

namespace recforce::report {

struct SettingRow {
  std::string key;  // "split.kind"
  std::string text;
  bool is_default = true;
};

struct RunPart {
  std::string path;   // as it was named
  std::string label;  // its folder's name, or the path where two runs share that
  train::RunInfo info;
  std::string valid_metric;
  std::vector<SettingRow> settings;
  std::vector<train::EpochRecord> epochs;
  std::optional<train::StoredEvaluation> evaluation;
  std::string missing;     // why there is no evaluation, "" where there is one
  std::string what_to_do;  // the command that gives one
  std::string command;     // the command that trains the run again
  // The command that evaluates it as the kept evaluation was made; "" where a report does that by itself.
  std::string evaluate_command;
};

struct DatasetPart {
  std::string name;
  std::string path;
  std::string fingerprint;
  std::int64_t users = 0;
  std::int64_t items = 0;
  std::int64_t interactions = 0;
  bool has_times = false;
  bool has_titles = false;
  data::Preprocessing preprocessing;
  std::string command;  // that converted the log; "" where there was none
};

// A group of test users and what every run reaches on it.
struct GroupPart {
  std::string name;
  std::int64_t users = 0;
  std::vector<std::optional<Estimate>> estimates;  // [run]
};

// How well a model, or a baseline that knows no histories, foresees choices from displays.
struct ChoicePart {
  std::string name;  // of the model or the baseline
  eval::ChoiceSummary all;
  eval::ChoiceSummary with_history;
  double ece = 0.0;  // calibration error of all choices; NaN where scores are no utilities
};
struct RunChoices {
  std::size_t run = 0;
  std::vector<ChoicePart> parts;  // the model first
};

// A run against the reference, user by user.
struct PairPart {
  std::size_t run = 0;
  eval::Comparison comparison;
  std::vector<std::int64_t> bins;  // over [-reach, reach] of the report; empty when no user differs
};

struct ItemPart {
  std::string id;
  std::string title;  // "" when unknown
  bool is_hit = false;
};
struct ExampleUser {
  std::string id;
  std::string kind;  // "light", "median", "heavy", or "" for one that was asked for
  std::int64_t history_length = 0;
  std::vector<ItemPart> history;  // the last of it, oldest first
  std::vector<ItemPart> targets;  // hit: by any run
  std::int64_t target_count = 0;
  std::vector<std::vector<ItemPart>> lists;  // [run]; empty for a run without a model
};

struct ReportData {
  std::string title;
  DatasetPart dataset;
  train::RunInfo split;     // the split's members are those of every run
  std::string ties;         // how the evaluations were made; "" where nothing was evaluated
  std::string definitions;  // of metrics
  std::string candidates;   // what was ranked
  bool masks_input = true;
  std::string unit = "users";  // what is tested: "users", or "cases" where a user may have several
  std::vector<RunPart> runs;
  std::string metric;                    // the one the report is about; "" where no run has one of single users
  std::optional<std::size_t> reference;  // a run with an evaluation
  MetricTable table;
  std::vector<Difference> differences;
  bool all_metrics_compared = true;  // false: too many users and runs, only `metric` was
  std::vector<RunChoices> choices;   // of finished runs, where the test part has displays
  std::string grouping;              // by what users are grouped
  std::vector<GroupPart> groups;
  double reach = 0.0;  // the largest difference of a user to the reference, over all runs
  std::vector<PairPart> pairs;
  std::vector<ExampleUser> examples;
  std::string command;  // that makes a report like this one
};

}  // namespace recforce::report
