// SPDX-License-Identifier: Apache-2.0
// RUN/evaluation.safetensors: the evaluation of a run, user by user. See docs/formats/run_folder.md.
#include <algorithm>

#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "train/run_config.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

constexpr int kEvaluationVersion = 3;
constexpr std::int64_t kMostKept = 1000000;  // places of a kept list: a product with it stays far from overflow

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

std::int64_t Count(const base::TensorSet& set, const std::string& key) {
  const std::string& text = set.Meta(key);
  const std::optional<std::int64_t> value = base::ParseInt(text);
  if (!value || *value < 0) {
    Fail(set.where(), "'" + key + "' is not a count: '" + text + "'; expected a whole number of at least 0");
  }
  return *value;
}

// The words between commas; none of an empty text.
std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::vector<eval::Metric> ReadMetrics(const base::TensorSet& set, const std::string& key) {
  const std::vector<std::string> names = Words(set.Meta(key));
  return names.empty() ? std::vector<eval::Metric>() : eval::ParseMetrics(names);
}

template <class T>
std::vector<T> ReadValues(const base::TensorSet& set, const std::string& name, std::size_t expected,
                          const std::string& meaning) {
  const std::span<const T> values = set.Get(name).As<T>();
  if (values.size() != expected) {
    Fail(set.where(),
         "'" + name + "' holds '" + std::to_string(values.size()) + "' numbers; expected one for each of " + meaning);
  }
  return {values.begin(), values.end()};
}

std::string JoinNames(const std::vector<eval::Metric>& metrics) {
  std::vector<std::string> names;
  for (const eval::Metric& metric : metrics) {
    names.push_back(metric.name);
  }
  return base::Join(names, ",");
}

// What version 1 did not have.
void ReadExtras(const base::TensorSet& set, StoredEvaluation& evaluation) {
  eval::EvalResult& result = evaluation.result;
  const std::vector<eval::Metric> set_metrics = ReadMetrics(set, "set_metrics");
  const std::string of_metrics = std::to_string(set_metrics.size()) + " set metrics";
  const auto values = ReadValues<double>(set, "set_values", set_metrics.size(), of_metrics);
  const auto half_widths = ReadValues<double>(set, "set_half_widths", set_metrics.size(), of_metrics);
  for (std::size_t index = 0; index < set_metrics.size(); ++index) {
    result.set_metrics.push_back({set_metrics[index], values[index], half_widths[index]});
  }
  const std::string of_users = std::to_string(result.users) + " users";
  result.top_k = Count(set, "top_k");
  if (result.top_k > kMostKept) {
    Fail(set.where(), "'top_k' is '" + set.Meta("top_k") + "'; expected at most " + std::to_string(kMostKept));
  }
  result.top_items = ReadValues<std::int32_t>(set, "top_items", static_cast<std::size_t>(result.users * result.top_k),
                                              std::to_string(result.top_k) + " places of " + of_users);
  evaluation.ties = set.Meta("ties");
  evaluation.definitions = set.Meta("definitions");
  evaluation.candidates = set.Meta("candidates");
  evaluation.groups = set.Meta("groups");
  evaluation.group_names = Words(set.Meta("group_names"));
  const std::size_t grouped = evaluation.group_names.empty() ? 0 : static_cast<std::size_t>(result.users);
  evaluation.user_groups = ReadValues<std::int32_t>(set, "user_groups", grouped, of_users);
  const auto count = static_cast<std::int32_t>(evaluation.group_names.size());
  if (std::any_of(evaluation.user_groups.begin(), evaluation.user_groups.end(),
                  [count](std::int32_t group) { return group < 0 || group >= count; })) {
    Fail(set.where(), "'user_groups' names a group that there is not; expected [0, " + std::to_string(count - 1) + "]");
  }
  evaluation.seen_targets_dropped = Count(set, "seen_targets_dropped");
  if (set.Has("targets")) {  // since version 3
    result.targets = ReadValues<std::int32_t>(set, "targets", static_cast<std::size_t>(result.users), of_users);
  }
}

}  // namespace

void WriteEvaluation(base::FileSystem& files, const std::filesystem::path& run, const StoredEvaluation& evaluation) {
  const eval::EvalResult& result = evaluation.result;
  std::vector<eval::Metric> set_metrics;
  std::vector<double> set_values;
  std::vector<double> set_half_widths;
  for (const eval::SetMetric& metric : result.set_metrics) {
    set_metrics.push_back(metric.metric);
    set_values.push_back(metric.value);
    set_half_widths.push_back(metric.half_width95);
  }
  base::TensorSet set;
  set.AddOwned("per_user", std::vector<double>(result.per_user),
               {result.users, static_cast<std::int64_t>(result.metrics.size())});
  set.AddOwned("targets", std::vector<std::int32_t>(result.targets));
  set.AddOwned("set_values", std::move(set_values));
  set.AddOwned("set_half_widths", std::move(set_half_widths));
  set.AddOwned("top_items", std::vector<std::int32_t>(result.top_items), {result.users, result.top_k});
  set.AddOwned("user_groups", std::vector<std::int32_t>(evaluation.user_groups));
  data::AddStrings(set, "user_ids", evaluation.user_ids);
  set.SetMeta("version", std::to_string(kEvaluationVersion));
  set.SetMeta("metrics", JoinNames(result.metrics));
  set.SetMeta("set_metrics", JoinNames(set_metrics));
  set.SetMeta("top_k", std::to_string(result.top_k));
  set.SetMeta("ties", evaluation.ties);
  set.SetMeta("definitions", evaluation.definitions);
  set.SetMeta("candidates", evaluation.candidates);
  set.SetMeta("groups", evaluation.groups);
  set.SetMeta("group_names", base::Join(evaluation.group_names, ","));
  set.SetMeta("split_fingerprint", evaluation.split_fingerprint);
  set.SetMeta("cold_targets_dropped", std::to_string(evaluation.cold_targets_dropped));
  set.SetMeta("seen_targets_dropped", std::to_string(evaluation.seen_targets_dropped));
  set.SetMeta("users_without_targets", std::to_string(evaluation.users_without_targets));
  base::WriteTensorFile(files, run / kEvaluationFile, set);
}

std::optional<StoredEvaluation> ReadEvaluation(const std::filesystem::path& run) {
  const std::filesystem::path path = run / kEvaluationFile;
  if (!std::filesystem::exists(path)) {
    return std::nullopt;
  }
  const base::TensorSet set = base::ReadTensorFile(path);
  const std::int64_t version = Count(set, "version");
  if (version > kEvaluationVersion) {
    Fail(set.where(), "the evaluation is of a newer version: '" + std::to_string(version) + "'; expected at most " +
                          std::to_string(kEvaluationVersion));
  }
  StoredEvaluation evaluation;
  evaluation.result.metrics = ReadMetrics(set, "metrics");
  evaluation.user_ids = data::GetStrings(set, "user_ids", false).ToVector();
  evaluation.result.users = static_cast<std::int64_t>(evaluation.user_ids.size());
  evaluation.result.per_user =
      ReadValues<double>(set, "per_user", evaluation.user_ids.size() * evaluation.result.metrics.size(),
                         std::to_string(evaluation.user_ids.size()) + " users and " +
                             std::to_string(evaluation.result.metrics.size()) + " metrics");
  evaluation.split_fingerprint = set.Meta("split_fingerprint");
  evaluation.cold_targets_dropped = Count(set, "cold_targets_dropped");
  evaluation.users_without_targets = Count(set, "users_without_targets");
  if (version >= 2) {
    ReadExtras(set, evaluation);
  }
  return evaluation;
}

}  // namespace recforce::train
