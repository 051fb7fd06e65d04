// SPDX-License-Identifier: Apache-2.0
// The search for the best configuration of one algorithm, on the validation part alone: random search, or
// successive halving over epochs. See docs/howto/tune.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/stop_flag.h"
#include "recforce/config/settings.h"
#include "recforce/core/algorithm.h"
#include "train/run.h"
#include "train/tune_plan.h"

namespace recforce::train {

enum class TrialStatus {
  kPlanned,   // nothing ran yet
  kPaused,    // between two epochs: waiting for its rung to be decided, or cut short by the time limit
  kStopped,   // halving left it behind
  kFinished,  // ran all its epochs
  kDiverged,  // its loss became infinite or not a number
  kRefused,   // the algorithm does not allow this combination of values
};
std::string_view NameOf(TrialStatus status);

struct Trial {
  std::int64_t number = 0;          // from 1
  std::vector<std::string> values;  // in the order of the searched keys
  TrialStatus status = TrialStatus::kPlanned;
  std::vector<std::optional<double>> rungs;  // the best validation value at the end of each rung it went through
  std::optional<BestValidation> best;
  std::int64_t epochs = 0;  // run so far, over all phases
  double seconds = 0.0;     // spent training
  std::string error;        // of a trial that failed
  bool has_folder = false;  // TUNE/trials/NNN is there
};

struct TuneOptions {
  std::filesystem::path out;
  bool resume = false;
  const base::StopFlag* stop = nullptr;
  std::int64_t trials = 20;
  bool halving = false;             // else random search
  std::vector<std::string> search;  // see FindSearchedKeys
  std::int64_t keep = 0;            // how many of the best trials keep their run folder; 0: all
  double minutes = 0.0;             // after which nothing new starts and what runs is paused; 0: no limit
};

struct TuneResult {
  std::string model;
  std::string metric;
  bool halving = false;  // false too when there was nothing to halve
  std::vector<SearchedKey> keys;
  std::vector<Rung> rungs;
  std::vector<Trial> trials;         // by number
  std::vector<std::size_t> ranking;  // of those with a value, indices into `trials`, best first
  std::filesystem::path best_file;   // TUNE/best.yaml; empty when no trial has a value
  bool out_of_time = false;          // --resume goes on
};

// What happens during a search, for whoever draws progress.
class TuneObserver {
 public:
  virtual ~TuneObserver() = default;
  virtual void OnPlan(const TuneResult& /*plan*/, const Material& /*material*/) {}
  // A trial begins, or goes on in rung `rung`. Its epochs are reported to what comes back.
  virtual Observer& OnTrial(const TuneResult& result, const Trial& trial, std::size_t rung) = 0;
  virtual void OnTrialEnd(const TuneResult& /*result*/, const Trial& /*trial*/, std::size_t /*rung*/, bool /*best*/) {}
};

// Leaves TUNE/{config.yaml, tune.json, trials.jsonl, best.yaml, trials/NNN/}. A trial that diverges is recorded; any
// other error of a run ends the search, and --resume goes on after it. Error(Usage): TUNE holds a search already and
// resume is off, or the search to be resumed differs. Error(Diverged): every trial failed.
TuneResult Tune(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
                const TuneOptions& options, TuneObserver& observer);

}  // namespace recforce::train
