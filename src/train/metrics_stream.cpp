// SPDX-License-Identifier: Apache-2.0
// Lines of metrics.jsonl, and the cut that a resumption makes.
#include "train/metrics_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "recforce/base/error.h"

namespace recforce::train {

MetricsStream::MetricsStream(base::FileSystem& files, const std::filesystem::path& path, std::int64_t keep_bytes)
    : length_(keep_bytes) {
  std::string text = keep_bytes > 0 ? base::ReadTextFile(path) : std::string();
  if (static_cast<std::int64_t>(text.size()) < keep_bytes) {
    throw base::Error(base::ErrorKind::kData, path.string() +
                                                  ": shorter than its checkpoint says: " + std::to_string(text.size()) +
                                                  " bytes; expected at least " + std::to_string(keep_bytes));
  }
  text.resize(static_cast<std::size_t>(keep_bytes));
  lines_ = std::count(text.begin(), text.end(), '\n');
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
  ++lines_;
}

}  // namespace recforce::train
