// SPDX-License-Identifier: Apache-2.0
// The search. Every state that matters is on the disk before the next step begins: a trial is a run folder with its
// checkpoint, a decision is a line of trials.jsonl. Going on means doing the whole search again and passing over
// what is recorded.
#include "train/tune.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "recforce/base/error.h"
#include "recforce/base/folder_lock.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "train/material.h"
#include "train/run_config.h"
#include "train/run_folder.h"
#include "train/tune_record.h"

namespace recforce::train {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Removes a folder with all it holds.
void RemoveTree(base::FileSystem& files, const fs::path& folder) {
  if (!fs::exists(folder)) {
    return;
  }
  std::vector<fs::path> paths = {folder};
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::for_each(paths.rbegin(), paths.rend(), [&](const fs::path& path) { files.Remove(path); });
}

std::int64_t PlannedEpochs(const core::AlgorithmSpec& spec, const config::Settings& settings,
                           const Material& material) {
  const RunConfig& run = settings.section("").As<RunConfig>();
  const auto trainer = spec.make_trainer(settings.section(spec.name), material.View(),
                                         {static_cast<std::uint64_t>(run.seed), run.device});
  std::int64_t planned = 0;
  for (const core::Phase& phase : trainer->Phases()) {
    planned += phase.epochs;
  }
  return planned;
}

class Search {
 public:
  Search(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
         const TuneOptions& options, TuneObserver& observer)
      : files_(files),
        registry_(registry),
        spec_(registry.Get(settings.section("").As<RunConfig>().model)),
        settings_(settings),
        options_(options),
        observer_(observer),
        material_(OpenMaterial(registry, settings)),
        deadline_(options.minutes > 0.0
                      ? Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double, std::ratio<60>>(options.minutes))
                      : Clock::time_point::max()) {}

  TuneResult Execute() {
    if (OwnMetric(spec_, settings_).empty() && material_->validation() == nullptr) {
      throw base::Error(
          base::ErrorKind::kUsage,
          "recforce tune: the split has no validation users; the search selects on them alone. change the "
          "settings of the section 'split'");
    }
    if (!LearnsFromUsers(spec_, settings_)) {
      (void)eval::ParseMetrics(settings_.section("eval").As<eval::EvalConfig>().metrics);
    }
    MakePlan();
    files_.MakeDirectories(options_.out);
    const base::FolderLock lock(options_.out);
    OpenFolder();
    observer_.OnPlan(result_, *material_);
    for (std::size_t rung = 0; rung < result_.rungs.size() && !result_.out_of_time; ++rung) {
      RunRung(rung);
    }
    Record();
    if (result_.ranking.empty() && !result_.out_of_time) {
      throw base::Error(base::ErrorKind::kDiverged,
                        options_.out.string() + ": no trial reached a validation value; the first one says: " +
                            (result_.trials.front().error.empty() ? "nothing" : result_.trials.front().error));
    }
    return std::move(result_);
  }

 private:
  void MakePlan() {
    result_.model = spec_.name;
    const std::string own_metric = OwnMetric(spec_, settings_);
    result_.metric = own_metric.empty()
                         ? eval::ParseMetric(settings_.section("train").As<TrainConfig>().valid_metric).name
                         : own_metric;
    result_.keys = FindSearchedKeys(settings_, spec_.name, options_.search);
    const auto seed = static_cast<std::uint64_t>(settings_.section("").As<RunConfig>().seed);
    for (std::vector<std::string>& values : DrawTrials(settings_, result_.keys, seed, options_.trials)) {
      Trial& trial = result_.trials.emplace_back();
      trial.number = static_cast<std::int64_t>(result_.trials.size());
      trial.values = std::move(values);
    }
    const auto count = static_cast<std::int64_t>(result_.trials.size());
    if (count < options_.trials) {
      base::LogWarn("the search space has " + std::to_string(count) + " different configurations; no more are tried");
    }
    result_.rungs = {{count, 1}};
    if (options_.halving) {
      PlanHalving(count);
    }
  }

