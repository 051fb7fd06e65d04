// SPDX-License-Identifier: Apache-2.0
// RUN/run.json: what became of a run. Written when it starts and again when it is finished.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "recforce/base/file_system.h"

namespace recforce::train {

inline constexpr int kRunVersion = 1;
inline constexpr std::string_view kRunFile = "run.json";

// The best validation value of a run and the epoch that reached it, counted from 1 inside its phase.
struct BestValidation {
  double value = 0.0;
  std::string phase;
  std::int64_t epoch = 0;
};

struct RunInfo {
  bool finished = false;
  std::string model;
  std::string recforce_version;
  std::string dataset_path;
  std::string dataset_fingerprint;
  std::string environment;           // where it learnt in place of a dataset: "world:tabular" or a run; "" otherwise
  std::string environment_identity;  // core::Environment::identity()
  std::string split_kind;
  std::string split_fingerprint;
  std::int64_t items = 0;
  std::int64_t train_users = 0;
  std::int64_t train_interactions = 0;
  std::int64_t validation_users = 0;
  std::int64_t test_users = 0;
  std::int64_t cold_targets_dropped = 0;
  std::int64_t users_without_targets = 0;
  std::int64_t threads = 0;
  double seconds = 0.0;  // spent training, over all resumptions
  std::string valid_metric;
  std::optional<BestValidation> best;
};

void WriteRunInfo(base::FileSystem& files, const std::filesystem::path& run, const RunInfo& info);

// Error(NotFound): no run there; Error(Data): not a run.json, or one of a newer version.
RunInfo ReadRunInfo(const std::filesystem::path& run);

}  // namespace recforce::train
