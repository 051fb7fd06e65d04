// SPDX-License-Identifier: Apache-2.0
// The run loop around a trainer that learns nothing, but whose every call leaves a mark in its weights: a call
// that is missing, repeated or out of order after a resumption changes the exported bytes.
#include "train/run.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"
#include "support/unsynced_file_system.h"
#include "train/checkpoint.h"
#include "train/run_config.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

namespace fs = std::filesystem;

// Catalogue indices of the two items that everybody ends with, see MakeLog.
constexpr std::int64_t kValidationItem = 7;
constexpr std::int64_t kNumItems = 9;

struct FakeConfig {
  std::int64_t first_epochs = 3;
  std::int64_t second_epochs = 3;
  std::int64_t patience = 0;
  std::vector<std::int64_t> ranks = {7};  // how many items stand before the validation item, after each epoch
};

const config::FieldTable& FakeFields() {
  static const config::FieldTable table = config::Fields<FakeConfig>()
                                              .Int("first_epochs", &FakeConfig::first_epochs, 0, 100, "Epochs.")
                                              .Int("second_epochs", &FakeConfig::second_epochs, 0, 100, "Epochs.")
                                              .Int("patience", &FakeConfig::patience, 0, 100, "Epochs.")
                                              .IntList("ranks", &FakeConfig::ranks, 0, 100, "Quality by epoch.")
                                              .Take();
  return table;
}

class FakeRecommender final : public core::Recommender {
 public:
  explicit FakeRecommender(std::int64_t rank) : rank_(rank) {}
  [[nodiscard]] std::int64_t NumItems() const override { return kNumItems; }
  // Items by index, but for the validation item, which stands before the item of index `rank`.
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < kNumItems; ++item) {
        out.row(row)[item] = item == kValidationItem ? 0.5F - static_cast<float>(rank_) : -static_cast<float>(item);
      }
    }
  }

 private:
  std::int64_t rank_;
};

class FakeTrainer final : public core::Trainer {
 public:
  FakeTrainer(const FakeConfig& config, std::uint64_t seed) : config_(config), seed_(seed) {}

  [[nodiscard]] std::vector<core::Phase> Phases() const override {
    return {{"first", config_.first_epochs, config_.patience}, {"second", config_.second_epochs, config_.patience}};
  }
  void BeginPhase(std::int64_t phase) override { weights_.trace = weights_.trace * 3.0 + static_cast<double>(phase); }
  core::Metrics Epoch(const core::EpochContext& context) override {
    for (std::int64_t step = 0; step < 2; ++step) {
      context.progress(step, 2);
      context.stop->ThrowIfSet();
      base::Rng rng(seed_, base::Stream::kTest, static_cast<std::uint64_t>(context.phase * 1000 + context.epoch));
      weights_.trace = std::sin(weights_.trace) + rng.Normal();
    }
    weights_.epochs = ++epochs_;
    recommender_ = FakeRecommender(config_.ranks[(epochs_ - 1) % config_.ranks.size()]);
    return {{"loss", weights_.trace}};
  }
  [[nodiscard]] const core::Recommender& Current() const override { return recommender_; }
  void KeepBest() override { best_ = weights_; }
  void EndPhase() override {
    weights_ = best_;
    weights_.trace += 0.125;
  }
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    set.AddOwned("trace", std::vector<double>{weights_.trace});
    set.AddOwned("epochs", std::vector<std::int64_t>{weights_.epochs});
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set;
    set.AddOwned("trace", std::vector<double>{weights_.trace, best_.trace});
    set.AddOwned("epochs", std::vector<std::int64_t>{weights_.epochs, best_.epochs, epochs_});
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    const auto trace = state.Get("trace").As<double>();
    const auto epochs = state.Get("epochs").As<std::int64_t>();
    weights_ = {trace[0], epochs[0]};
    best_ = {trace[1], epochs[1]};
    epochs_ = epochs[2];
  }

 private:
  struct Weights {
    double trace = 1.0;
    std::int64_t epochs = 0;
  };
  FakeConfig config_;
  std::uint64_t seed_;
  Weights weights_;
  Weights best_;
  std::int64_t epochs_ = 0;
  FakeRecommender recommender_{0};
};

