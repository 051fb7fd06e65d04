// SPDX-License-Identifier: Apache-2.0
// The search around a trainer whose quality is a formula of one setting and of the epochs it ran, so that every
// decision can be worked out by hand.
#include "train/tune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "support/faulty_file_system.h"
#include "support/temp_dir.h"
#include "support/unsynced_file_system.h"
#include "train/run_config.h"
#include "train/run_folder.h"
#include "train/tune_record.h"

namespace recforce::train {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kUsers = 13;
constexpr std::int64_t kTrainItems = 60;  // of each user, all different
constexpr std::int64_t kTarget = kUsers * kTrainItems;
constexpr std::int64_t kItems = kTarget + 2;  // the last two are everybody's validation and test item

// The validation item stands behind 700 (1 - skill) + 70 (1 - epoch / epochs) others.
struct SkillConfig {
  double skill = 0.5;
  std::int64_t epochs = 9;
  double diverges_above = 1.0;
  double refused_above = 1.0;
};

const config::FieldTable& SkillFields() {
  using C = SkillConfig;
  static const config::FieldTable table = config::Fields<C>()
                                              .Real("skill", &C::skill, 0, 1, "")
                                              .Search(0.0, 1.0)
                                              .Int("epochs", &C::epochs, 1, 100, "")
                                              .Real("diverges_above", &C::diverges_above, 0, 1, "")
                                              .Real("refused_above", &C::refused_above, 0, 1, "")
                                              .Take();
  return table;
}

class SkillRecommender final : public core::Recommender {
 public:
  SkillRecommender(double skill, double share_of_epochs)
      : rank_(700.0 * (1.0 - skill) + 70.0 * (1.0 - share_of_epochs)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return kItems; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < kItems; ++item) {
        out.row(row)[item] = -static_cast<float>(item == kTarget ? rank_ : static_cast<double>(item));
      }
    }
  }

 private:
  double rank_;
};

class SkillTrainer final : public core::Trainer {
 public:
  explicit SkillTrainer(const SkillConfig& config) : config_(config) {}
  [[nodiscard]] std::vector<core::Phase> Phases() const override { return {{"train", config_.epochs, 0}}; }
  void BeginPhase(std::int64_t /*phase*/) override {}
  core::Metrics Epoch(const core::EpochContext& context) override {
    context.stop->ThrowIfSet();
    ++epochs_;
    if (config_.skill > config_.diverges_above && epochs_ > 1) {
      throw base::Error(base::ErrorKind::kDiverged, "skill: the loss is not a number");
    }
    recommender_ = SkillRecommender(config_.skill, static_cast<double>(epochs_) / static_cast<double>(config_.epochs));
    return {};
  }
  [[nodiscard]] const core::Recommender& Current() const override { return recommender_; }
  void KeepBest() override {}
  void EndPhase() override {}
  [[nodiscard]] base::TensorSet Export() const override { return SaveState(); }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set;
    set.AddOwned("epochs", std::vector<std::int64_t>{epochs_});
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t /*phase*/) override {
    epochs_ = state.Get("epochs").As<std::int64_t>()[0];
  }

 private:
  SkillConfig config_;
  std::int64_t epochs_ = 0;
  SkillRecommender recommender_{0.0, 0.0};
};

