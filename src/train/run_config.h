// SPDX-License-Identifier: Apache-2.0
// Inside the room: the names of a run folder's files, and the comparison of two runs' settings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/run.h"
#include "train/run_info.h"

namespace recforce::train {

inline constexpr std::string_view kConfigFile = "config.yaml";
inline constexpr std::string_view kMetricsFile = "metrics.jsonl";
inline constexpr std::string_view kCheckpointFile = "checkpoint.safetensors";
inline constexpr std::string_view kEvaluationFile = "evaluation.safetensors";
inline constexpr std::string_view kModelFolder = "model";

// Names of all other algorithms' sections, which a shared configuration file may hold.
std::vector<std::string> OtherSections(const core::Registry& registry, std::string_view model);

// Of every key that the weights may depend on.
std::string SettingsHash(const config::Settings& settings);

// Error(Usage) that names the first key in which a resumed run would differ. REQUIRES: the same algorithm.
void CheckSameSettings(const config::Settings& before, const config::Settings& now, const std::string& where);

}  // namespace recforce::train