core::AlgorithmSpec FakeSpec(const std::string& name, bool learns_by_epoch) {
  core::AlgorithmSpec spec;
  spec.name = name;
  spec.learns_by_epoch = learns_by_epoch;
  spec.make_config = [name] { return config::Section::Make<FakeConfig>(name, FakeFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView&, const core::TrainerContext& context) {
    return std::make_unique<FakeTrainer>(section.As<FakeConfig>(), context.seed);
  };
  spec.load = [](const config::Section&, const base::TensorSet&, std::int64_t, const std::string&) {
    return std::make_unique<FakeRecommender>(0);
  };
  return spec;
}

core::Registry FakeRegistry() {
  core::Registry registry;
  registry.Add(FakeSpec("fake", true));
  registry.Add(FakeSpec("closed", false));
  core::AlgorithmSpec leaving = FakeSpec("leaving", true);
  leaving.keeps_last = true;
  registry.Add(std::move(leaving));
  return registry;
}

// Users 0 to 6 did u, (u + 1) mod 7, "v", "w"; user 7 did "v", "w", 0, 1. Left out: last for test, the one before
// for validation. Training sees all nine items, "v" as catalogue index 7.
void MakeLog(const fs::path& directory, std::int64_t first_time = 0) {
  data::Columns log;
  log.item_ids = {"i0", "i1", "i2", "i3", "i4", "i5", "i6", "v", "w"};
  for (std::int32_t user = 0; user < 8; ++user) {
    log.user_ids.push_back("u" + std::to_string(user));
    const std::vector<std::int32_t> items =
        user < 7 ? std::vector<std::int32_t>{user, (user + 1) % 7, 7, 8} : std::vector<std::int32_t>{7, 8, 0, 1};
    for (std::size_t place = 0; place < items.size(); ++place) {
      log.user.push_back(user);
      log.item.push_back(items[place]);
      log.time.push_back(first_time + static_cast<std::int64_t>(place));
    }
  }
  data::WriteDataset(test::UnsyncedDisk(), directory, log, {.source = "log.csv", .format = "csv"});
}

// What a run leaves that must not depend on where it was interrupted.
struct Outcome {
  std::string weights;
  std::string manifest;
  std::string metrics;  // without the seconds
  bool operator==(const Outcome&) const = default;
};

class RunTest : public ::testing::Test {
 protected:
  void SetUp() override { MakeLog(dir_ / "data"); }

  [[nodiscard]] config::Settings Settings(const std::vector<std::string>& pairs = {},
                                          const std::string& model = "fake") const {
    config::Settings settings = MakeSettings(registry_.Get(model));
    settings.Set("data", (dir_ / "data").string(), "test");
    settings.Set("split.kind", "leave_last_out", "test");
    settings.Set("train.valid_metric", "mrr@10", "test");
    settings.Set("train.checkpoint_seconds", "0", "test");
    settings.Set("eval.metrics", "[mrr@10, hr@1]", "test");
    for (const std::string& pair : pairs) {
      const std::size_t equals = pair.find('=');
      settings.Set(pair.substr(0, equals), pair.substr(equals + 1), "--set");
    }
    return settings;
  }

  void Run(const std::string& out, const config::Settings& settings, bool resume = false,
           base::FileSystem& files = test::UnsyncedDisk()) {
    Observer observer;
    Run(out, settings, resume, files, observer);
  }
  void Run(const std::string& out, const config::Settings& settings, bool resume, base::FileSystem& files,
           Observer& observer) {
    Train(files, registry_, settings, {dir_ / out, resume, &stop_}, observer);
  }

  // The message of the Error of that kind, or what happened instead.
  template <class Action>
  static std::string ErrorOf(base::ErrorKind kind, const Action& action) {
    try {
      action();
    } catch (const base::Error& error) {
      return (error.kind() == kind ? "" : "another kind: ") + std::string(error.what());
    }
    return "no error";
  }

  [[nodiscard]] std::vector<nlohmann::json> Lines(const std::string& out) const {
    std::istringstream text(base::ReadTextFile(dir_ / out / "metrics.jsonl"));
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(text, line);) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  [[nodiscard]] Outcome OutcomeOf(const std::string& out) const {
    Outcome outcome;
    outcome.weights = base::ReadTextFile(dir_ / out / "model" / "model.safetensors");
    outcome.manifest = base::ReadTextFile(dir_ / out / "model" / "manifest.json");
    for (nlohmann::json& line : Lines(out)) {
      line.erase("seconds");
      outcome.metrics += line.dump() + "\n";
    }
    return outcome;
  }

  [[nodiscard]] std::int64_t ExportedEpochs(const std::string& out) const {
    return model::ReadBundle(dir_ / out / "model").weights.Get("epochs").As<std::int64_t>()[0];
  }

  test::TempDir dir_;
  core::Registry registry_ = FakeRegistry();
  base::StopFlag stop_;
};

TEST_F(RunTest, TheBestEpochIsExported) {
  // mrr falls as the rank of the validation item grows: epoch 3 of 4 is the best, at rank 0.
  Run("run", Settings({"ranks=[7, 3, 0, 3]", "first_epochs=4", "second_epochs=0"}));
  const RunInfo info = ReadRunInfo(dir_ / "run");
  EXPECT_TRUE(info.finished);
  ASSERT_TRUE(info.best);
  EXPECT_EQ(info.best->phase, "first");
  EXPECT_EQ(info.best->epoch, 3);
  // Users 0 to 6 find "v" first; user 7, who has seen "v" and "w", finds item 0 first: every reciprocal rank is 1.
  EXPECT_EQ(info.best->value, 1.0);
  EXPECT_EQ(ExportedEpochs("run"), 3);
  std::vector<bool> best;
  for (const nlohmann::json& line : Lines("run")) {
    best.push_back(line.at("best"));
  }
  EXPECT_EQ(best, (std::vector<bool>{true, true, true, false}));
  EXPECT_FALSE(fs::exists(dir_ / "run" / "checkpoint.safetensors"));
}

TEST_F(RunTest, OnlyAStrictlyBetterValueReplacesTheBest) {
  Run("run", Settings({"ranks=[3, 3, 3, 3, 3, 0]"}));
  const std::vector<nlohmann::json> lines = Lines("run");
  ASSERT_EQ(lines.size(), 6U);
  for (std::size_t line = 0; line < 6; ++line) {
    EXPECT_EQ(lines[line].at("best"), line == 0 || line == 5) << line;
    EXPECT_EQ(lines[line].at("phase"), line < 3 ? "first" : "second");
    EXPECT_EQ(lines[line].at("epoch"), line % 3 + 1);
  }
  EXPECT_EQ(ReadRunInfo(dir_ / "run").best->phase, "second");
}

TEST_F(RunTest, ALaterPhaseThatIsNeverBetterChangesNothing) {
  Run("run", Settings({"ranks=[7, 0, 3, 3, 3, 3]"}));
  EXPECT_EQ(ExportedEpochs("run"), 2);
  EXPECT_EQ(ReadRunInfo(dir_ / "run").best->phase, "first");
}

TEST_F(RunTest, PatienceEndsAPhase) {
  // Epoch 2 is the best; epochs 3 and 4 are two without a better one. The second phase starts a count of its own.
  Run("run", Settings({"ranks=[3, 0, 3, 3, 3, 3, 3, 3]", "first_epochs=6", "second_epochs=6", "patience=2"}));
  const std::vector<nlohmann::json> lines = Lines("run");
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[3].at("phase"), "first");
  EXPECT_EQ(lines[4].at("phase"), "second");
}

