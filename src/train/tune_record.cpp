// SPDX-License-Identifier: Apache-2.0
#include "train/tune_record.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::train {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct NamedStatus {
  TrialStatus status;
  std::string_view name;
};
constexpr std::array kStatuses = {
    NamedStatus{TrialStatus::kPlanned, "planned"},   NamedStatus{TrialStatus::kPaused, "paused"},
    NamedStatus{TrialStatus::kStopped, "stopped"},   NamedStatus{TrialStatus::kFinished, "finished"},
    NamedStatus{TrialStatus::kDiverged, "diverged"}, NamedStatus{TrialStatus::kRefused, "refused"},
};

TrialStatus ParseStatus(const std::string& name) {
  for (const NamedStatus& each : kStatuses) {
    if (each.name == name) {
      return each.status;
    }
  }
  throw std::invalid_argument("unknown status '" + name + "'");
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// What is searched and how, in the order in which a difference is reported.
Json Describe(const TuneResult& plan, const TuneIdentity& identity) {
  Json search = Json::object();
  for (const SearchedKey& key : plan.keys) {
    search[key.key] = config::SearchText(key.space);
  }
  Json rungs = Json::array();
  for (const Rung& rung : plan.rungs) {
    rungs.push_back({{"trials", rung.trials}, {"share_of_epochs", 1.0 / static_cast<double>(rung.shrink)}});
  }
  return {{"format_version", kTuneVersion},
          {"recforce_version", RECFORCE_VERSION},
          {"model", plan.model},
          {"metric", plan.metric},
          {"method", plan.halving ? "halving" : "random"},
          {"search", std::move(search)},
          {"trials", plan.rungs.front().trials},
          {"rungs", std::move(rungs)},
          {"dataset", {{"fingerprint", identity.dataset}}},
          {"split", {{"fingerprint", identity.split}}}};
}

Json Parse(const std::string& where, const std::string& text, const std::string& what) {
  try {
    Json json = Json::parse(text);
    if (!json.is_object()) {
      throw base::Error(base::ErrorKind::kData, where + ": not " + what + ": expected a JSON object");
    }
    return json;
  } catch (const Json::exception& error) {
    throw base::Error(base::ErrorKind::kData, where + ": not " + what + ": " + std::string(error.what()));
  }
}

Json ToJson(const TuneResult& result, const Trial& trial) {
  Json settings = Json::object();
  for (std::size_t at = 0; at < result.keys.size(); ++at) {
    settings[result.keys[at].key] = trial.values[at];
  }
  Json rungs = Json::array();
  for (const std::optional<double>& value : trial.rungs) {
    rungs.push_back(OrNull(value));
  }
  Json json = {{"trial", trial.number},
               {"status", NameOf(trial.status)},
               {"value", trial.best ? Json(trial.best->value) : Json(nullptr)},
               {"phase", trial.best ? Json(trial.best->phase) : Json(nullptr)},
               {"epoch", trial.best ? Json(trial.best->epoch) : Json(nullptr)},
               {"epochs", trial.epochs},
               {"seconds", trial.seconds},
               {"rungs", std::move(rungs)},
               {"settings", std::move(settings)},
               {"folder", trial.has_folder ? Json(TrialFolder(trial.number).string()) : Json(nullptr)}};
  if (!trial.error.empty()) {
    json["error"] = trial.error;
  }
  return json;
}

// REQUIRES: `trial` has its number and values. Throws Json::exception or std::invalid_argument.
void FromJson(const Json& json, const TuneResult& result, Trial& trial) {
  for (std::size_t at = 0; at < result.keys.size(); ++at) {
    const std::string& key = result.keys[at].key;
    const auto found = json.at("settings").at(key).get<std::string>();
    if (found != trial.values[at]) {
      throw std::invalid_argument("'" + key + "' of trial " + std::to_string(trial.number) + " is '" + found +
                                  "'; expected '" + trial.values[at] + "'");
    }
  }
  trial.status = ParseStatus(json.at("status").get<std::string>());
  trial.epochs = json.at("epochs").get<std::int64_t>();
  trial.seconds = json.at("seconds").get<double>();
  trial.has_folder = !json.at("folder").is_null();
  trial.error = json.value("error", "");
  for (const Json& value : json.at("rungs")) {
    trial.rungs.push_back(value.is_null() ? std::nullopt : std::optional<double>(value.get<double>()));
  }
  if (!json.at("value").is_null()) {
    trial.best = BestValidation{json.at("value").get<double>(), json.at("phase").get<std::string>(),
                                json.at("epoch").get<std::int64_t>()};
  }
}

}  // namespace