core::AlgorithmSpec SkillSpec(const std::string& name, bool learns_by_epoch) {
  core::AlgorithmSpec spec;
  spec.name = name;
  spec.learns_by_epoch = learns_by_epoch;
  spec.make_config = [name] { return config::Section::Make<SkillConfig>(name, SkillFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView&, const core::TrainerContext&) {
    const auto& config = section.As<SkillConfig>();
    if (config.skill > config.refused_above) {
      throw base::Error(base::ErrorKind::kUsage, "skill: too much of it");
    }
    return std::make_unique<SkillTrainer>(config);
  };
  spec.load = [](const config::Section&, const base::TensorSet&, std::int64_t, const std::string&) {
    return std::make_unique<SkillRecommender>(0.0, 0.0);
  };
  return spec;
}

// Users 0 to 12 did 60 items of their own, then the validation item, then the test item. One more user did these two
// first, so that training sees them.
void MakeLog(const fs::path& directory) {
  data::Columns log;
  const auto add = [&](std::int64_t user, std::int64_t item, std::int64_t time) {
    log.user.push_back(static_cast<std::int32_t>(user));
    log.item.push_back(static_cast<std::int32_t>(item));
    log.time.push_back(time);
  };
  for (std::int64_t item = 0; item < kItems; ++item) {
    log.item_ids.push_back("i" + std::to_string(1000 + item));
  }
  for (std::int64_t user = 0; user <= kUsers; ++user) {
    log.user_ids.push_back("u" + std::to_string(100 + user));
    for (std::int64_t place = 0; user < kUsers && place < kTrainItems; ++place) {
      add(user, user * kTrainItems + place, place);
    }
    add(user, kTarget, kTrainItems);
    add(user, kTarget + 1, kTrainItems + 1);
  }
  add(kUsers, 0, kTrainItems + 2);
  add(kUsers, 1, kTrainItems + 3);
  data::WriteDataset(test::UnsyncedDisk(), directory, log, {.source = "log.csv", .format = "csv"});
}

class Recorder final : public TuneObserver {
 public:
  Observer& OnTrial(const TuneResult&, const Trial& trial, std::size_t rung) override {
    begun.emplace_back(trial.number, rung);
    if (static_cast<std::int64_t>(begun.size()) == stop_at && stop != nullptr) {
      stop->Set();
    }
    return observer_;
  }
  std::vector<std::pair<std::int64_t, std::size_t>> begun;
  std::int64_t stop_at = 0;
  base::StopFlag* stop = nullptr;

 private:
  Observer observer_;
};

class TuneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    registry_.Add(SkillSpec("skill", true));
    registry_.Add(SkillSpec("closed", false));
    MakeLog(dir_ / "data");
    base::SetLogSink([this](base::LogLevel level, std::string_view text) {
      if (level == base::LogLevel::kWarn) {
        warnings_ += std::string(text) + "\n";
      }
    });
  }
  void TearDown() override { base::SetLogSink(nullptr); }

  [[nodiscard]] config::Settings Settings(const std::vector<std::string>& pairs = {},
                                          const std::string& model = "skill") const {
    config::Settings settings = MakeSettings(registry_.Get(model));
    settings.Set("data", (dir_ / "data").string(), "test");
    settings.Set("split.kind", "leave_last_out", "test");
    settings.Set("train.valid_metric", "mrr@1000", "test");
    settings.Set("train.checkpoint_seconds", "0", "test");
    for (const std::string& pair : pairs) {
      const std::size_t equals = pair.find('=');
      settings.Set(pair.substr(0, equals), pair.substr(equals + 1), "--set");
    }
    return settings;
  }

  [[nodiscard]] TuneOptions Options(const std::string& out, std::int64_t trials, bool halving = false) {
    TuneOptions options;
    options.out = dir_ / out;
    options.trials = trials;
    options.halving = halving;
    options.stop = &stop_;
    return options;
  }

  TuneResult Run(const TuneOptions& options, const config::Settings& settings,
                 base::FileSystem& files = test::UnsyncedDisk()) {
    return Tune(files, registry_, settings, options, recorder_);
  }

  template <class Action>
  std::string ErrorOf(base::ErrorKind kind, const Action& action) {
    try {
      action();
    } catch (const base::Error& error) {
      std::string text = error.what();
      for (std::size_t at; (at = text.find(dir_.path().string() + "/")) != std::string::npos;) {
        text.erase(at, dir_.path().string().size() + 1);
      }
      return (error.kind() == kind ? "" : "another kind: ") + text;
    }
    return "no error";
  }

  // trials.jsonl without the seconds, and best.yaml.
  [[nodiscard]] std::string Records(const std::string& out) const {
    std::istringstream text(base::ReadTextFile(dir_ / out / "trials.jsonl"));
    std::string records;
    for (std::string line; std::getline(text, line);) {
      nlohmann::ordered_json json = nlohmann::ordered_json::parse(line);
      json.erase("seconds");
      records += json.dump() + "\n";
    }
    return records + base::ReadTextFile(dir_ / out / "best.yaml");
  }

  static double Skill(const Trial& trial) { return std::stod(trial.values[0]); }

  test::TempDir dir_;
  core::Registry registry_;
  base::StopFlag stop_;
  Recorder recorder_;
  std::string warnings_;
};