TEST_F(RunTest, PatienceCountsEpochsButOnlyAtValidations) {
  // Validated after epochs 2 (the best), 4 (two stale epochs, not three) and 6 (four).
  Run("run", Settings({"ranks=[0]", "first_epochs=9", "second_epochs=0", "patience=3", "train.eval_every=2"}));
  const std::vector<nlohmann::json> lines = Lines("run");
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_TRUE(lines[0].at("validation").is_null());
  EXPECT_TRUE(lines[1].at("best"));
}

TEST_F(RunTest, AModelMayKeepItsLastWeights) {
  const std::string settings = "ranks=[0, 3, 3]";  // epoch 1 is the best
  Run("best", Settings({settings, "first_epochs=3", "second_epochs=0", "patience=1"}));
  Run("last", Settings({settings, "first_epochs=3", "second_epochs=0", "patience=1"}, "leaving"));
  EXPECT_EQ(Lines("best").size(), 2U);
  const std::vector<nlohmann::json> lines = Lines("last");
  ASSERT_EQ(lines.size(), 3U) << "no epoch is too many";
  for (const nlohmann::json& line : lines) {
    EXPECT_FALSE(line.at("validation").is_null());
    EXPECT_FALSE(line.at("best"));
  }
  EXPECT_EQ(ExportedEpochs("best"), 1);
  EXPECT_EQ(ExportedEpochs("last"), 3);
}

