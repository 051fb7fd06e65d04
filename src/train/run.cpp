// SPDX-License-Identifier: Apache-2.0
// The training loop. A checkpoint is always taken between an epoch and what follows it, so that a resumed run
// repeats exactly the calls that a run never stopped would make from there.
#include "train/run.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/folder_lock.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"
#include "recforce/eval/metrics.h"
#include "recforce/model/bundle.h"
#include "train/checkpoint.h"
#include "train/material.h"
#include "train/metrics_stream.h"
#include "train/run_config.h"
#include "train/run_info.h"

namespace recforce::train {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Error(Usage) for a metric of which more is not better.
eval::Metric ParseValidMetric(const std::string& name) {
  eval::Metric metric = eval::ParseMetric(name);
  if (!metric.measures_targets()) {
    throw base::Error(base::ErrorKind::kUsage, "train.valid_metric: says nothing of held-out items: '" + name +
                                                   "'; expected ndcg, recall, hr, precision, map or mrr with a cutoff, "
                                                   "auc or gauc");
  }
  return metric;
}

class Run {
 public:
  Run(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
      const RunOptions& options, Observer& observer)
      : files_(files),
        spec_(registry.Get(settings.section("").As<RunConfig>().model)),
        settings_(settings),
        options_(options),
        observer_(observer),
        run_config_(settings.section("").As<RunConfig>()),
        train_config_(settings.section("train").As<TrainConfig>()),
        own_material_(options.material == nullptr ? OpenMaterial(registry, settings) : nullptr),
        material_(own_material_ ? *own_material_ : *options.material),
        identity_{SettingsHash(settings), material_.fingerprint(), material_.split_fingerprint()} {
    if (!LearnsFromUsers(spec_, settings)) {
      eval_config_ = settings.section("eval").As<eval::EvalConfig>();
      // What the evaluation afterwards would refuse is refused before hours of training.
      (void)eval::ParseMetrics(eval_config_.metrics);
    }
    const std::string own_metric = OwnMetric(spec_, settings);
    if (own_metric.empty()) {
      ranking_metric_ = ParseValidMetric(train_config_.valid_metric);
    }
    metric_name_ = ranking_metric_ ? ranking_metric_->name : own_metric;
  }

  RunOutcome Execute() {
    material_.Announce(observer_, spec_.name);
    trainer_ = spec_.make_trainer(settings_.section(spec_.name), material_.View(),
                                  {static_cast<std::uint64_t>(run_config_.seed), run_config_.device});
    phases_ = trainer_->Phases();
    OpenFolder();
    try {
      for (; position_.phase < static_cast<std::int64_t>(phases_.size()); ++position_.phase) {
        RunPhase(phases_[static_cast<std::size_t>(position_.phase)]);
        if (paused_) {
          metrics_->Close();
          return {false, metrics_->lines(), saved_->seconds, position_.best};
        }
        position_.epochs_done = position_.better_epoch = position_.epochs_stale = 0;
      }
    } catch (const base::Error& error) {
      if (error.kind() == base::ErrorKind::kInterrupted) {
        throw base::Error(base::ErrorKind::kInterrupted, InterruptedText());
      }
      throw;
    }
    return Finish();
  }

 private:
  // Writes the descriptions first, so that whatever happens later the folder says what it is.
  void OpenFolder() {
    files_.MakeDirectories(options_.out);
    lock_.emplace(options_.out);
    const std::filesystem::path checkpoint_path = options_.out / kCheckpointFile;
    if (options_.resume && std::filesystem::exists(checkpoint_path)) {
      Restore(ReadCheckpoint(checkpoint_path, identity_), checkpoint_path.string());
    } else {
      files_.Remove(checkpoint_path);
    }
    const std::string yaml = settings_.ToYaml();
    base::WriteAtomically(files_, options_.out / kConfigFile, [&](base::WritableFile& file) { file.Append(yaml); });
    WriteRunInfo(files_, options_.out, Info(false));
    metrics_ = std::make_unique<MetricsStream>(files_, options_.out / kMetricsFile, position_.metrics_bytes);
    started_ = last_checkpoint_ = Clock::now();
  }

  void Restore(const Checkpoint& checkpoint, const std::string& where) {
    const Position& position = checkpoint.position;
    const auto count = static_cast<std::int64_t>(phases_.size());
    if (position.phase >= count || position.epochs_done < 1 ||
        position.epochs_done > phases_[static_cast<std::size_t>(position.phase)].epochs) {
      throw base::Error(base::ErrorKind::kData,
                        where + ": the checkpoint is of a stage that this run does not have: phase '" +
                            std::to_string(position.phase) + "' after epoch '" + std::to_string(position.epochs_done) +
                            "'; expected a phase below " + std::to_string(count) + " and one of its epochs");
    }
    trainer_->LoadState(checkpoint.state, position.phase);
    position_ = position;
    saved_ = position;
    resumed_ = true;
    observer_.OnResume(position.phase, position.epochs_done);
  }

