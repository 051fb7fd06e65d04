// SPDX-License-Identifier: Apache-2.0
// Lines of metrics.jsonl, and the cut that a resumption makes.
#include "train/metrics_stream.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "recforce/base/error.h"
#include "train/run_config.h"

namespace recforce::train {
namespace {

EpochRecord ParseRecord(const std::string& line) {
  const auto json = nlohmann::ordered_json::parse(line);
  const auto number = [](const nlohmann::ordered_json& value) {
    return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
  };
  EpochRecord record;
  record.phase = json.at("phase").get<std::string>();
  record.epoch = json.at("epoch").get<std::int64_t>();
  record.seconds = number(json.at("seconds"));
  for (const auto& [name, value] : json.at("metrics").items()) {
    record.metrics.emplace_back(name, number(value));
  }
  if (const auto& validation = json.at("validation"); !validation.is_null()) {
    record.validation = validation.get<double>();
  }
  record.best = json.at("best").get<bool>();
  return record;
}

}  // namespace

MetricsStream::MetricsStream(base::FileSystem& files, const std::filesystem::path& path, std::int64_t keep_bytes)
    : length_(keep_bytes) {
  std::string text = keep_bytes > 0 ? base::ReadTextFile(path) : std::string();
  if (static_cast<std::int64_t>(text.size()) < keep_bytes) {
    throw base::Error(base::ErrorKind::kData, path.string() +
                                                  ": shorter than its checkpoint says: " + std::to_string(text.size()) +
                                                  " bytes; expected at least " + std::to_string(keep_bytes));
  }
  text.resize(static_cast<std::size_t>(keep_bytes));
  base::WriteAtomically(files, path, [&](base::WritableFile& file) { file.Append(text); });
  file_ = files.OpenAppend(path);
}

void MetricsStream::Append(const EpochRecord& record) {
  nlohmann::ordered_json metrics = nlohmann::ordered_json::object();
  for (const auto& [name, value] : record.metrics) {
    metrics[name] = value;
  }
  nlohmann::ordered_json json = {{"phase", record.phase},         {"epoch", record.epoch}, {"seconds", record.seconds},
                                 {"metrics", std::move(metrics)}, {"validation", nullptr}, {"best", record.best}};
  if (record.validation) {
    json["validation"] = *record.validation;
  }
  const std::string line = json.dump() + "\n";
  file_->Append(line);
  length_ += static_cast<std::int64_t>(line.size());
}

std::vector<EpochRecord> ReadMetrics(const std::filesystem::path& run) {
  const std::filesystem::path path = run / kMetricsFile;
  std::vector<EpochRecord> records;
  if (!std::filesystem::exists(path)) {
    return records;
  }
  const std::string text = base::ReadTextFile(path);
  for (std::size_t begin = 0, end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    try {
      records.push_back(ParseRecord(text.substr(begin, end - begin)));
    } catch (const nlohmann::ordered_json::exception& error) {
      throw base::Error(base::ErrorKind::kData, path.string() + ":" + std::to_string(records.size() + 1) +
                                                    ": not an epoch of a run: " + std::string(error.what()));
    }
  }
  return records;
}

}  // namespace recforce::train
