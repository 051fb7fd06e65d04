// SPDX-License-Identifier: Apache-2.0
// The field tables of a run's own sections, and the rules by which two configurations are the same run.
#include "train/run_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "recforce/base/text.h"
#include "sim/environment_config.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

// Keys that change neither the weights nor what is kept of them, so a resumed run may differ in them: where the
// dataset lies (its fingerprint is checked instead), how many threads work, how often a checkpoint is written.
constexpr std::array<std::string_view, 5> kFreeKeys = {"data", "threads", "train.checkpoint_seconds", "eval.metrics",
                                                       "eval.groups"};

std::string FullKey(const config::Settings::Entry& entry) {
  return entry.section.empty() ? entry.field->key : entry.section + "." + entry.field->key;
}

bool IsFree(const std::string& key) { return std::find(kFreeKeys.begin(), kFreeKeys.end(), key) != kFreeKeys.end(); }

}  // namespace

const config::FieldTable& RunFields() {
  static const config::FieldTable table =
      config::Fields<RunConfig>()
          .Text("model", &RunConfig::model, "The algorithm to train; `recforce models` lists them.")
          .Text("data", &RunConfig::data, "The folder of the dataset that `recforce data convert` wrote.")
          .Int("seed", &RunConfig::seed, 0, std::int64_t{1} << 53,
               "Seed of initial weights, batch order, dropout and noise.")
          .Text("device", &RunConfig::device, "Where tensors live: cpu, cuda or cuda:N.")
          .Int("threads", &RunConfig::threads, 0, 1024, "Worker threads; 0 means every core this process may use.")
          .Take();
  return table;
}

const config::FieldTable& TrainFields() {
  static const config::FieldTable table =
      config::Fields<TrainConfig>()
          .Text("valid_metric", &TrainConfig::valid_metric,
                "The metric on the validation users that selects the best weights; higher is better.")
          .Int("eval_every", &TrainConfig::eval_every, 1, 1000000,
               "Epochs between two validations; the last epoch of a phase is always followed by one.")
          .Alias("eval_step")
          .Real("checkpoint_seconds", &TrainConfig::checkpoint_seconds, 0.0, 86400.0,
                "Least time between two checkpoints; 0 writes one after every epoch.")
          .Bool("store_histories", &TrainConfig::store_histories,
                "Keep the users' histories in the bundle, to recommend without the dataset.")
          .Take();
  return table;
}

bool MayLearnFromUsers(const core::AlgorithmSpec& spec) {
  return spec.needs == core::Needs::kEnvironment || spec.needs == core::Needs::kEither;
}

bool LearnsFromUsers(const core::AlgorithmSpec& spec, const config::Settings& settings) {
  return spec.needs == core::Needs::kEnvironment ||
         (spec.needs == core::Needs::kEither &&
          !settings.section("environment").As<sim::EnvironmentConfig>().source.empty());
}

std::string OwnMetric(const core::AlgorithmSpec& spec, const config::Settings& settings) {
  return spec.needs == core::Needs::kEither && !LearnsFromUsers(spec, settings) ? "" : spec.own_metric;
}

config::Settings MakeSettings(const core::AlgorithmSpec& spec) {
  RunConfig run;
  run.model = spec.name;
  std::vector<config::Section> sections = {config::Section::Make<RunConfig>("", RunFields(), run)};
  if (MayLearnFromUsers(spec)) {
    sections.push_back(config::Section::Make<sim::EnvironmentConfig>("environment", sim::EnvironmentFields()));
  }
  if (spec.needs == core::Needs::kEnvironment) {
    sections.push_back(config::Section::Make<TrainConfig>("train", TrainFields()));
  } else {
    data::SplitConfig split;
    eval::EvalConfig eval;
    if (spec.needs == core::Needs::kDisplays) {
      split.kind = "displays";
      eval.metrics = {"hr@1", "hr@2", "mrr@10"};
    }
    sections.push_back(config::Section::Make<data::SplitConfig>("split", data::SplitFields(), split));
    sections.push_back(config::Section::Make<TrainConfig>("train", TrainFields()));
    sections.push_back(config::Section::Make<eval::EvalConfig>("eval", eval::EvalFields(), eval));
  }
  sections.push_back(spec.make_config());
  return config::Settings(std::move(sections), spec.name);
}

std::vector<std::string> OtherSections(const core::Registry& registry, std::string_view model) {
  std::vector<std::string> names = registry.Names();
  names.erase(std::remove(names.begin(), names.end(), model), names.end());
  return names;
}

std::string SettingsHash(const config::Settings& settings) {
  base::Hasher hasher;
  for (const config::Settings::Entry& entry : settings.Entries()) {
    const std::string key = FullKey(entry);
    if (!IsFree(key)) {
      hasher.Add(key + "=" + entry.text + "\n");
    }
  }
  return hasher.Hex();
}

void CheckSameSettings(const config::Settings& before, const config::Settings& now, const std::string& where) {
  const std::vector<config::Settings::Entry> old_entries = before.Entries();
  const std::vector<config::Settings::Entry> new_entries = now.Entries();
  RECFORCE_CHECK(old_entries.size() == new_entries.size(), "settings of different algorithms are compared");
  for (std::size_t n = 0; n < old_entries.size(); ++n) {
    const std::string key = FullKey(new_entries[n]);
    if (!IsFree(key) && old_entries[n].text != new_entries[n].text) {
      throw base::Error(base::ErrorKind::kUsage, where + ": '" + key + "' differs from the run to be resumed: '" +
                                                     new_entries[n].text + "' (" + new_entries[n].origin +
                                                     "); expected '" + old_entries[n].text +
                                                     "'. use the same settings, or another --out");
    }
  }
}

config::Settings ReadSettings(const core::Registry& registry, const std::filesystem::path& run) {
  const core::AlgorithmSpec& spec = registry.Get(ReadRunInfo(run).model);
  config::Settings settings = MakeSettings(spec);
  settings.LoadYaml((run / kConfigFile).string(), OtherSections(registry, spec.name));
  return settings;
}

}  // namespace recforce::train