TEST_F(RunTest, TheLastEpochOfAPhaseIsAlwaysValidated) {
  Run("run", Settings({"first_epochs=3", "second_epochs=0", "train.eval_every=2"}));
  const std::vector<nlohmann::json> lines = Lines("run");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0].at("validation").is_null());
  EXPECT_FALSE(lines[1].at("validation").is_null());
  EXPECT_FALSE(lines[2].at("validation").is_null());
}

TEST_F(RunTest, ClosedFormsWriteNoCheckpoint) {
  class Watch : public Observer {
   public:
    explicit Watch(fs::path path) : path_(std::move(path)) {}
    void OnEpoch(const core::Phase&, std::int64_t, const core::Metrics&, bool) override { seen |= fs::exists(path_); }
    void OnPhase(const core::Phase&, std::int64_t, std::int64_t) override { seen |= fs::exists(path_); }
    bool seen = false;

   private:
    fs::path path_;
  };
  for (const std::string model : {"fake", "closed"}) {
    Watch watch(dir_ / model / "checkpoint.safetensors");
    Run(model, Settings({}, model), false, test::UnsyncedDisk(), watch);
    EXPECT_EQ(watch.seen, model == "fake");
  }
}

const std::vector<std::string> kEventful = {"ranks=[3, 7, 7, 0]", "patience=1", "second_epochs=2"};

// The operations of an undisturbed run, and whether a run that crashes at each of them can be finished.
void ExpectSurvivesCrashes(bool lose_unsynced, const std::function<void(base::FileSystem&, std::int64_t)>& run,
                           const std::function<void(std::int64_t)>& finish_and_check) {
  test::FaultyFileSystem counting(test::UnsyncedDisk(), {});
  run(counting, -1);
  ASSERT_GT(counting.operations(), 30);
  for (std::int64_t point = 0; point < counting.operations(); ++point) {
    test::FaultyFileSystem faulty(test::UnsyncedDisk(), {.crash_at = point, .lose_unsynced = lose_unsynced});
    EXPECT_THROW(run(faulty, point), test::Crash) << point;
    finish_and_check(point);
  }
}

TEST_F(RunTest, AKilledRunIsResumedToTheSameBytes) {
  Run("whole", Settings(kEventful));
  const Outcome whole = OutcomeOf("whole");
  for (const bool lose_unsynced : {false, true}) {
    const std::string prefix = lose_unsynced ? "power" : "kill";
    ExpectSurvivesCrashes(
        lose_unsynced,
        [&](base::FileSystem& files, std::int64_t point) {
          Run(prefix + std::to_string(point), Settings(kEventful), false, files);
        },
        [&](std::int64_t point) {
          Run(prefix + std::to_string(point), Settings(kEventful), true);
          EXPECT_EQ(OutcomeOf(prefix + std::to_string(point)), whole) << prefix << " at operation " << point;
          EXPECT_TRUE(ReadRunInfo(dir_ / (prefix + std::to_string(point))).finished);
        });
  }
}

