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
#include "recforce/data/convert.h"

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
  data::ConvertOptions options;
};
void RunConvert(const ConvertArgs& args, const Session& session);

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

struct TrainArgs {
  std::optional<std::string> model;
  std::optional<std::string> data;
  std::string out;
  std::vector<std::string> config_files;
  std::vector<std::string> settings;  // "key=value"
  std::optional<std::int64_t> seed;
  std::optional<std::string> device;
  bool resume = false;
  bool dry_run = false;
};
void RunTrain(const TrainArgs& args, const Session& session);
// The field tables of every section, for `train --help`.
std::string TrainHelp(const core::Registry& registry);

struct EvaluateArgs {
  std::string run;
  std::optional<std::string> data;
  std::vector<std::string> settings;  // "eval.key=value"
  bool json = false;
};
void RunEvaluate(const EvaluateArgs& args, const Session& session);

struct CompareArgs {
  std::vector<std::string> runs;     // the first is what the others are compared with
  std::vector<std::string> metrics;  // none: ndcg@100
  bool all_pairs = false;
  bool json = false;
};
void RunCompare(const CompareArgs& args, const Session& session);

struct RecommendArgs {
  std::string run;
  std::optional<std::string> user;
  std::optional<std::string> history;  // item ids with commas between them
  std::int64_t count = 10;
  std::string seen = "auto";  // whether items of the history may come again: auto, skip or allow
  std::string device = "cpu";
  bool json = false;
};
void RunRecommend(const RecommendArgs& args, const Session& session);

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

// Sets the worker threads of the process, torch and BLAS together. 0: every core this process may use.
void UseThreads(std::int64_t count);

}  // namespace recforce::cli
