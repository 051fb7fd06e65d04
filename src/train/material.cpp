// SPDX-License-Identifier: Apache-2.0
#include "train/material.h"

#include <span>
#include <utility>
#include <vector>

#include "data/input_paths.h"
#include "recforce/base/error.h"
#include "train/bundle_parts.h"
#include "train/open_environment.h"

namespace recforce::train {
namespace {

const RunConfig& RunOf(const config::Settings& settings) { return settings.section("").As<RunConfig>(); }

class DatasetMaterial final : public Material {
 public:
  // Error(Usage) when the split does not give what the algorithm needs.
  DatasetMaterial(const core::AlgorithmSpec& spec, const config::Settings& settings);
  [[nodiscard]] core::TrainView View() const override;
  [[nodiscard]] std::string fingerprint() const override { return dataset_.fingerprint(); }
  [[nodiscard]] std::string split_fingerprint() const override { return split_.fingerprint; }
  [[nodiscard]] const data::EvalSet* validation() const override {
    return split_.validation.rows() == 0 ? nullptr : &split_.validation;
  }
  void Announce(Observer& observer, const std::string& model) const override {
    observer.OnStart(dataset_, split_, model);
  }
  void Describe(RunInfo& info) const override;
  void Fill(model::Bundle& bundle, bool with_histories) const override;

 private:
  data::Dataset dataset_;
  data::Split split_;
  // Columns of the dataset for the training events; empty where it has none, or nobody reads them.
  std::vector<float> values_, propensities_;
  std::vector<std::int64_t> times_;
  std::vector<std::int32_t> contexts_;
};

// The entries of a column of the dataset at `places`.
template <class T>
std::vector<T> At(std::span<const T> column, const std::vector<std::int64_t>& places) {
  std::vector<T> found;
  if (!column.empty()) {
    found.reserve(places.size());
    for (const std::int64_t place : places) {
      found.push_back(column[static_cast<std::size_t>(place)]);
    }
  }
  return found;
}

DatasetMaterial::DatasetMaterial(const core::AlgorithmSpec& spec, const config::Settings& settings)
    : dataset_(data::Dataset::Open(RunOf(settings).data)),
      split_(data::MakeSplit(dataset_, settings.section("split").As<data::SplitConfig>(), spec.reads_columns)) {
  if (spec.needs == core::Needs::kDisplays && split_.config.kind != "displays") {
    throw base::Error(base::ErrorKind::kUsage, "split.kind: '" + spec.name + "' learns from displays: '" +
                                                   split_.config.kind + "'; expected displays");
  }
  values_ = At(dataset_.values(), split_.train_places);
  propensities_ = At(dataset_.propensities(), split_.train_places);
  times_ = At(dataset_.times(), split_.train_places);
  contexts_ = At(dataset_.contexts(), split_.train_places);
}

core::TrainView DatasetMaterial::View() const {
  core::TrainView view{.interactions = split_.train.view(), .num_items = split_.num_items()};
  if (split_.train_sequences.rows() != 0) {
    view.sequences = split_.train_sequences.view();
  }
  view.values = values_;
  view.times = times_;
  view.propensities = propensities_;
  view.contexts = contexts_;
  view.num_contexts = contexts_.empty() ? 0 : dataset_.context_names().size();
  view.user_id = [this](std::int64_t row) {
    return dataset_.user_ids()[split_.train_users[static_cast<std::size_t>(row)]];
  };
  view.item_id = [this](std::int64_t item) {
    return dataset_.item_ids()[split_.catalogue[static_cast<std::size_t>(item)]];
  };
  if (split_.train_displays.size() > 0) {
    view.displays = &split_.train_displays;
  }
  if (split_.validation_displays.size() > 0) {
    view.validation_displays = &split_.validation_displays;
  }
  return view;
}

void DatasetMaterial::Describe(RunInfo& info) const {
  info.dataset_path = dataset_.directory().string();
  info.dataset_fingerprint = dataset_.fingerprint();
  info.split_kind = split_.config.kind;
  info.split_fingerprint = split_.fingerprint;
  info.items = split_.num_items();
  info.train_users = split_.train.rows();
  info.train_interactions = split_.train.nnz();
  info.validation_users = split_.validation.rows();
  info.test_users = split_.test.rows();
  info.cold_targets_dropped = split_.cold_targets_dropped;
  info.users_without_targets = split_.users_without_targets;
}

void DatasetMaterial::Fill(model::Bundle& bundle, bool with_histories) const {
  model::Manifest& manifest = bundle.manifest;
  manifest.num_items = split_.num_items();
  manifest.dataset_fingerprint = fingerprint();
  manifest.split_fingerprint = split_fingerprint();
  manifest.preprocessing = PreprocessingTexts(dataset_.preprocessing());
  manifest.preprocessing.emplace_back("mask_seen", split_.test.mask_input ? "yes" : "no");
  bundle.catalogue = CatalogueTensors(dataset_, split_);
  if (with_histories) {
    bundle.histories = HistoryTensors(dataset_, split_);
  }
}

class EnvironmentMaterial final : public Material {
 public:
  EnvironmentMaterial(OpenedEnvironment opened, sim::EnvironmentConfig config)
      : opened_(std::move(opened)), config_(std::move(config)) {}
  [[nodiscard]] core::TrainView View() const override;
  [[nodiscard]] std::string fingerprint() const override { return opened_.environment->identity(); }
  [[nodiscard]] std::string split_fingerprint() const override { return ""; }
  [[nodiscard]] const data::EvalSet* validation() const override { return nullptr; }
  void Announce(Observer& observer, const std::string& model) const override {
    observer.OnEnvironment(opened_.name, View(), model);
  }
  void Describe(RunInfo& info) const override;
  void Fill(model::Bundle& bundle, bool with_histories) const override;

 private:
  OpenedEnvironment opened_;
  sim::EnvironmentConfig config_;
};

core::TrainView EnvironmentMaterial::View() const {
  core::TrainView view;
  view.num_items = opened_.environment->NumItems();
  view.environment = opened_.environment.get();
  view.episodes = {config_.slate, config_.horizon};
  return view;
}

void EnvironmentMaterial::Describe(RunInfo& info) const {
  info.environment = config_.source;
  info.environment_identity = fingerprint();
  info.items = opened_.environment->NumItems();
}

void EnvironmentMaterial::Fill(model::Bundle& bundle, bool /*with_histories*/) const {
  model::Manifest& manifest = bundle.manifest;
  manifest.num_items = opened_.environment->NumItems();
  manifest.dataset_fingerprint = fingerprint();
  manifest.preprocessing = {{"source", data::LastName(config_.source)},  // not where a run lies
                            {"trained_in", fingerprint()},
                            {"trained_in_learnt", opened_.environment->learnt() ? "yes" : "no"},
                            {"slate", std::to_string(config_.slate)},
                            {"horizon", std::to_string(config_.horizon)},
                            {"mask_seen", "no"}};
  bundle.catalogue = CatalogueTensors(opened_.item_ids, opened_.item_titles);
}

}  // namespace

std::unique_ptr<Material> OpenMaterial(const core::Registry& registry, const config::Settings& settings) {
  const core::AlgorithmSpec& spec = registry.Get(RunOf(settings).model);
  if (LearnsFromUsers(spec, settings)) {
    const sim::EnvironmentConfig& config = settings.section("environment").As<sim::EnvironmentConfig>();
    return std::make_unique<EnvironmentMaterial>(OpenEnvironment(registry, config, RunOf(settings).device), config);
  }
  return std::make_unique<DatasetMaterial>(spec, settings);
}

}  // namespace recforce::train