TEST_F(TuneTest, RandomSearchFindsTheMostSkilled) {
  const TuneResult result = Run(Options("t", 8), Settings());
  ASSERT_EQ(result.trials.size(), 8U);
  ASSERT_EQ(result.ranking.size(), 8U);
  EXPECT_EQ(result.metric, "mrr@1000");
  EXPECT_EQ(result.trials[0].values, (std::vector<std::string>{"0.5"}));
  for (std::size_t place = 1; place < 8; ++place) {
    EXPECT_GE(Skill(result.trials[result.ranking[place - 1]]), Skill(result.trials[result.ranking[place]]));
  }
  for (const Trial& trial : result.trials) {
    EXPECT_EQ(trial.status, TrialStatus::kFinished);
    EXPECT_EQ(trial.epochs, 9);
    EXPECT_EQ(trial.best->epoch, 9);
    const fs::path folder = dir_ / "t" / TrialFolder(trial.number);
    EXPECT_TRUE(ReadRunInfo(folder).finished);
    EXPECT_FALSE(fs::exists(folder / "evaluation.safetensors"));
  }
  const Trial& best = result.trials[result.ranking[0]];
  config::Settings settings = MakeSettings(registry_.Get("skill"));
  settings.LoadYaml((dir_ / "t" / "best.yaml").string());
  EXPECT_EQ(settings.section("skill").As<SkillConfig>().skill, Skill(best));
  EXPECT_EQ(settings.ToYaml(), ReadSettings(registry_, dir_ / "t" / TrialFolder(best.number)).ToYaml());
}

TEST_F(TuneTest, HalvingGivesTheBestThirdThreeTimesTheEpochs) {
  const TuneResult result = Run(Options("t", 9, true), Settings());
  ASSERT_TRUE(result.halving);
  EXPECT_EQ(result.rungs, (std::vector<Rung>{{9, 9}, {3, 3}, {1, 1}}));
  std::vector<double> skills;
  for (const Trial& trial : result.trials) {
    skills.push_back(Skill(trial));
  }
  std::sort(skills.rbegin(), skills.rend());
  for (const Trial& trial : result.trials) {
    const auto place = std::find(skills.begin(), skills.end(), Skill(trial)) - skills.begin();
    EXPECT_EQ(trial.epochs, place == 0 ? 9 : place < 3 ? 3 : 1) << place;
    EXPECT_EQ(trial.rungs.size(), place == 0 ? 3U : place < 3 ? 2U : 1U) << place;
    EXPECT_EQ(trial.status, place == 0 ? TrialStatus::kFinished : TrialStatus::kStopped) << place;
  }
  EXPECT_EQ(recorder_.begun.size(), 13U);
  // The winner went on from its checkpoint: its curve has each epoch once.
  const fs::path winner = dir_ / "t" / TrialFolder(result.trials[result.ranking[0]].number);
  const std::string lines = base::ReadTextFile(winner / "metrics.jsonl");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 9);
}

TEST_F(TuneTest, AStoppedTrialCanBeTrainedToItsEnd) {
  const TuneResult result = Run(Options("t", 3, true), Settings());
  const auto stopped = std::find_if(result.trials.begin(), result.trials.end(),
                                    [](const Trial& trial) { return trial.status == TrialStatus::kStopped; });
  const fs::path folder = dir_ / "t" / TrialFolder(stopped->number);
  Observer observer;
  RunOptions run;
  run.out = folder;
  run.resume = true;
  run.stop = &stop_;
  EXPECT_TRUE(Train(test::UnsyncedDisk(), registry_, ReadSettings(registry_, folder), run, observer).finished);
}