  void RunPhase(const core::Phase& phase) {
    if (std::exchange(resumed_, false)) {
      paused_ = PauseIsDue(phase);
    } else {
      trainer_->BeginPhase(position_.phase);
    }
    observer_.OnPhase(phase, position_.phase, static_cast<std::int64_t>(phases_.size()));
    while (!paused_ && !PhaseIsOver(phase)) {
      RunEpoch(phase);
    }
    if (!paused_) {
      trainer_->EndPhase();
    }
  }

  // Never at the end of the last phase: what is left then is to write the model.
  [[nodiscard]] bool PauseIsDue(const core::Phase& phase) const {
    const bool last = position_.phase + 1 == static_cast<std::int64_t>(phases_.size());
    if (!options_.pause || !spec_.learns_by_epoch || (last && PhaseIsOver(phase))) {
      return false;
    }
    std::int64_t planned = 0;
    for (const core::Phase& each : phases_) {
      planned += each.epochs;
    }
    return options_.pause(metrics_->lines(), planned);
  }

  [[nodiscard]] bool PhaseIsOver(const core::Phase& phase) const {
    return position_.epochs_done >= phase.epochs || (phase.patience > 0 && position_.epochs_stale >= phase.patience);
  }

  void RunEpoch(const core::Phase& phase) {
    const Clock::time_point start = Clock::now();
    core::EpochContext context;
    context.phase = position_.phase;
    context.epoch = position_.epochs_done;
    context.stop = options_.stop;
    context.progress = [this](std::int64_t done, std::int64_t total) { observer_.OnStep(done, total); };
    EpochRecord record{phase.name, position_.epochs_done + 1, 0.0, trainer_->Epoch(context), std::nullopt, false};
    ++position_.epochs_done;
    Validate(phase, record);
    record.seconds = SecondsSince(start);
    metrics_->Append(record);
    position_.metrics_bytes = metrics_->length();
    core::Metrics shown = record.metrics;
    if (record.validation) {
      shown.emplace_back(metric_name_, *record.validation);
    }
    observer_.OnEpoch(phase, record.epoch, shown, record.best);
    const bool stopped = options_.stop != nullptr && options_.stop->IsSet();
    paused_ = PauseIsDue(phase);
    if (spec_.learns_by_epoch && (stopped || paused_ || PhaseIsOver(phase) ||
                                  SecondsSince(last_checkpoint_) >= train_config_.checkpoint_seconds)) {
      SaveCheckpoint();
    }
    if (stopped) {
      options_.stop->ThrowIfSet();
    }
  }

  void Validate(const core::Phase& phase, EpochRecord& record) {
    const bool is_due = position_.epochs_done % train_config_.eval_every == 0 || position_.epochs_done == phase.epochs;
    if (is_due) {
      record.validation = ranking_metric_ ? Rank() : trainer_->Validate(options_.stop);
    }
    if (!record.validation) {
      return;  // without validation the weights of the last epoch stay
    }
    const bool better = !position_.best || *record.validation > position_.best->value;
    record.best = better && !spec_.keeps_last;
    if (better || spec_.keeps_last) {
      trainer_->KeepBest();
      position_.best = BestValidation{*record.validation, phase.name, position_.epochs_done};
      position_.better_epoch = position_.epochs_done;
    }
    position_.epochs_stale = position_.epochs_done - position_.better_epoch;
  }

  [[nodiscard]] std::optional<double> Rank() const {
    if (material_.validation() == nullptr) {
      return std::nullopt;
    }
    return eval::Evaluate(trainer_->Current(), *material_.validation(), std::span(&*ranking_metric_, 1),
                          eval::OptionsOf(eval_config_), options_.stop)
        .Mean(0);
  }

  void SaveCheckpoint() {
    // The lines that the checkpoint counts must not be younger on the disk than the checkpoint itself.
    metrics_->Sync();
    Position position = position_;
    position.seconds += SecondsSince(started_);
    WriteCheckpoint(files_, options_.out / kCheckpointFile, trainer_->SaveState(), position, identity_);
    saved_ = position;
    WriteRunInfo(files_, options_.out, Info(false));
    last_checkpoint_ = Clock::now();
  }

  RunOutcome Finish() {
    metrics_->Sync();
    metrics_->Close();
    model::WriteBundle(files_, options_.out / kModelFolder, MakeBundle());
    const RunInfo info = Info(true);
    WriteRunInfo(files_, options_.out, info);
    files_.Remove(options_.out / kCheckpointFile);
    const bool chose = position_.best && !spec_.keeps_last;
    observer_.OnFinish(metric_name_, chose ? position_.best->value : std::numeric_limits<double>::quiet_NaN());
    return {true, metrics_->lines(), info.seconds, position_.best};
  }

