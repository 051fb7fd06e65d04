// SPDX-License-Identifier: Apache-2.0
// A checkpoint is the trainer's tensors plus metadata under "run.".
#include "train/checkpoint.h"

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::train {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

std::int64_t Count(const base::TensorSet& state, const std::string& key) {
  const std::string& text = state.Meta(key);
  const std::optional<std::int64_t> value = base::ParseInt(text);
  if (!value || *value < 0) {
    Fail(state.where(), "'" + key + "' is not a count: '" + text + "'; expected a whole number of at least 0");
  }
  return *value;
}

double Real(const base::TensorSet& state, const std::string& key) {
  const std::string& text = state.Meta(key);
  const std::optional<double> value = base::ParseReal(text);
  if (!value) {
    Fail(state.where(), "'" + key + "' is not a number: '" + text + "'; expected a decimal");
  }
  return *value;
}

void CheckIdentity(const base::TensorSet& state, const std::string& key, const std::string& expected,
                   const std::string& name) {
  if (const std::string& found = state.Meta(key); found != expected) {
    Fail(state.where(), "the checkpoint was made with another " + name + ": '" + found + "'; expected '" + expected +
                            "'. train into another --out, or bring the " + name + " back");
  }
}

}  // namespace

void WriteCheckpoint(base::FileSystem& files, const std::filesystem::path& path, base::TensorSet state,
                     const Position& position, const Identity& identity) {
  state.SetMeta("run.version", std::to_string(kCheckpointVersion));
  state.SetMeta("run.settings", identity.settings);
  state.SetMeta("run.dataset", identity.dataset);
  state.SetMeta("run.split", identity.split);
  state.SetMeta("run.phase", std::to_string(position.phase));
  state.SetMeta("run.epochs_done", std::to_string(position.epochs_done));
  state.SetMeta("run.better_epoch", std::to_string(position.better_epoch));
  state.SetMeta("run.epochs_stale", std::to_string(position.epochs_stale));
  state.SetMeta("run.metrics_bytes", std::to_string(position.metrics_bytes));
  state.SetMeta("run.seconds", base::FormatReal(position.seconds));
  if (position.best) {
    state.SetMeta("run.best_value", base::FormatReal(position.best->value));
    state.SetMeta("run.best_phase", position.best->phase);
    state.SetMeta("run.best_epoch", std::to_string(position.best->epoch));
  }
  base::WriteTensorFile(files, path, state);
}

Checkpoint ReadCheckpoint(const std::filesystem::path& path, const Identity& identity) {
  Checkpoint checkpoint;
  base::TensorSet& state = checkpoint.state = base::ReadTensorFile(path);
  if (const std::int64_t version = Count(state, "run.version"); version > kCheckpointVersion) {
    Fail(state.where(), "the checkpoint is of a newer version: '" + std::to_string(version) + "'; expected at most " +
                            std::to_string(kCheckpointVersion));
  }
  CheckIdentity(state, "run.dataset", identity.dataset, "dataset");
  CheckIdentity(state, "run.split", identity.split, "split");
  CheckIdentity(state, "run.settings", identity.settings, "configuration");
  Position& position = checkpoint.position;
  position.phase = Count(state, "run.phase");
  position.epochs_done = Count(state, "run.epochs_done");
  position.better_epoch = Count(state, "run.better_epoch");
  position.epochs_stale = Count(state, "run.epochs_stale");
  position.metrics_bytes = Count(state, "run.metrics_bytes");
  position.seconds = Real(state, "run.seconds");
  if (state.metadata().count("run.best_value") != 0) {
    position.best =
        BestValidation{Real(state, "run.best_value"), state.Meta("run.best_phase"), Count(state, "run.best_epoch")};
  }
  return checkpoint;
}

}  // namespace recforce::train