TEST_F(TuneTest, AStopAtAnyTrialChangesNothingAfterResuming) {
  for (const bool halving : {false, true}) {
    const std::string name = halving ? "halving" : "random";
    recorder_.begun.clear();
    Run(Options(name, 5, halving), Settings());
    const auto steps = static_cast<std::int64_t>(recorder_.begun.size());
    for (std::int64_t stop_at = 1; stop_at <= steps; ++stop_at) {
      const std::string out = name + std::to_string(stop_at);
      TuneOptions options = Options(out, 5, halving);
      base::StopFlag stop;
      options.stop = recorder_.stop = &stop;
      recorder_.stop_at = stop_at;
      recorder_.begun.clear();
      const std::string message = ErrorOf(base::ErrorKind::kInterrupted, [&] { Run(options, Settings()); });
      EXPECT_EQ(message, out + ": the search was interrupted in trial " + std::to_string(recorder_.begun.back().first) +
                             " of 5; the same command with --resume goes on from there");
      recorder_.stop = nullptr;
      options.resume = true;
      options.stop = &stop_;
      Run(options, Settings());
      EXPECT_EQ(Records(out), Records(name)) << name << stop_at;
    }
  }
}

TEST_F(TuneTest, ACrashAtAnyWriteChangesNothingAfterResuming) {
  test::FaultyFileSystem counting(test::UnsyncedDisk(), {});
  TuneOptions options = Options("whole", 3, true);
  options.keep = 1;
  Run(options, Settings({"skill.epochs=3"}), counting);
  const std::string expected = Records("whole");
  // Steps of 7 meet every kind of operation in a tenth of the time.
  for (std::int64_t crash_at = 0; crash_at < counting.operations(); crash_at += 7) {
    TuneOptions crashed = options;
    crashed.out = dir_ / ("c" + std::to_string(crash_at));
    test::FaultyFileSystem faulty(test::UnsyncedDisk(), {.crash_at = crash_at, .lose_unsynced = true});
    EXPECT_THROW(Run(crashed, Settings({"skill.epochs=3"}), faulty), test::Crash);
    crashed.resume = true;
    Run(crashed, Settings({"skill.epochs=3"}));
    EXPECT_EQ(Records(crashed.out.filename().string()), expected) << crash_at;
  }
}

TEST_F(TuneTest, FailedTrialsAreRecordedAndTheSearchGoesOn) {
  const TuneResult result = Run(Options("t", 12), Settings({"diverges_above=0.7", "refused_above=0.85"}));
  std::int64_t failed = 0;
  for (const Trial& trial : result.trials) {
    const TrialStatus expected = Skill(trial) > 0.85  ? TrialStatus::kRefused
                                 : Skill(trial) > 0.7 ? TrialStatus::kDiverged
                                                      : TrialStatus::kFinished;
    EXPECT_EQ(trial.status, expected) << Skill(trial);
    EXPECT_EQ(trial.error, expected == TrialStatus::kRefused    ? "skill: too much of it"
                           : expected == TrialStatus::kDiverged ? "skill: the loss is not a number"
                                                                : "");
    failed += expected == TrialStatus::kFinished ? 0 : 1;
  }
  EXPECT_EQ(result.ranking.size(), 12U - failed);
  EXPECT_GT(failed, 1);
  EXPECT_LE(Skill(result.trials[result.ranking[0]]), 0.7);
}

TEST_F(TuneTest, WhenEveryTrialFailsSoDoesTheSearch) {
  TuneOptions options = Options("t", 3);
  options.search = {"skill=0.5..1"};
  EXPECT_EQ(ErrorOf(base::ErrorKind::kDiverged, [&] { Run(options, Settings({"skill.diverges_above=0"})); }),
            "t: no trial reached a validation value; the first one says: skill: the loss is not a number");
  // A first trial that is refused is the user's own configuration.
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run(Options("u", 3), Settings({"refused_above=0.1"})); }),
            "skill: too much of it");
}

TEST_F(TuneTest, OnlyTheBestKeepTheirFolders) {
  TuneOptions options = Options("t", 6);
  options.keep = 2;
  const TuneResult result = Run(options, Settings());
  std::int64_t kept = 0;
  for (std::size_t at = 0; at < result.trials.size(); ++at) {
    const bool is_kept = at == result.ranking[0] || at == result.ranking[1];
    EXPECT_EQ(fs::exists(dir_ / "t" / TrialFolder(result.trials[at].number)), is_kept);
    EXPECT_EQ(result.trials[at].has_folder, is_kept);
    kept += is_kept ? 1 : 0;
  }
  EXPECT_EQ(kept, 2);
}