TEST_F(RunTest, AFullDiskEndsTheRunAndKeepsTheCheckpoint) {
  Run("whole", Settings(kEventful));
  const Outcome whole = OutcomeOf("whole");
  std::int64_t bytes = 0;
  for (;; bytes += 400) {
    const std::string out = "full" + std::to_string(bytes);
    test::FaultyFileSystem files(test::UnsyncedDisk(), {.disk_bytes = bytes});
    const std::string error = ErrorOf(base::ErrorKind::kIo, [&] { Run(out, Settings(kEventful), false, files); });
    if (error == "no error") {
      break;
    }
    EXPECT_NE(error.find(": cannot write: No space left on device"), std::string::npos) << error;
    Run(out, Settings(kEventful), true);
    EXPECT_EQ(OutcomeOf(out), whole) << bytes;
  }
  EXPECT_GT(bytes, 4000);
}

// Sets the flag in the middle of an epoch.
class StopAt : public Observer {
 public:
  StopAt(base::StopFlag& stop, int step) : stop_(stop), steps_left_(step) {}
  void OnStep(std::int64_t, std::int64_t) override {
    if (steps_left_-- == 0) {
      stop_.Set();
    }
  }

 private:
  base::StopFlag& stop_;
  int steps_left_;
};

TEST_F(RunTest, AnInterruptedRunSaysWhatIsKeptAndIsResumedToTheSameBytes) {
  Run("whole", Settings());
  const Outcome whole = OutcomeOf("whole");
  for (int step = 0; step < 12; ++step) {  // 2 phases of 3 epochs of 2 steps
    const std::string out = "stop" + std::to_string(step);
    const std::string error = ErrorOf(base::ErrorKind::kInterrupted, [&] {
      base::StopFlag stop;
      StopAt observer(stop, step);
      Train(test::UnsyncedDisk(), registry_, Settings(), {dir_ / out, false, &stop}, observer);
    });
    const int epochs = step / 2;
    const std::string kept = epochs == 0 ? "no checkpoint was written yet; the same command with --resume starts afresh"
                                         : "the checkpoint after epoch " + std::to_string((epochs - 1) % 3 + 1) +
                                               " of phase '" + (epochs <= 3 ? "first" : "second") +
                                               "' is kept; the same command with --resume goes on from there";
    EXPECT_EQ(error, (dir_ / out).string() + ": training was interrupted: " + kept);
    Run(out, Settings(), true);
    EXPECT_EQ(OutcomeOf(out), whole) << step;
  }
}

TEST_F(RunTest, ARunThatExistsIsNotOverwritten) {
  Run("run", Settings());
  const std::string run = (dir_ / "run").string();
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run("run", Settings()); }),
            run + ": holds a run already. add --resume to go on with it, or choose another --out");
  const Outcome before = OutcomeOf("run");
  Run("run", Settings(), true);  // finished: nothing to do
  EXPECT_EQ(OutcomeOf("run"), before);
}

TEST_F(RunTest, AResumedRunMustHaveTheSameSettings) {
  Run("run", Settings());
  const std::string config = (dir_ / "run" / "config.yaml").string();
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run("run", Settings({"fake.patience=2"}), true); }),
            config +
                ": 'fake.patience' differs from the run to be resumed: '2' (--set); expected '0'. use the same "
                "settings, or another --out");
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run("run", Settings({"seed=2"}), true); }),
            config +
                ": 'seed' differs from the run to be resumed: '2' (--set); expected '1'. use the same settings, "
                "or another --out");
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run("run", Settings({}, "closed"), true); }),
            config +
                ": 'model' differs from the run to be resumed: 'closed'; expected 'fake'. use the same settings, "
                "or another --out");
  // Neither changes the weights.
  Run("run", Settings({"threads=1", "train.checkpoint_seconds=5"}), true);
}