std::string_view NameOf(TrialStatus status) {
  const auto* found =
      std::find_if(kStatuses.begin(), kStatuses.end(), [&](const NamedStatus& each) { return each.status == status; });
  RECFORCE_CHECK(found != kStatuses.end(), "a trial of no status");
  return found->name;
}

fs::path TrialFolder(std::int64_t number) {
  const std::string digits = std::to_string(number);
  return fs::path(kTrialsFolder) / (std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits);
}

void WriteTuneInfo(base::FileSystem& files, const fs::path& tune, const TuneResult& plan,
                   const TuneIdentity& identity) {
  const std::string text = Describe(plan, identity).dump(2) + "\n";
  base::WriteAtomically(files, tune / kTuneFile, [&](base::WritableFile& file) { file.Append(text); });
}

void CheckSameSearch(const fs::path& tune, const TuneResult& plan, const TuneIdentity& identity) {
  const fs::path path = tune / kTuneFile;
  const Json before = Parse(path.string(), base::ReadTextFile(path), "the description of a search");
  if (const Json version = before.value("format_version", Json(0));
      !version.is_number_integer() || version.get<int>() < 1 || version.get<int>() > kTuneVersion) {
    throw base::Error(base::ErrorKind::kData, path.string() + ": the search is of an unknown version: '" +
                                                  version.dump() + "'; expected at most " +
                                                  std::to_string(kTuneVersion));
  }
  const Json now = Describe(plan, identity);
  for (const auto& [key, value] : now.items()) {
    // More trials may be asked of a random search; the first ones stay the same.
    const bool may_differ = key == "recforce_version" || (!plan.halving && (key == "trials" || key == "rungs"));
    if (!may_differ && before.value(key, Json(nullptr)) != value) {
      throw base::Error(base::ErrorKind::kUsage, path.string() + ": '" + key +
                                                     "' differs from the search to be resumed: '" + value.dump() +
                                                     "'; expected '" + before.value(key, Json(nullptr)).dump() +
                                                     "'. use the same settings, or another --out");
    }
  }
}

std::string TrialLine(const TuneResult& result, const Trial& trial) {
  return ToJson(result, trial).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void WriteTrials(base::FileSystem& files, const fs::path& tune, const TuneResult& result) {
  std::string text;
  for (const Trial& trial : result.trials) {
    if (trial.status != TrialStatus::kPlanned) {
      text += TrialLine(result, trial) + "\n";
    }
  }
  base::WriteAtomically(files, tune / kTrialsFile, [&](base::WritableFile& file) { file.Append(text); });
}

void ReadTrials(const fs::path& tune, TuneResult& result) {
  const fs::path path = tune / kTrialsFile;
  if (!fs::exists(path)) {
    return;
  }
  std::istringstream text(base::ReadTextFile(path));
  std::int64_t number = 0;
  for (std::string line; std::getline(text, line);) {
    const std::string where = path.string() + ":" + std::to_string(++number);
    const Json json = Parse(where, line, "a trial");
    try {
      const auto trial = json.at("trial").get<std::size_t>();
      if (trial > result.trials.size()) {
        throw base::Error(base::ErrorKind::kUsage, where + ": trial " + std::to_string(trial) +
                                                       " ran already; expected --trials of at least that number");
      }
      FromJson(json, result, result.trials.at(trial - 1));
    } catch (const base::Error&) {
      throw;
    } catch (const std::exception& error) {
      throw base::Error(base::ErrorKind::kData, where + ": not a trial of this search: " + std::string(error.what()));
    }
  }
}

}  // namespace recforce::train
