// SPDX-License-Identifier: Apache-2.0
// A training run from dataset to finished run folder: epochs, validation, best weights, early stopping,
// checkpoints, exact resume. Knows algorithms only as core::Trainer. See docs/formats/run_folder.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/config/settings.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "train/run_info.h"

namespace recforce::train {

// Top-level keys of a run's configuration.
struct RunConfig {
  std::string model;
  std::string data;
  std::int64_t seed = 1;
  std::string device = "cpu";
  std::int64_t threads = 0;  // 0: every core this process may use
};
const config::FieldTable& RunFields();

struct TrainConfig {
  std::string valid_metric = "ndcg@100";  // selects the best weights; higher is better
  std::int64_t eval_every = 1;            // epochs between validations; the last of a phase always is
  double checkpoint_seconds = 20.0;       // least time between two checkpoints; 0: after every epoch
  bool store_histories = true;            // keep users' histories in the bundle, to recommend without the dataset
};
const config::FieldTable& TrainFields();

// All sections of a run of `spec` at their defaults: "", split, train, eval and the algorithm's own, or "",
// environment, train and the algorithm's own where it learns in an environment.
config::Settings MakeSettings(const core::AlgorithmSpec& spec);

// Whether it has a section `environment`, and whether it learns from the users named there and not from a dataset.
bool MayLearnFromUsers(const core::AlgorithmSpec& spec);
bool LearnsFromUsers(const core::AlgorithmSpec& spec, const config::Settings& settings);
// AlgorithmSpec::own_metric, or "" where what is learnt from is ranked.
std::string OwnMetric(const core::AlgorithmSpec& spec, const config::Settings& settings);

// What happens during a run, for whoever draws progress. Called from the training thread.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void OnStart(const data::Dataset&, const data::Split&, const std::string& /*model*/) {}
  // In place of OnStart, where no dataset is learnt from. `name`: "world:tabular", or a folder.
  virtual void OnEnvironment(const std::string& /*name*/, const core::TrainView&, const std::string& /*model*/) {}
  virtual void OnResume(std::int64_t /*phase*/, std::int64_t /*epoch*/) {}
  virtual void OnPhase(const core::Phase&, std::int64_t /*index*/, std::int64_t /*count*/) {}
  virtual void OnStep(std::int64_t /*done*/, std::int64_t /*total*/) {}
  // `is_best`: the validation value is the best so far.
  virtual void OnEpoch(const core::Phase&, std::int64_t /*epoch*/, const core::Metrics&, bool /*is_best*/) {}
  // `best`: NaN when nothing was validated.
  virtual void OnFinish(const std::string& /*metric*/, double /*best*/) {}
};

class Material;  // train/material.h

struct RunOptions {
  std::filesystem::path out;
  bool resume = false;
  const base::StopFlag* stop = nullptr;
  const Material* material = nullptr;  // what OpenMaterial gives for the settings; null: the run opens it
  // Asked between two epochs, with those done and those planned over all phases; true leaves the run there with a
  // checkpoint, from which one with `resume` goes on. Algorithms in closed form are not asked.
  std::function<bool(std::int64_t done, std::int64_t planned)> pause = {};
};

struct RunOutcome {
  bool finished = false;    // false: paused
  std::int64_t epochs = 0;  // over all phases and starts
  double seconds = 0.0;     // spent training, over all starts
  std::optional<BestValidation> best;
};

// Trains and leaves RUN/{config.yaml, run.json, metrics.jsonl, checkpoint.safetensors, model/}. The checkpoint
// goes when the run is finished. Error(Usage): RUN holds a run already and resume is off, or the settings of the
// run to be resumed differ. With resume and no run there, starts afresh; with a finished run there, returns.
RunOutcome Train(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
                 const RunOptions& options, Observer& observer);

}  // namespace recforce::train