  void PlanHalving(std::int64_t count) {
    if (!spec_.learns_by_epoch) {
      base::LogWarn("'" + spec_.name + "' learns in one step, which halving cannot cut short: random search is used");
      return;
    }
    const std::int64_t planned = PlannedEpochs(spec_, settings_, *material_);
    result_.rungs = HalvingRungs(count, planned);
    result_.halving = result_.rungs.size() > 1;
    if (!result_.halving) {
      base::LogWarn(std::to_string(count) + " trials of " + std::to_string(planned) +
                    " epochs leave nothing to halve (at least " + std::to_string(kHalvingFactor) +
                    " of each are needed): random search is used");
    }
  }

  void OpenFolder() {
    const fs::path config = options_.out / kConfigFile;
    const TuneIdentity identity{material_->fingerprint(), material_->split_fingerprint()};
    if (fs::exists(options_.out / kTuneFile)) {
      if (!options_.resume) {
        throw base::Error(base::ErrorKind::kUsage,
                          options_.out.string() +
                              ": holds a search already. add --resume to go on with it, or choose "
                              "another --out");
      }
      CheckSameSearch(options_.out, result_, identity);
      config::Settings before = MakeSettings(spec_);
      before.LoadYaml(config.string(), OtherSections(registry_, spec_.name));
      CheckSameSettings(before, settings_, config.string());
      ReadTrials(options_.out, result_);
    } else if (fs::exists(options_.out / kRunFile)) {
      throw base::Error(base::ErrorKind::kUsage,
                        options_.out.string() + ": holds a run, not a search; choose another --out");
    }
    files_.MakeDirectories(options_.out / kTrialsFolder);
    const std::string yaml = settings_.ToYaml();
    base::WriteAtomically(files_, config, [&](base::WritableFile& file) { file.Append(yaml); });
    WriteTuneInfo(files_, options_.out, result_, identity);
  }

  void RunRung(std::size_t rung) {
    for (Trial& trial : result_.trials) {
      const bool takes_part = trial.status == TrialStatus::kPlanned || trial.status == TrialStatus::kPaused ||
                              trial.status == TrialStatus::kFinished;
      if (!takes_part || trial.rungs.size() != rung) {
        continue;
      }
      if (trial.status == TrialStatus::kFinished) {  // before its epochs were up, for want of a better value
        trial.rungs.push_back(Value(trial));
        continue;
      }
      if (Clock::now() >= deadline_) {
        result_.out_of_time = true;
        return;
      }
      RunTrial(trial, rung);
      if (result_.out_of_time) {
        return;
      }
    }
    if (rung + 1 < result_.rungs.size()) {
      Promote(rung);
    }
  }

  static std::optional<double> Value(const Trial& trial) {
    return trial.best ? std::optional<double>(trial.best->value) : std::nullopt;
  }

