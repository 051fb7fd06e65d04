// SPDX-License-Identifier: Apache-2.0
// RUN/run.json as JSON.
#include "train/run_info.h"

#include <nlohmann/json.hpp>

#include "recforce/base/error.h"

namespace recforce::train {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const RunInfo& info) {
  Json json = {{"format_version", kRunVersion},
               {"status", info.finished ? "finished" : "running"},
               {"model", info.model},
               {"recforce_version", info.recforce_version}};
  if (info.environment.empty()) {
    json["dataset"] = {{"path", info.dataset_path}, {"fingerprint", info.dataset_fingerprint}};
    json["split"] = {{"kind", info.split_kind},
                     {"fingerprint", info.split_fingerprint},
                     {"items", info.items},
                     {"train_users", info.train_users},
                     {"train_interactions", info.train_interactions},
                     {"validation_users", info.validation_users},
                     {"test_users", info.test_users},
                     {"cold_targets_dropped", info.cold_targets_dropped},
                     {"users_without_targets", info.users_without_targets}};
  } else {
    json["environment"] = {
        {"source", info.environment}, {"identity", info.environment_identity}, {"items", info.items}};
  }
  json["threads"] = info.threads;
  json["seconds"] = info.seconds;
  json["best_validation"] = nullptr;
  if (info.best) {
    json["best_validation"] = {{"metric", info.valid_metric},
                               {"value", info.best->value},
                               {"phase", info.best->phase},
                               {"epoch", info.best->epoch}};
  }
  return json;
}

void ReadDataset(const Json& json, RunInfo& info) {
  const Json& dataset = json.at("dataset");
  info.dataset_path = dataset.at("path").get<std::string>();
  info.dataset_fingerprint = dataset.at("fingerprint").get<std::string>();
  const Json& split = json.at("split");
  info.split_kind = split.at("kind").get<std::string>();
  info.split_fingerprint = split.at("fingerprint").get<std::string>();
  info.items = split.at("items").get<std::int64_t>();
  info.train_users = split.at("train_users").get<std::int64_t>();
  info.train_interactions = split.at("train_interactions").get<std::int64_t>();
  info.validation_users = split.at("validation_users").get<std::int64_t>();
  info.test_users = split.at("test_users").get<std::int64_t>();
  info.cold_targets_dropped = split.at("cold_targets_dropped").get<std::int64_t>();
  info.users_without_targets = split.at("users_without_targets").get<std::int64_t>();
}

RunInfo FromJson(const Json& json) {
  RunInfo info;
  info.finished = json.at("status") == "finished";
  info.model = json.at("model").get<std::string>();
  info.recforce_version = json.at("recforce_version").get<std::string>();
  if (json.contains("environment")) {
    const Json& environment = json.at("environment");
    info.environment = environment.at("source").get<std::string>();
    info.environment_identity = environment.at("identity").get<std::string>();
    info.items = environment.at("items").get<std::int64_t>();
  } else {
    ReadDataset(json, info);
  }
  info.threads = json.at("threads").get<std::int64_t>();
  info.seconds = json.at("seconds").get<double>();
  const Json& best = json.at("best_validation");
  if (!best.is_null()) {
    info.valid_metric = best.at("metric").get<std::string>();
    info.best = BestValidation{best.at("value").get<double>(), best.at("phase").get<std::string>(),
                               best.at("epoch").get<std::int64_t>()};
  }
  return info;
}

}  // namespace

void WriteRunInfo(base::FileSystem& files, const std::filesystem::path& run, const RunInfo& info) {
  // A path or an id that is not UTF-8 must not stop a run, so such bytes are replaced.
  const std::string text = ToJson(info).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  base::WriteAtomically(files, run / kRunFile, [&](base::WritableFile& file) { file.Append(text); });
}

RunInfo ReadRunInfo(const std::filesystem::path& run) {
  const std::filesystem::path path = run / kRunFile;
  if (!std::filesystem::exists(path)) {
    throw base::Error(base::ErrorKind::kNotFound, run.string() + ": no run: '" + std::string(kRunFile) +
                                                      "' is missing; expected a folder that "
                                                      "`recforce train --out` wrote");
  }
  const std::string text = base::ReadTextFile(path);
  try {
    const Json json = Json::parse(text);
    if (const int version = json.at("format_version").get<int>(); version > kRunVersion) {
      throw base::Error(base::ErrorKind::kData, path.string() + ": the run is of a newer version: '" +
                                                    std::to_string(version) + "'; expected at most " +
                                                    std::to_string(kRunVersion));
    }
    return FromJson(json);
  } catch (const Json::exception& error) {
    throw base::Error(base::ErrorKind::kData,
                      path.string() + ": not the description of a run: " + std::string(error.what()));
  }
}

}  // namespace recforce::train