  [[nodiscard]] model::Bundle MakeBundle() const {
    model::Bundle bundle;
    model::Manifest& manifest = bundle.manifest;
    manifest.algorithm = spec_.name;
    manifest.recforce_version = RECFORCE_VERSION;
    const config::Section& section = settings_.section(spec_.name);
    for (const config::Field& field : section.fields()) {
      manifest.config.emplace_back(field.key, section.Get(field));
    }
    material_.Fill(bundle, train_config_.store_histories);
    if (position_.best) {
      manifest.validation = {{metric_name_, position_.best->value},
                             {position_.best->phase + ".epoch", static_cast<double>(position_.best->epoch)}};
    }
    bundle.weights = trainer_->Export();
    return bundle;
  }

  [[nodiscard]] RunInfo Info(bool finished) const {
    RunInfo info;
    info.finished = finished;
    info.model = spec_.name;
    info.recforce_version = RECFORCE_VERSION;
    material_.Describe(info);
    info.threads = base::Threads();
    info.seconds = finished ? position_.seconds + SecondsSince(started_) : saved_ ? saved_->seconds : 0.0;
    info.valid_metric = metric_name_;
    info.best = position_.best;
    return info;
  }

  [[nodiscard]] std::string InterruptedText() const {
    std::string text = options_.out.string() + ": training was interrupted: ";
    if (saved_) {
      text += "the checkpoint after epoch " + std::to_string(saved_->epochs_done) + " of phase '" +
              phases_[static_cast<std::size_t>(saved_->phase)].name + "' is kept";
    } else {
      text += "no checkpoint was written yet";
    }
    return text + "; the same command with --resume " + (saved_ ? "goes on from there" : "starts afresh");
  }

  base::FileSystem& files_;
  const core::AlgorithmSpec& spec_;
  const config::Settings& settings_;
  const RunOptions& options_;
  Observer& observer_;
  const RunConfig& run_config_;
  const TrainConfig& train_config_;
  const std::unique_ptr<Material> own_material_;
  const Material& material_;
  const Identity identity_;
  eval::EvalConfig eval_config_;
  std::optional<eval::Metric> ranking_metric_;  // empty: the trainer measures itself
  std::string metric_name_;

  std::optional<base::FolderLock> lock_;
  std::unique_ptr<core::Trainer> trainer_;
  std::vector<core::Phase> phases_;
  std::unique_ptr<MetricsStream> metrics_;
  Position position_;              // seconds: of the runs before this one
  std::optional<Position> saved_;  // what the checkpoint on disk holds
  bool paused_ = false;            // between two epochs, with a checkpoint
  bool resumed_ = false;           // inside a phase that a run before this one began
  Clock::time_point started_;
  Clock::time_point last_checkpoint_;
};

// Whether the folder's run is finished already. Error(Usage) when there is a run that must not be touched.
bool CheckFolder(const core::Registry& registry, const config::Settings& settings, const RunOptions& options) {
  const std::filesystem::path config_path = options.out / kConfigFile;
  const bool described = std::filesystem::exists(options.out / kRunFile);
  if (!described && !std::filesystem::exists(config_path)) {
    return false;
  }
  if (!options.resume) {
    throw base::Error(base::ErrorKind::kUsage,
                      options.out.string() +
                          ": holds a run already. add --resume to go on with it, or choose another "
                          "--out");
  }
  const std::string& model = settings.section("").As<RunConfig>().model;
  if (!described) {
    return false;  // stopped between the writing of the two descriptions: nothing was trained yet
  }
  const RunInfo info = ReadRunInfo(options.out);
  if (info.model != model) {
    throw base::Error(base::ErrorKind::kUsage,
                      config_path.string() + ": 'model' differs from the run to be resumed: '" + model +
                          "'; expected '" + info.model + "'. use the same settings, or another --out");
  }
  config::Settings before = MakeSettings(registry.Get(model));
  before.LoadYaml(config_path.string(), OtherSections(registry, model));
  CheckSameSettings(before, settings, config_path.string());
  return info.finished;
}

}  // namespace

RunOutcome Train(base::FileSystem& files, const core::Registry& registry, const config::Settings& settings,
                 const RunOptions& options, Observer& observer) {
  if (CheckFolder(registry, settings, options)) {
    files.Remove(options.out / kCheckpointFile);
    base::LogInfo(options.out.string() + ": the run is finished already; nothing to do");
    const RunInfo info = ReadRunInfo(options.out);
    const std::string lines = base::ReadTextFile(options.out / kMetricsFile);
    return {true, std::count(lines.begin(), lines.end(), '\n'), info.seconds, info.best};
  }
  return Run(files, registry, settings, options, observer).Execute();
}

}  // namespace recforce::train
