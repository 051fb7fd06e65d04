// SPDX-License-Identifier: Apache-2.0
// Test-set evaluation of a finished run, which keeps it user by user, and what others ask of runs to work with it.
#include <algorithm>
#include <chrono>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/eval/groups.h"
#include "train/run_config.h"
#include "train/run_folder.h"
#include "train/run_info.h"

namespace recforce::train {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

void RequireFinished(const RunInfo& info, const std::filesystem::path& run) {
  if (!info.finished) {
    Fail(run.string(), "the run is not finished; finish it with `recforce train ... --resume`");
  }
}

void RequireDataset(const RunInfo& info, const std::filesystem::path& run) {
  if (!info.environment.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      run.string() + ": has no test part, it learnt in an environment: '" + info.environment +
                          "'; try it on users with `recforce simulate --policy " + run.string() + "`");
  }
}

// A run is trained with its settings; only how it is looked at may change afterwards.
void ApplyChanges(const std::vector<std::string>& changes, config::Settings& settings) {
  for (const std::string& change : changes) {
    const std::size_t equals = change.find('=');
    if (equals == std::string::npos || change.compare(0, 5, "eval.") != 0) {
      throw base::Error(base::ErrorKind::kUsage,
                        "--set: not a setting of an evaluation: '" + change + "'; expected eval.key=value");
    }
    settings.Set(change.substr(0, equals), std::string_view(change).substr(equals + 1), "--set");
  }
}

StoredEvaluation Measure(const core::Recommender& recommender, const data::Split& split, const eval::EvalConfig& config,
                         const base::StopFlag* stop) {
  const eval::UserGroups groups = eval::GroupUsers(config.groups, split.test, split.train.view(), split.num_items());
  eval::EvalOptions options = eval::OptionsOf(config);
  options.keep_top = kKeptTopItems;
  options.train = split.train.view();
  StoredEvaluation evaluation;
  const auto start = std::chrono::steady_clock::now();
  evaluation.result = eval::Evaluate(recommender, split.test, eval::ParseMetrics(config.metrics), options, stop);
  evaluation.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  evaluation.split_fingerprint = split.fingerprint;
  evaluation.ties = config.ties;
  evaluation.definitions = config.definitions;
  evaluation.candidates = split.candidates;
  evaluation.groups = config.groups;
  evaluation.group_names = groups.names;
  evaluation.user_groups = groups.of_row;
  evaluation.cold_targets_dropped = split.cold_targets_dropped;
  evaluation.seen_targets_dropped = split.seen_targets_dropped;
  evaluation.users_without_targets = split.users_without_targets;
  return evaluation;
}

RunData OpenData(const std::filesystem::path& run, const RunInfo& info, const config::Settings& settings,
                 const std::optional<std::string>& data) {
  data::Dataset dataset = data::Dataset::Open(data.value_or(settings.section("").As<RunConfig>().data));
  if (dataset.fingerprint() != info.dataset_fingerprint) {
    Fail(dataset.directory().string(), "not the dataset that '" + run.string() + "' was trained on: fingerprint '" +
                                           dataset.fingerprint() + "'; expected '" + info.dataset_fingerprint + "'");
  }
  data::Split split = data::MakeSplit(dataset, settings.section("split").As<data::SplitConfig>());
  if (split.fingerprint != info.split_fingerprint) {
    Fail(run.string(), "the split is not the one of the run: fingerprint '" + split.fingerprint + "'; expected '" +
                           info.split_fingerprint + "'");
  }
  return {std::move(dataset), std::move(split)};
}

}  // namespace

RunData OpenDataOfRun(const core::Registry& registry, const std::filesystem::path& run,
                      const std::optional<std::string>& data) {
  const RunInfo info = ReadRunInfo(run);
  RequireDataset(info, run);
  return OpenData(run, info, ReadSettings(registry, run), data);
}

