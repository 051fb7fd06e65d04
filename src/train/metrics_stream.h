// SPDX-License-Identifier: Apache-2.0
// RUN/metrics.jsonl: one JSON object a line, one line an epoch. After a resumption it holds the lines that a run
// never stopped would have written (but for their "seconds").
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/core/trainer.h"

namespace recforce::train {

struct EpochRecord {
  std::string phase;
  std::int64_t epoch = 0;  // from 1
  double seconds = 0.0;
  core::Metrics metrics;
  std::optional<double> validation;  // empty when this epoch was not followed by a validation
  bool best = false;
};

// Not thread-safe.
class MetricsStream {
 public:
  // Keeps the first `keep_bytes` bytes of what is there. Error(Data) when there are fewer.
  MetricsStream(base::FileSystem& files, const std::filesystem::path& path, std::int64_t keep_bytes);
  void Append(const EpochRecord& record);
  void Sync() { file_->Sync(); }
  void Close() { file_->Close(); }
  [[nodiscard]] std::int64_t length() const { return length_; }

 private:
  std::unique_ptr<base::WritableFile> file_;
  std::int64_t length_;
};

// The epochs of a run folder, finished or not; none when nothing was written yet. A last line without its end is that
// of a run which is being written or was killed, and is left out. Values that JSON cannot hold are NaN. Error(Data)
// names the line that is no epoch.
std::vector<EpochRecord> ReadMetrics(const std::filesystem::path& run);

}  // namespace recforce::train
