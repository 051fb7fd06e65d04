// SPDX-License-Identifier: Apache-2.0
// RUN/checkpoint.safetensors: a trainer's state and how far the run had come, between two epochs of a phase.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "recforce/base/file_system.h"
#include "recforce/base/tensor_file.h"
#include "train/run_info.h"

namespace recforce::train {

inline constexpr int kCheckpointVersion = 1;

// How far a run has come.
struct Position {
  std::int64_t phase = 0;
  std::int64_t epochs_done = 0;   // of this phase
  std::int64_t better_epoch = 0;  // the last epoch of this phase, from 1, that was the best so far; 0: none yet
  std::int64_t epochs_stale = 0;  // epochs of this phase since then, as of the last validation
  std::optional<BestValidation> best;
  std::int64_t metrics_bytes = 0;  // of metrics.jsonl that belong to this position
  double seconds = 0.0;            // spent so far
};

// What a checkpoint depends on; a state is of no use under any other.
struct Identity {
  std::string settings;  // SettingsHash
  std::string dataset;   // fingerprints
  std::string split;
};

void WriteCheckpoint(base::FileSystem& files, const std::filesystem::path& path, base::TensorSet state,
                     const Position& position, const Identity& identity);

struct Checkpoint {
  Position position;
  base::TensorSet state;
};
// Error(Data): truncated, corrupt, of a newer version, or of another identity.
Checkpoint ReadCheckpoint(const std::filesystem::path& path, const Identity& identity);

}  // namespace recforce::train