TEST_F(RunTest, ACheckpointOfAnotherStageOrDatasetIsRefused) {
  StopAt observer(stop_, 5);
  EXPECT_THROW(Run("run", Settings(), false, test::UnsyncedDisk(), observer), base::Error);
  const fs::path path = dir_ / "run" / "checkpoint.safetensors";
  const std::string good = base::ReadTextFile(path);
  const auto resume = [&] {
    base::StopFlag stop;
    Observer silent;
    Train(test::UnsyncedDisk(), registry_, Settings(), {dir_ / "run", true, &stop}, silent);
  };

  base::TensorSet state = base::ReadTensorFile(path);
  state.SetMeta("run.phase", "2");
  base::WriteTensorFile(test::UnsyncedDisk(), path, state);
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData, resume),
            path.string() +
                ": the checkpoint is of a stage that this run does not have: phase '2' after epoch '2'; "
                "expected a phase below 2 and one of its epochs");

  (void)dir_.Write("run/checkpoint.safetensors", good.substr(0, good.size() - 5));
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData, resume).rfind(path.string(), 0), 0U);

  (void)dir_.Write("run/checkpoint.safetensors", good);
  const std::string old_fingerprint = data::Dataset::Open(dir_ / "data").fingerprint();
  MakeLog(dir_ / "data", 1000);
  const std::string new_fingerprint = data::Dataset::Open(dir_ / "data").fingerprint();
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData, resume),
            path.string() + ": the checkpoint was made with another dataset: '" + old_fingerprint + "'; expected '" +
                new_fingerprint + "'. train into another --out, or bring the dataset back");

  MakeLog(dir_ / "data");
  resume();
  EXPECT_TRUE(ReadRunInfo(dir_ / "run").finished);
}

TEST_F(RunTest, TheBundleRecommendsWithoutTheDataset) {
  Run("run", Settings());
  fs::remove_all(dir_ / "data");
  const LoadedModel loaded = LoadModel(registry_, dir_ / "run", "cpu");
  EXPECT_EQ(loaded.user_ids.ToVector(), (std::vector<std::string>{"u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"}));
  // u2 did i2, i3, v, w; the loaded model puts v first, then items by index.
  const auto history = loaded.histories.row(2);
  EXPECT_EQ(std::vector<std::int32_t>(history.begin(), history.end()), (std::vector<std::int32_t>{2, 3, 7, 8}));
  std::vector<std::string> items;
  for (const Recommendation& recommendation : Recommend(loaded, history, 3)) {
    items.push_back(recommendation.item);
  }
  EXPECT_EQ(items, (std::vector<std::string>{"i0", "i1", "i4"}));
  EXPECT_EQ(Recommend(loaded, history, 100).size(), 5U);  // nine items less four seen
  EXPECT_EQ(Recommend(loaded, {}, 1)[0].item, "v");
  EXPECT_EQ(base::ReadTextFile(dir_ / "run" / "model" / "manifest.json").find(dir_.path().string()), std::string::npos);
}

TEST_F(RunTest, HistoriesCanBeLeftOut) {
  Run("run", Settings({"train.store_histories=false"}));
  EXPECT_EQ(LoadModel(registry_, dir_ / "run", "cpu").user_ids.size(), 0);
}

TEST_F(RunTest, AnEvaluationIsKept) {
  Run("run", Settings());
  EXPECT_FALSE(ReadEvaluation(dir_ / "run"));
  const StoredEvaluation made = EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", std::nullopt, nullptr);
  // The model puts v first and w, the test target, last. Users 0 to 6 have seen two of i0 .. i6 and v: w stands
  // behind the other five, at 1/6. User 7 has seen v, w and i0, so i1 comes first. Mean (7/6 + 1) / 8 = 13/48.
  EXPECT_NEAR(made.result.Mean(0), 13.0 / 48.0, 1e-15);
  EXPECT_NEAR(made.result.Mean(1), 1.0 / 8.0, 1e-15);
  const std::optional<StoredEvaluation> kept = ReadEvaluation(dir_ / "run");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->result.per_user, made.result.per_user);
  EXPECT_EQ(kept->user_ids, made.user_ids);
  EXPECT_EQ(kept->split_fingerprint, made.split_fingerprint);
  EXPECT_EQ(kept->result.metrics[1].name, "hr@1");
}