TEST_F(TuneTest, OutOfTimePausesAndResumingEndsAsIfThereHadBeenTime) {
  Run(Options("whole", 3), Settings());
  TuneOptions options = Options("t", 3);
  options.minutes = 1e-9;
  TuneResult result = Run(options, Settings());
  EXPECT_TRUE(result.out_of_time);
  EXPECT_TRUE(recorder_.begun.size() <= 4U);
  options.resume = true;
  options.minutes = 0.0;
  result = Run(options, Settings());
  EXPECT_FALSE(result.out_of_time);
  EXPECT_EQ(Records("t"), Records("whole"));
}

TEST_F(TuneTest, ARandomSearchCanBeMadeLonger) {
  Run(Options("whole", 6), Settings());
  Run(Options("t", 3), Settings());
  TuneOptions options = Options("t", 6);
  options.resume = true;
  recorder_.begun.clear();
  Run(options, Settings());
  EXPECT_EQ(recorder_.begun.size(), 3U);
  EXPECT_EQ(Records("t"), Records("whole"));
  options.trials = 5;
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run(options, Settings()); }),
            "t/trials.jsonl:6: trial 6 ran already; expected --trials of at least that number");
}

TEST_F(TuneTest, AnotherSearchIsNotGoneOnWith) {
  const auto resume = [&](const std::vector<std::string>& pairs, std::int64_t trials, bool halving,
                          const std::vector<std::string>& search = {}) {
    TuneOptions options = Options("t", trials, halving);
    options.resume = true;
    options.search = search;
    return ErrorOf(base::ErrorKind::kUsage, [&] { Run(options, Settings(pairs)); });
  };
  Run(Options("t", 3, true), Settings());
  EXPECT_EQ(ErrorOf(base::ErrorKind::kUsage, [&] { Run(Options("t", 3, true), Settings()); }),
            "t: holds a search already. add --resume to go on with it, or choose another --out");
  EXPECT_EQ(
      resume({}, 3, false),
      "t/tune.json: 'method' differs from the search to be resumed: '\"random\"'; expected '\"halving\"'. use the "
      "same settings, or another --out");
  EXPECT_EQ(resume({}, 4, true),
            "t/tune.json: 'trials' differs from the search to be resumed: '4'; expected '3'. use the same settings, or "
            "another --out");
  EXPECT_EQ(resume({}, 3, true, {"skill=0.1..0.2"}),
            "t/tune.json: 'search' differs from the search to be resumed: '{\"skill.skill\":\"0.1..0.2\"}'; expected "
            "'{\"skill.skill\":\"0..1\"}'. use the same settings, or another --out");
  EXPECT_EQ(resume({"seed=2"}, 3, true),
            "t/config.yaml: 'seed' differs from the run to be resumed: '2' (--set); expected '1'. use the same "
            "settings, or another --out");
}

TEST_F(TuneTest, WhatCannotBeHalvedIsSearchedAtRandom) {
  EXPECT_FALSE(Run(Options("a", 3, true), Settings({}, "closed")).halving);
  EXPECT_EQ(std::exchange(warnings_, ""),
            "'closed' learns in one step, which halving cannot cut short: random search is used\n");
  EXPECT_FALSE(Run(Options("b", 2, true), Settings()).halving);
  EXPECT_EQ(std::exchange(warnings_, ""),
            "2 trials of 9 epochs leave nothing to halve (at least 3 of each are needed): random search is used\n");
  TuneOptions options = Options("c", 9);
  options.search = {"skill=0.25,0.75"};
  EXPECT_EQ(Run(options, Settings()).trials.size(), 3U);
  EXPECT_EQ(std::exchange(warnings_, ""), "the search space has 3 different configurations; no more are tried\n");
}

TEST_F(TuneTest, ASearchNeedsValidationUsers) {
  EXPECT_EQ(
      ErrorOf(base::ErrorKind::kUsage,
              [&] {
                Run(Options("t", 3), Settings({"split.kind=random_ratio", "split.validation_ratio=0"}));
              }),
      "recforce tune: the split has no validation users; the search selects on them alone. change the settings of "
      "the section 'split'");
}

}  // namespace
}  // namespace recforce::train
