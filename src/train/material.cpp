// SPDX-License-Identifier: Apache-2.0
#include "train/material.h"

#include "recforce/base/error.h"
#include "train/bundle_parts.h"

namespace recforce::train {
namespace {

const RunConfig& RunOf(const config::Settings& settings) { return settings.section("").As<RunConfig>(); }

}  // namespace

DatasetMaterial::DatasetMaterial(const core::AlgorithmSpec& spec, const config::Settings& settings)
    : data_(OpenRunData(settings)) {
  if (spec.needs == core::Needs::kDisplays && data_.split.config.kind != "displays") {
    throw base::Error(base::ErrorKind::kUsage, "split.kind: '" + spec.name + "' learns from displays: '" +
                                                   data_.split.config.kind + "'; expected displays");
  }
}

core::TrainView DatasetMaterial::View() const { return MakeTrainView(data_); }

const data::EvalSet* DatasetMaterial::validation() const {
  return data_.split.validation.rows() == 0 ? nullptr : &data_.split.validation;
}

void DatasetMaterial::Announce(Observer& observer, const std::string& model) const {
  observer.OnStart(data_.dataset, data_.split, model);
}

void DatasetMaterial::Describe(RunInfo& info) const {
  const data::Split& split = data_.split;
  info.dataset_path = data_.dataset.directory().string();
  info.dataset_fingerprint = data_.dataset.fingerprint();
  info.split_kind = split.config.kind;
  info.split_fingerprint = split.fingerprint;
  info.items = split.num_items();
  info.train_users = split.train.rows();
  info.train_interactions = split.train.nnz();
  info.validation_users = split.validation.rows();
  info.test_users = split.test.rows();
  info.cold_targets_dropped = split.cold_targets_dropped;
  info.users_without_targets = split.users_without_targets;
}

void DatasetMaterial::Fill(model::Bundle& bundle, bool with_histories) const {
  model::Manifest& manifest = bundle.manifest;
  manifest.num_items = data_.split.num_items();
  manifest.dataset_fingerprint = fingerprint();
  manifest.split_fingerprint = split_fingerprint();
  manifest.preprocessing = PreprocessingTexts(data_.dataset.preprocessing());
  manifest.preprocessing.emplace_back("mask_seen", data_.split.test.mask_input ? "yes" : "no");
  bundle.catalogue = CatalogueTensors(data_.dataset, data_.split);
  if (with_histories) {
    bundle.histories = HistoryTensors(data_.dataset, data_.split);
  }
}

core::TrainView EnvironmentMaterial::View() const {
  core::TrainView view;
  view.num_items = opened_.environment->NumItems();
  view.environment = opened_.environment.get();
  view.episodes = {config_.slate, config_.horizon};
  return view;
}

void EnvironmentMaterial::Announce(Observer& observer, const std::string& model) const {
  observer.OnEnvironment(opened_.name, View(), model);
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
  manifest.preprocessing = {{"source", opened_.name},
                            {"trained_in", fingerprint()},
                            {"trained_in_learnt", opened_.environment->learnt() ? "yes" : "no"},
                            {"slate", std::to_string(config_.slate)},
                            {"horizon", std::to_string(config_.horizon)},
                            {"mask_seen", "no"}};
  data::AddStrings(bundle.catalogue, "item_ids", opened_.item_ids);
  if (!opened_.item_titles.empty()) {
    data::AddStrings(bundle.catalogue, "item_titles", opened_.item_titles);
  }
}

std::unique_ptr<Material> OpenMaterial(const core::Registry& registry, const config::Settings& settings) {
  const core::AlgorithmSpec& spec = registry.Get(RunOf(settings).model);
  if (spec.needs == core::Needs::kEnvironment) {
    const sim::EnvironmentConfig& config = settings.section("environment").As<sim::EnvironmentConfig>();
    return std::make_unique<EnvironmentMaterial>(OpenEnvironment(registry, config, RunOf(settings).device), config);
  }
  return std::make_unique<DatasetMaterial>(spec, settings);
}

}  // namespace recforce::train