TEST_F(RunTest, AnEvaluationMayBeMadeInAnotherWay) {
  Run("run", Settings());
  const StoredEvaluation made =
      EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", std::nullopt, nullptr,
                  {"eval.metrics=[hr@1, coverage@2, diversity@2, auc]", "eval.groups=activity", "eval.ties=optimistic",
                   "eval.definitions=recbole"});
  const StoredEvaluation kept = *ReadEvaluation(dir_ / "run");
  EXPECT_EQ(kept.result.per_user, made.result.per_user);
  EXPECT_EQ(kept.result.metrics.size(), 3U);
  ASSERT_EQ(kept.result.set_metrics.size(), 1U);
  EXPECT_EQ(kept.result.set_metrics[0].metric.name, "coverage@2");
  EXPECT_EQ(kept.result.set_metrics[0].value, made.result.set_metrics[0].value);
  EXPECT_EQ(kept.result.set_metrics[0].half_width95, made.result.set_metrics[0].half_width95);
  EXPECT_EQ(kept.result.top_k, 9);  // all items that there are
  EXPECT_EQ(kept.result.top_items, made.result.top_items);
  EXPECT_EQ(kept.result.top_items[8], -1);  // some are seen: lists are shorter
  EXPECT_EQ(kept.ties, "optimistic");
  EXPECT_EQ(kept.definitions, "recbole");
  EXPECT_EQ(kept.candidates, "all");
  EXPECT_EQ(kept.groups, "activity");
  EXPECT_EQ(kept.group_names, (std::vector<std::string>{"light", "medium", "heavy"}));
  EXPECT_EQ(kept.user_groups, made.user_groups);
  EXPECT_EQ(kept.user_groups.size(), 8U);
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage,
                    [&] {
                      (void)EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", std::nullopt, nullptr,
                                        {"split.seed=2"});
                    }),
            "--set: not a setting of an evaluation: 'split.seed=2'; expected eval.key=value");
}

TEST_F(RunTest, ValidationNeedsAMetricOfWhichMoreIsBetter) {
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run("run", Settings({"train.valid_metric=gini@10"})); }),
            "train.valid_metric: says nothing of held-out items: 'gini@10'; expected ndcg, recall, hr, precision, map "
            "or mrr with a cutoff, auc or gauc");
}

TEST_F(RunTest, AnEvaluationNeedsTheDatasetOfTheRun) {
  Run("run", Settings());
  const std::string old_fingerprint = data::Dataset::Open(dir_ / "data").fingerprint();
  MakeLog(dir_ / "other", 1000);
  const std::string other = (dir_ / "other").string();
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData,
                    [&] { (void)EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", other, nullptr); }),
            other + ": not the dataset that '" + (dir_ / "run").string() + "' was trained on: fingerprint '" +
                data::Dataset::Open(other).fingerprint() + "'; expected '" + old_fingerprint + "'");
  MakeLog(dir_ / "moved");
  fs::remove_all(dir_ / "data");
  EXPECT_EQ(EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", (dir_ / "moved").string(), nullptr).result.users,
            8);
}

TEST_F(RunTest, UnfinishedAndMissingRunsAreNamed) {
  StopAt observer(stop_, 5);
  EXPECT_THROW(Run("run", Settings(), false, test::UnsyncedDisk(), observer), base::Error);
  const std::string run = (dir_ / "run").string();
  const std::string text = run + ": the run is not finished; finish it with `recforce train ... --resume`";
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData, [&] { (void)LoadModel(registry_, run, "cpu"); }), text);
  EXPECT_EQ(ErrorOf(base::ErrorKind::kData,
                    [&] { (void)EvaluateRun(test::UnsyncedDisk(), registry_, run, std::nullopt, nullptr); }),
            text);
  const std::string nowhere = (dir_ / "nowhere").string();
  EXPECT_EQ(ErrorOf(base::ErrorKind::kNotFound, [&] { (void)LoadModel(registry_, nowhere, "cpu"); }),
            nowhere + ": no run: 'run.json' is missing; expected a folder that `recforce train --out` wrote");
}

TEST_F(RunTest, TheResolvedSettingsRerunTheExperiment) {
  Run("run", Settings({"seed=7", "ranks=[3, 0]"}));
  Run("again", ReadSettings(registry_, dir_ / "run"));
  EXPECT_EQ(OutcomeOf("again"), OutcomeOf("run"));
  Run("other", Settings({"seed=8", "ranks=[3, 0]"}));
  EXPECT_NE(OutcomeOf("other").weights, OutcomeOf("run").weights);
}

}  // namespace
}  // namespace recforce::train
