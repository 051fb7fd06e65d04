// SPDX-License-Identifier: Apache-2.0
// The commands of the program as plain functions over their parsed arguments. Each prints its data to stdout and
// throws base::Error when it cannot; only main turns that into an exit code.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/stop_flag.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/build_displays.h"
#include "recforce/data/convert.h"
#include "recforce/data/read_decisions.h"

namespace recforce::cli {

// Flags that every command understands.
struct CommonArgs {
  std::optional<std::int64_t> threads;  // 0: every core
  bool quiet = false;                   // no progress; warnings and errors only
  bool verbose = false;                 // debug log
};

// What a command works with.
struct Session {
  core::Registry registry;
  CommonArgs common;
  const base::StopFlag* stop = nullptr;
};

struct ConvertArgs {
  std::string input;
  std::string out;
  std::int64_t memory_mb = 512;
  std::vector<std::string> config_files;  // of RecBole; what flags say wins
  data::ConvertOptions options;
  bool min_users_given = false;  // by a flag, even as 0
  bool min_items_given = false;
};
void RunConvert(const ConvertArgs& args, const Session& session);

struct ValidateArgs {
  std::string input;
  data::ConvertOptions options;
  std::int64_t shown_bad_rows = 100;
  bool json = false;
};
void RunValidate(const ValidateArgs& args, const Session& session);

struct ExportArgs {
  std::string directory;
  std::string format;
  std::string out;
};
void RunExport(const ExportArgs& args, const Session& session);

struct DisplaysArgs {
  std::string directory;
  std::string out;
  data::DisplayOptions options;
};
void RunDisplays(const DisplaysArgs& args, const Session& session);

struct DescribeArgs {
  std::string directory;
  bool json = false;
};
void RunDescribe(const DescribeArgs& args, const Session& session);

struct GenerateArgs {
  std::string preset = "demo";
  std::int64_t seed = 1;
  std::string out;
};
void RunGenerate(const GenerateArgs& args, const Session& session);

// Where the settings of a run come from.
struct SettingsArgs {
  std::optional<std::string> model;
  std::optional<std::string> data;
  std::optional<std::string> environment;
  std::vector<std::string> config_files;
  std::vector<std::string> settings;  // "key=value"
  std::optional<std::int64_t> seed;
  std::optional<std::string> device;
  std::optional<std::string> valid_metric;
};

struct TrainArgs : SettingsArgs {
  std::string out;
  bool resume = false;
  bool dry_run = false;
};
void RunTrain(const TrainArgs& args, const Session& session);
// The field tables of every section, for `train --help`.
std::string TrainHelp(const core::Registry& registry);

struct TuneArgs : SettingsArgs {
  std::string out;
  std::vector<std::string> search;  // "key=low..high:log", "key=a,b" or "key"
  std::int64_t trials = 20;
  std::string method = "random";
  std::int64_t keep = 0;
  double minutes = 0.0;
  std::int64_t top = 10;  // rows of the printed table
  bool resume = false;
  bool json = false;
};
void RunTune(const TuneArgs& args, const Session& session);

struct EvaluateArgs {
  std::string run;
  std::optional<std::string> data;
  std::vector<std::string> settings;  // "eval.key=value"
  bool floors = false;                // beside the model: popularity, the mean user, another user
  bool rated = false;                 // only what test users rated, one item after the other
  std::int64_t steps = 10;            // rated: how many
  double liked_above = 3.0;           // rated: greater values are liked
  bool json = false;
};
void RunEvaluate(const EvaluateArgs& args, const Session& session);

struct CompareArgs {
  std::vector<std::string> runs;     // the first is what the others are compared with
  std::vector<std::string> metrics;  // none: what selected the weights, or what all have measured
  std::optional<std::string> data;   // of runs that are not evaluated yet
  bool all_pairs = false;
  bool json = false;
};
void RunCompare(const CompareArgs& args, const Session& session);

struct RecommendArgs {
  std::string run;
  std::optional<std::string> user;
  std::optional<std::string> history;  // item ids with commas between them
  std::optional<std::string> users;    // "all", or a file with a user id a line
  std::optional<std::string> out;      // where the lists of `users` go
  std::int64_t count = 10;
  std::optional<std::string> context;  // of the request, one of the log's
  std::string seen = "auto";           // whether items of the history may come again: auto, skip or allow
  std::string device = "cpu";
  bool json = false;
};
void RunRecommend(const RecommendArgs& args, const Session& session);

struct SimulateArgs {
  std::string environment;            // "world:NAME", or the folder of a run of a user model
  std::vector<std::string> policies;  // names, or folders of runs; the first is what the others are compared with
  std::int64_t users = 2000;
  std::int64_t first_user = 0;
  std::optional<std::int64_t> horizon;
  std::optional<std::int64_t> slate;
  std::int64_t seed = 1;
  double discount = 0.9;
  std::vector<std::string> settings;     // "environment.key=value", "serving.key=value" or "mpc.key=value"
  std::optional<std::string> replay;     // a dataset whose displays the users are compared with, in place of policies
  std::optional<std::string> log;        // of displays
  std::optional<std::string> decisions;  // with propensities
  std::string device = "cpu";
  bool allow_training_environment = false;
  bool json = false;
};
void RunSimulate(const SimulateArgs& args, const Session& session);
// The field tables of its two sections, for `simulate --help`.
std::string SimulateHelp();

struct OpeArgs {
  std::string log;
  std::vector<std::string> policies;  // "uniform", "log:FILE" or the folder of a run
  data::DecisionReadOptions read;
  std::vector<std::string> estimators;
  double temperature = 1.0;  // of models: how their scores become decisions
  double epsilon = 0.0;
  double greedy = 0.0;
  std::int64_t candidates = 0;
  std::int64_t top_k = 1;
  bool sessions = false;
  double discount = 1.0;
  std::int64_t folds = 5;
  std::int64_t replicates = 2000;
  double alpha = 0.05;
  std::int64_t seed = 1;
  std::string device = "cpu";
  bool allow_unsupported = false;
  bool json = false;
};
void RunOpe(const OpeArgs& args, const Session& session);

struct ReportArgs {
  std::vector<std::string> runs;
  std::string out;
  std::optional<std::string> plots;
  std::optional<std::string> title;
  std::optional<std::string> metric;
  std::optional<std::string> reference;
  std::optional<std::string> users;  // ids with commas between them
  std::optional<std::string> data;
  bool no_evaluate = false;
  bool json = false;
};
void RunReport(const ReportArgs& args, const Session& session);

struct ModelsArgs {
  bool json = false;
};
void RunModels(const ModelsArgs& args, const Session& session);

struct DemoArgs {
  std::optional<std::string> out;  // empty: a temporary folder, removed at the end
};
void RunDemo(const DemoArgs& args, const Session& session);

struct DocsArgs {
  std::string topic;  // "parameters" | "errors"
};
void RunDocs(const DocsArgs& args, const Session& session);

// What to say of metrics among a user's candidates, after the run that has them.
inline constexpr const char* kSampledWarning =
    "targets were ranked among a few items only; such metrics do not order models reliably (Krichene and Rendle, KDD "
    "2020). rank the whole catalogue with split.candidates=all";

// Whether such a warning is due: what people were really shown is no sample.
inline bool RanksFew(const std::string& candidates) { return candidates != "all" && candidates != "displays"; }

// "1997-09-20 03:05:10" in UTC, or the number itself where the calendar ends.
std::string TimeText(std::int64_t seconds);

// Sets the worker threads of the process, torch and BLAS together. 0: every core this process may use.
void UseThreads(std::int64_t count);

}  // namespace recforce::cli