  // Those who do not go on after `rung` are stopped.
  void Promote(std::size_t rung) {
    std::vector<std::size_t> order;
    for (std::size_t at = 0; at < result_.trials.size(); ++at) {
      const Trial& trial = result_.trials[at];
      if (trial.rungs.size() > rung && trial.status != TrialStatus::kDiverged) {
        order.push_back(at);
      }
    }
    // By the value of this rung: later rungs of a search that is gone on with must not change what was decided.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      constexpr double kNone = -std::numeric_limits<double>::infinity();
      return result_.trials[a].rungs[rung].value_or(kNone) > result_.trials[b].rungs[rung].value_or(kNone);
    });
    const auto promoted = static_cast<std::size_t>(result_.rungs[rung + 1].trials);
    for (std::size_t place = promoted; place < order.size(); ++place) {
      Trial& trial = result_.trials[order[place]];
      if (trial.status == TrialStatus::kPaused) {
        trial.status = TrialStatus::kStopped;
      }
    }
    Record();
  }

  void RunTrial(Trial& trial, std::size_t rung) {
    Observer& observer = observer_.OnTrial(result_, trial, rung);
    const config::Settings settings = SettingsOf(trial);
    const std::int64_t eval_every = settings_.section("train").As<TrainConfig>().eval_every;
    RunOptions run;
    run.out = options_.out / TrialFolder(trial.number);
    run.resume = true;
    run.stop = options_.stop;
    run.material = material_.get();
    run.pause = [&](std::int64_t done, std::int64_t planned) {
      result_.out_of_time = Clock::now() >= deadline_;
      return result_.out_of_time || done >= RungEpochs(result_.rungs[rung], planned, eval_every);
    };
    try {
      const RunOutcome outcome = Train(files_, registry_, settings, run, observer);
      trial.status = outcome.finished ? TrialStatus::kFinished : TrialStatus::kPaused;
      trial.best = outcome.best;
      trial.epochs = outcome.epochs;
      trial.seconds = outcome.seconds;
      result_.out_of_time = result_.out_of_time && !outcome.finished;
      if (!result_.out_of_time) {
        trial.rungs.push_back(Value(trial));
      }
    } catch (const base::Error& error) {
      RecordFailure(trial, error);
    }
    trial.has_folder = fs::exists(run.out);
    Record();
    const bool best = !result_.ranking.empty() && &result_.trials[result_.ranking.front()] == &trial;
    observer_.OnTrialEnd(result_, trial, rung, best);
  }

  // Called while `error` is being handled. Goes on only where another trial may fare better.
  void RecordFailure(Trial& trial, const base::Error& error) {
    if (error.kind() == base::ErrorKind::kInterrupted) {
      throw base::Error(base::ErrorKind::kInterrupted,
                        options_.out.string() + ": the search was interrupted in trial " +
                            std::to_string(trial.number) + " of " + std::to_string(result_.trials.size()) +
                            "; the same command with --resume goes on from there");
    }
    const bool refused = error.kind() == base::ErrorKind::kUsage && trial.number > 1;
    if (error.kind() != base::ErrorKind::kDiverged && !refused) {
      throw;
    }
    trial.status = refused ? TrialStatus::kRefused : TrialStatus::kDiverged;
    trial.best.reset();
    trial.error = error.what();
  }

  [[nodiscard]] config::Settings SettingsOf(const Trial& trial) const {
    config::Settings settings = settings_.Clone();
    for (std::size_t at = 0; at < result_.keys.size(); ++at) {
      settings.Set(result_.keys[at].key, trial.values[at], "trial " + std::to_string(trial.number));
    }
    return settings;
  }

  void Rank() {
    result_.ranking.clear();
    for (std::size_t at = 0; at < result_.trials.size(); ++at) {
      if (result_.trials[at].best) {
        result_.ranking.push_back(at);
      }
    }
    std::stable_sort(result_.ranking.begin(), result_.ranking.end(), [&](std::size_t a, std::size_t b) {
      return result_.trials[a].best->value > result_.trials[b].best->value;
    });
  }

  // Brings the disk to the state of `result_`: first what is decided, then the folders that it gives up.
  void Record() {
    Rank();
    std::vector<fs::path> unwanted;
    for (std::size_t at = 0; options_.keep > 0 && at < result_.trials.size(); ++at) {
      Trial& trial = result_.trials[at];
      const auto kept = result_.ranking.begin() +
                        std::min<std::ptrdiff_t>(options_.keep, static_cast<std::ptrdiff_t>(result_.ranking.size()));
      const bool over = trial.status != TrialStatus::kPlanned && trial.status != TrialStatus::kPaused;
      if (over && std::find(result_.ranking.begin(), kept, at) == kept) {
        trial.has_folder = false;
        unwanted.push_back(options_.out / TrialFolder(trial.number));
      }
    }
    WriteTrials(files_, options_.out, result_);
    WriteBest();
    for (const fs::path& folder : unwanted) {
      RemoveTree(files_, folder);
    }
  }

  void WriteBest() {
    if (result_.ranking.empty()) {
      return;
    }
    const Trial& best = result_.trials[result_.ranking.front()];
    result_.best_file = options_.out / kBestFile;
    const std::string text = "# Trial " + std::to_string(best.number) + " of a search: " + result_.metric + " " +
                             base::FormatFixed(best.best->value, 4) + " on the validation users.\n" +
                             SettingsOf(best).ToYaml();
    base::WriteAtomically(files_, result_.best_file, [&](base::WritableFile& file) { file.Append(text); });
  }

  base::FileSystem& files_;
  const core::Registry& registry_;
  const core::AlgorithmSpec& spec_;
  const config::Settings& settings_;
  const TuneOptions& options_;
  TuneObserver& observer_;
  const std::unique_ptr<Material> material_;
  const Clock::time_point deadline_;
  TuneResult result_;
};

}  // namespace

TuneResult Tune(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
                const TuneOptions& options, TuneObserver& observer) {
  return Search(files, registry, settings, options, observer).Execute();
}

}  // namespace recforce::train