LoadedModel LoadModelOfRun(const core::Registry& registry, const std::filesystem::path& run, const RunInfo& info,
                           const config::Settings& settings) {
  LoadedModel model = LoadModel(registry, run, settings.section("").As<RunConfig>().device);
  if (model.bundle.manifest.split_fingerprint != info.split_fingerprint) {
    Fail((run / kModelFolder).string(), "the model is not the one of the run: split fingerprint '" +
                                            model.bundle.manifest.split_fingerprint + "'; expected '" +
                                            info.split_fingerprint + "'");
  }
  return model;
}

OpenedRun OpenFinishedRun(const core::Registry& registry, const std::filesystem::path& run,
                          const std::optional<std::string>& data, const std::vector<std::string>& changes) {
  RunInfo info = ReadRunInfo(run);
  RequireFinished(info, run);
  RequireDataset(info, run);
  config::Settings settings = ReadSettings(registry, run);
  ApplyChanges(changes, settings);
  RunData opened = OpenData(run, info, settings, data);
  LoadedModel model = LoadModelOfRun(registry, run, info, settings);
  return {std::move(info), std::move(settings), std::move(opened), std::move(model)};
}

StoredEvaluation EvaluateRun(base::FileSystem& files, const core::Registry& registry, const std::filesystem::path& run,
                             const std::optional<std::string>& data, const base::StopFlag* stop,
                             const std::vector<std::string>& changes, std::vector<ChoiceRow>* choices,
                             eval::FloorTable* floors) {
  const OpenedRun opened = OpenFinishedRun(registry, run, data, changes);
  const data::Split& split = opened.data.split;
  const core::Recommender& recommender = *opened.model.recommender;
  const eval::EvalConfig& eval_config = opened.settings.section("eval").As<eval::EvalConfig>();
  StoredEvaluation evaluation = Measure(recommender, split, eval_config, stop);
  if (choices != nullptr) {
    *choices = MakeChoiceTable(opened.info.model, recommender, split, eval_config.batch_size, stop);
  }
  if (floors != nullptr) {
    eval::EvalOptions options = eval::OptionsOf(eval_config);
    options.train = split.train.view();
    *floors = eval::MeasureFloors(opened.info.model, recommender, split.test, evaluation.result, options,
                                  static_cast<std::uint64_t>(split.config.seed), stop);
  }
  for (const std::int32_t user : split.test.users) {
    evaluation.user_ids.emplace_back(opened.data.dataset.user_ids()[user]);
  }
  WriteEvaluation(files, run, evaluation);
  return evaluation;
}

StoredEvaluation KeptOrNewEvaluation(base::FileSystem& files, const core::Registry& registry,
                                     const std::filesystem::path& run, const std::optional<std::string>& data,
                                     const base::StopFlag* stop,
                                     const std::function<void(const std::string&)>& notice) {
  if (std::optional<StoredEvaluation> kept = ReadEvaluation(run)) {
    return std::move(*kept);
  }
  // Nothing is announced of a folder that is no run, or that cannot be evaluated.
  const RunInfo info = ReadRunInfo(run);
  RequireFinished(info, run);
  RequireDataset(info, run);
  if (notice) {
    notice(run.string() + ": not evaluated yet; evaluating it now");
  }
  return EvaluateRun(files, registry, run, data, stop);
}

void CheckTopItems(const StoredEvaluation& evaluation, const std::filesystem::path& run, std::int64_t num_items) {
  const eval::EvalResult& result = evaluation.result;
  const std::string where = (run / kEvaluationFile).string();
  if (result.top_k > num_items) {
    Fail(where, "'top_k' is more than the catalogue has: '" + std::to_string(result.top_k) + "'; expected at most " +
                    std::to_string(num_items));
  }
  const auto outside = std::find_if(result.top_items.begin(), result.top_items.end(),
                                    [num_items](std::int32_t item) { return item < -1 || item >= num_items; });
  if (outside != result.top_items.end()) {
    Fail(where, "'top_items' names an item outside the catalogue: '" + std::to_string(*outside) +
                    "'; expected -1 or one in [0, " + std::to_string(num_items - 1) + "]");
  }
}

}  // namespace recforce::train
