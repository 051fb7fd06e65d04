// SPDX-License-Identifier: Apache-2.0
// Test-set evaluation of a finished run, kept user by user in RUN/evaluation.safetensors.
#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "train/run_config.h"
#include "train/run_folder.h"
#include "train/run_info.h"

namespace recforce::train {
namespace {

constexpr int kEvaluationVersion = 1;

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

void WriteEvaluation(base::FileSystem& files, const std::filesystem::path& path, const StoredEvaluation& evaluation) {
  base::TensorSet set;
  std::vector<std::string> names;
  for (const eval::Metric& metric : evaluation.result.metrics) {
    names.push_back(metric.name);
  }
  const auto columns = static_cast<std::int64_t>(names.size());
  set.AddOwned("per_user", std::vector<double>(evaluation.result.per_user), {evaluation.result.users, columns});
  data::AddStrings(set, "user_ids", evaluation.user_ids);
  set.SetMeta("version", std::to_string(kEvaluationVersion));
  set.SetMeta("metrics", base::Join(names, ","));
  set.SetMeta("split_fingerprint", evaluation.split_fingerprint);
  set.SetMeta("cold_targets_dropped", std::to_string(evaluation.cold_targets_dropped));
  set.SetMeta("users_without_targets", std::to_string(evaluation.users_without_targets));
  base::WriteTensorFile(files, path, set);
}

std::int64_t Count(const base::TensorSet& set, const std::string& key) {
  const std::string& text = set.Meta(key);
  const std::optional<std::int64_t> value = base::ParseInt(text);
  if (!value || *value < 0) {
    Fail(set.where(), "'" + key + "' is not a count: '" + text + "'; expected a whole number of at least 0");
  }
  return *value;
}

std::vector<eval::Metric> ReadMetrics(const base::TensorSet& set) {
  std::vector<std::string> names;
  const std::string& text = set.Meta("metrics");
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    names.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return eval::ParseMetrics(names);
}

}  // namespace

StoredEvaluation EvaluateRun(base::FileSystem& files, const core::Registry& registry, const std::filesystem::path& run,
                             const std::optional<std::string>& data, const base::StopFlag* stop) {
  const RunInfo info = ReadRunInfo(run);
  if (!info.finished) {
    Fail(run.string(), "the run is not finished; finish it with `recforce train ... --resume`");
  }
  const config::Settings settings = ReadSettings(registry, run);
  const RunConfig& run_config = settings.section("").As<RunConfig>();
  const eval::EvalConfig& eval_config = settings.section("eval").As<eval::EvalConfig>();
  const data::Dataset dataset = data::Dataset::Open(data.value_or(run_config.data));
  if (dataset.fingerprint() != info.dataset_fingerprint) {
    Fail(dataset.directory().string(), "not the dataset that '" + run.string() + "' was trained on: fingerprint '" +
                                           dataset.fingerprint() + "'; expected '" + info.dataset_fingerprint + "'");
  }
  const data::Split split = data::MakeSplit(dataset, settings.section("split").As<data::SplitConfig>());
  if (split.fingerprint != info.split_fingerprint) {
    Fail(run.string(), "the split is not the one of the run: fingerprint '" + split.fingerprint + "'; expected '" +
                           info.split_fingerprint + "'");
  }
  const LoadedModel model = LoadModel(registry, run, run_config.device);
  if (model.bundle.manifest.split_fingerprint != info.split_fingerprint) {
    Fail((run / kModelFolder).string(), "the model is not the one of the run: split fingerprint '" +
                                            model.bundle.manifest.split_fingerprint + "'; expected '" +
                                            info.split_fingerprint + "'");
  }
  StoredEvaluation evaluation;
  evaluation.result = eval::Evaluate(*model.recommender, split.test, eval::ParseMetrics(eval_config.metrics),
                                     eval_config.batch_size, stop);
  evaluation.split_fingerprint = split.fingerprint;
  for (const std::int32_t user : split.test.users) {
    evaluation.user_ids.emplace_back(dataset.user_ids()[user]);
  }
  evaluation.cold_targets_dropped = split.cold_targets_dropped;
  evaluation.users_without_targets = split.users_without_targets;
  WriteEvaluation(files, run / kEvaluationFile, evaluation);
  return evaluation;
}

std::optional<StoredEvaluation> ReadEvaluation(const std::filesystem::path& run) {
  const std::filesystem::path path = run / kEvaluationFile;
  if (!std::filesystem::exists(path)) {
    return std::nullopt;
  }
  const base::TensorSet set = base::ReadTensorFile(path);
  if (const std::int64_t version = Count(set, "version"); version > kEvaluationVersion) {
    Fail(set.where(), "the evaluation is of a newer version: '" + std::to_string(version) + "'; expected at most " +
                          std::to_string(kEvaluationVersion));
  }
  StoredEvaluation evaluation;
  evaluation.result.metrics = ReadMetrics(set);
  const base::TensorView& per_user = set.Get("per_user");
  const std::span<const double> values = per_user.As<double>();
  evaluation.user_ids = data::GetStrings(set, "user_ids", false).ToVector();
  evaluation.result.users = static_cast<std::int64_t>(evaluation.user_ids.size());
  if (values.size() != evaluation.user_ids.size() * evaluation.result.metrics.size()) {
    Fail(set.where(), "'per_user' holds '" + std::to_string(values.size()) + "' numbers; expected one for each of " +
                          std::to_string(evaluation.user_ids.size()) + " users and " +
                          std::to_string(evaluation.result.metrics.size()) + " metrics");
  }
  evaluation.result.per_user.assign(values.begin(), values.end());
  evaluation.split_fingerprint = set.Meta("split_fingerprint");
  evaluation.cold_targets_dropped = Count(set, "cold_targets_dropped");
  evaluation.users_without_targets = Count(set, "users_without_targets");
  return evaluation;
}

}  // namespace recforce::train
