// SPDX-License-Identifier: Apache-2.0
// What every algorithm must do, checked for all that are registered: a new one inherits these tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "algos/register_all.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/core/algorithm.h"
#include "recforce/data/build_displays.h"
#include "recforce/data/generate.h"
#include "recforce/data/split.h"
#include "recforce/eval/evaluator.h"
#include "sim/worlds.h"
#include "support/npy.h"
#include "support/same_tensors.h"
#include "support/temp_dir.h"
#include "support/train_from.h"
#include "train/run.h"

namespace recforce {
namespace {

using test::TrainFrom;

const core::Registry& Algorithms() {
  static const core::Registry registry = [] {
    core::Registry all;
    algos::RegisterAll(all);
    return all;
  }();
  return registry;
}

// A planted world of a few hundred users, split once for all tests.
struct Fixture {
  Fixture() {
    data::WorldOptions options;
    options.users = 400;
    options.items = 80;
    options.themes = 6;
    options.mean_interactions = 16.0;
    data::World world = data::GenerateWorld(options, 11);
    data::WriteDataset(base::RealFileSystem(), dir / "data", std::move(world.log), {});
    split = data::MakeSplit(data::Dataset::Open(dir / "data"), {.validation_users = 60, .test_users = 80});
  }
  test::TempDir dir;
  data::Split split;
};

const Fixture& World() {
  static const Fixture fixture;
  return fixture;
}

core::TrainView ViewOf(const data::Split& split) { return {split.train.view(), split.num_items()}; }

// Files for `factors`: vectors that iALS learnt on the world.
struct FactorFiles {
  FactorFiles() {
    const core::AlgorithmSpec& ials = Algorithms().Get("ials");
    const auto trainer = ials.make_trainer(ials.make_config(), ViewOf(World().split), {.seed = 1});
    TrainFrom(*trainer, 0, 0);
    const base::TensorSet tensors = trainer->Export();
    for (const std::string side : {"user", "item"}) {
      const base::TensorView& table = tensors.Get(side + "_factors");
      const auto values = table.As<float>();
      paths[side] =
          dir.Write(side + ".npy", test::NpyFile(table.shape[0], table.shape[1], {values.begin(), values.end()}))
              .string();
    }
  }
  test::TempDir dir;
  std::map<std::string, std::string> paths;
};

// Displays of a log that has none: every interaction was chosen from four items at most that its user does not have, in
// random order.
data::DisplaySet DisplaysOf(data::CsrView rows, std::int64_t num_items) {
  data::DisplaySet displays;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    base::Rng rng(1, base::Stream::kTest, static_cast<std::uint64_t>(user));
    const std::span<const std::int32_t> row = rows.row(user);
    for (const std::int32_t item : row) {
      std::vector<std::int32_t> shown = {item};
      for (int draw = 0; draw < 4; ++draw) {
        const auto other = static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(num_items)));
        if (std::find(row.begin(), row.end(), other) == row.end() &&
            std::find(shown.begin(), shown.end(), other) == shown.end()) {
          shown.push_back(other);
        }
      }
      rng.Shuffle(std::span(shown));
      displays.AddChoice(shown, static_cast<std::int32_t>(std::find(shown.begin(), shown.end(), item) - shown.begin()));
    }
    displays.AddUser(static_cast<std::int32_t>(user));
  }
  return displays;
}

// The view with what algorithms need besides rows or instead of them, where it has none: users who answer, displays,
// ratings that nothing explains.
core::TrainView WithNeeds(const core::AlgorithmSpec& spec, core::TrainView view) {
  if (spec.needs == core::Needs::kEnvironment) {
    static std::map<std::int64_t, std::shared_ptr<const core::Environment>> worlds;
    auto& world = worlds[view.num_items];
    if (!world) {
      world = sim::MakeWorld("tabular", {.slate = 1, .items = view.num_items});
    }
    view.environment = world.get();
    view.episodes = {.slate = std::min<std::int64_t>(3, view.num_items), .horizon = 5};
  }
  if (spec.needs == core::Needs::kDisplays && view.displays == nullptr) {
    static std::deque<data::DisplaySet> kept;
    view.displays = &kept.emplace_back(DisplaysOf(view.interactions, view.num_items));
  }
  if (spec.name == "pmf" && view.values.empty()) {
    static std::deque<std::vector<float>> kept;
    std::vector<float>& ratings = kept.emplace_back();
    base::Rng rng(2, base::Stream::kTest);
    for (std::size_t at = 0; at < view.events().items.size(); ++at) {
      ratings.push_back(static_cast<float>(1 + rng.Below(5)));
    }
    view.values = ratings;
  }
  return view;
}

class Algorithm : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "factors") {
      static const FactorFiles files;
      ASSERT_EQ(section_.Set(*section_.Find("users"), files.paths.at("user")), "");
      ASSERT_EQ(section_.Set(*section_.Find("items"), files.paths.at("item")), "");
    }
  }
  const core::AlgorithmSpec& spec_ = Algorithms().Get(GetParam());
  config::Section section_ = spec_.make_config();

  // Every schedule cut to a few epochs; values stay at their defaults otherwise.
  void Shorten(const std::string& epochs) {
    for (const config::Field& field : section_.fields()) {
      if (field.key.find("epochs") != std::string::npos) {
        ASSERT_EQ(section_.Set(field, epochs), "");
      }
      if (field.key == "batch_size") {
        ASSERT_EQ(section_.Set(field, "100"), "");
      }
      if (field.key == "updates_per_epoch") {
        ASSERT_EQ(section_.Set(field, "4"), "");
      }
    }
  }
  [[nodiscard]] std::unique_ptr<core::Trainer> Make(std::uint64_t seed = 3) const {
    return spec_.make_trainer(section_, WithNeeds(spec_, ViewOf(World().split)), {.seed = seed});
  }
  [[nodiscard]] static std::vector<float> Scores(const core::Recommender& model, data::CsrView users) {
    std::vector<float> scores(static_cast<std::size_t>(users.rows() * model.NumItems()));
    model.ScoreBatch({users}, {scores.data(), users.rows(), model.NumItems()});
    return scores;
  }
};

TEST_P(Algorithm, RefusesADeviceThatItDoesNotKnow) {
  try {
    (void)spec_.make_trainer(section_, WithNeeds(spec_, ViewOf(World().split)), {.device = "tpu"});
    FAIL() << "device tpu was accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage) << error.what();
  }
}

TEST_P(Algorithm, SaysWhatItIs) {
  EXPECT_FALSE(spec_.summary.empty());
  EXPECT_FALSE(spec_.paper.empty());
  EXPECT_EQ(section_.name(), spec_.name);
  for (const config::Field& field : section_.fields()) {
    EXPECT_FALSE(field.doc.empty()) << field.key;
    EXPECT_EQ(field.doc.back(), '.') << field.key;
  }
}

TEST_P(Algorithm, SettingsSurviveYaml) {
  test::TempDir dir;
  const config::Settings settings = train::MakeSettings(spec_);
  const auto file = dir.Write("config.yaml", settings.ToYaml());
  config::Settings again = train::MakeSettings(spec_);
  again.LoadYaml(file.string());
  EXPECT_EQ(again.ToYaml(), settings.ToYaml());
}

TEST_P(Algorithm, SameSeedSameBytes) {
  Shorten("3");
  const auto a = Make();
  const auto b = Make();
  TrainFrom(*a, 0, 0);
  TrainFrom(*b, 0, 0);
  test::ExpectSameTensors(a->Export(), b->Export());
  if (spec_.learns_by_epoch) {
    const auto other = Make(4);
    TrainFrom(*other, 0, 0);
    EXPECT_NE(Scores(a->Current(), World().split.test.input.view()),
              Scores(other->Current(), World().split.test.input.view()));
  }
}

TEST_P(Algorithm, AnyNumberOfThreadsGivesTheSameBytes) {
  Shorten("3");
  std::vector<std::vector<float>> scores;
  for (const int threads : {1, 2}) {
    base::SetThreads(threads);
    const auto trainer = Make();
    TrainFrom(*trainer, 0, 0);
    scores.push_back(Scores(trainer->Current(), World().split.test.input.view()));
  }
  EXPECT_EQ(scores[0], scores[1]) << "work is cut by shape, not by threads";
}

TEST_P(Algorithm, ExportedAndLoadedScoresAlike) {
  Shorten("2");
  const auto trainer = Make();
  TrainFrom(*trainer, 0, 0);
  test::TempDir dir;
  base::WriteTensorFile(base::RealFileSystem(), dir / "model", trainer->Export());
  const auto loaded = spec_.load(section_, base::ReadTensorFile(dir / "model"), World().split.num_items(), "cpu");
  EXPECT_EQ(loaded->NumItems(), World().split.num_items());
  EXPECT_EQ(Scores(*loaded, World().split.test.input.view()),
            Scores(trainer->Current(), World().split.test.input.view()));
}

TEST_P(Algorithm, RefusesTensorsOfAnotherCatalogue) {
  Shorten("1");
  const auto trainer = Make();
  TrainFrom(*trainer, 0, 0);
  for (const bool nothing : {false, true}) {
    try {
      const base::TensorSet tensors = nothing ? base::TensorSet() : trainer->Export();
      spec_.load(section_, tensors, World().split.num_items() + 1, "cpu");
      FAIL() << "it was accepted";
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kData) << error.what();
    }
  }
}

TEST_P(Algorithm, ResumedAnywhereEqualsNeverStopped) {
  Shorten("2");
  const auto whole = Make();
  TrainFrom(*whole, 0, 0);
  std::int64_t done = 0;
  const auto phases = whole->Phases();
  for (std::int64_t phase = 0; phase < static_cast<std::int64_t>(phases.size()); ++phase) {
    for (std::int64_t epoch = 1; epoch <= phases[static_cast<std::size_t>(phase)].epochs; ++epoch) {
      ++done;
      test::TempDir dir;
      const auto stopped = Make();
      TrainFrom(*stopped, 0, 0, done);
      base::WriteTensorFile(base::RealFileSystem(), dir / "state", stopped->SaveState());
      const auto resumed = Make();
      resumed->LoadState(base::ReadTensorFile(dir / "state"), phase);
      const bool last = epoch == phases[static_cast<std::size_t>(phase)].epochs;
      if (last) {
        resumed->EndPhase();
      }
      TrainFrom(*resumed, last ? phase + 1 : phase, last ? 0 : epoch);
      test::ExpectSameTensors(whole->Export(), resumed->Export());
    }
  }
}

TEST_P(Algorithm, ScoresAreFiniteAndBelongToTheUser) {
  Shorten("2");
  const auto trainer = Make();
  TrainFrom(*trainer, 0, 0);
  data::Csr users = World().split.test.input;
  users.AddRow(std::vector<std::int32_t>{});
  const std::vector<float> together = Scores(trainer->Current(), users.view());
  EXPECT_TRUE(std::all_of(together.begin(), together.end(), [](float score) { return std::isfinite(score); }));
  const auto items = static_cast<std::size_t>(World().split.num_items());
  for (std::int64_t r = 0; r < users.rows(); ++r) {
    const std::vector<float> alone = Scores(trainer->Current(), users.view().Slice(r, r + 1));
    for (std::size_t item = 0; item < items; ++item) {
      ASSERT_NEAR(alone[item], together[static_cast<std::size_t>(r) * items + item],
                  1e-4 * (1 + std::abs(alone[item])));
    }
  }
}

TEST_P(Algorithm, OneItemAndOneUserAreEnough) {
  Shorten("2");
  data::Csr rows;
  rows.AddRow(std::vector<std::int32_t>{0});
  const auto trainer = spec_.make_trainer(section_, WithNeeds(spec_, {rows.view(), 1}), {});
  TrainFrom(*trainer, 0, 0);
  EXPECT_TRUE(std::isfinite(Scores(trainer->Current(), rows.view())[0]));
}

// Items that nobody has and users without items are part of real logs.
TEST_P(Algorithm, EmptyRowsAndUnseenItemsAreFine) {
  Shorten("2");
  data::Csr rows;
  for (std::int32_t user = 0; user < 12; ++user) {
    rows.AddRow(user % 4 == 0 ? std::vector<std::int32_t>{} : std::vector<std::int32_t>{user % 3, 3 + user % 2});
  }
  constexpr std::int64_t kItems = 9;
  const auto trainer = spec_.make_trainer(section_, WithNeeds(spec_, {rows.view(), kItems}), {});
  TrainFrom(*trainer, 0, 0);
  std::vector<std::int32_t> known(static_cast<std::size_t>(rows.rows()));
  std::iota(known.begin(), known.end(), 0);
  std::vector<float> scores(static_cast<std::size_t>(rows.rows() * kItems));
  const base::MatrixView<float> out{scores.data(), rows.rows(), kItems};
  for (const bool strangers : {false, true}) {
    std::fill(scores.begin(), scores.end(), std::nanf(""));
    const std::span<const std::int32_t> train_rows = known;
    trainer->Current().ScoreBatch({.history = rows.view(), .rows = strangers ? train_rows.first(0) : train_rows}, out);
    EXPECT_TRUE(std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); }));
  }
}

TEST_P(Algorithm, BeatsPopularityOnAPlantedWorld) {
  if (GetParam() == "popularity") {
    GTEST_SKIP() << "popularity is the floor itself";
  }
  if (spec_.needs == core::Needs::kEnvironment) {
    GTEST_SKIP() << "it does not learn from this log";
  }
  if (GetParam() == "pmf") {
    GTEST_SKIP() << "it learns how items are rated, not who has them";
  }
  if (GetParam() == "topk_reinforce") {
    GTEST_SKIP() << "it corrects for what the log likes to show: popularity is what it unlearns";
  }
  if (spec_.needs == core::Needs::kDisplays) {
    GTEST_SKIP()
        << "it learns to tell what was shown apart, not to order a catalogue; its own tests have what it must beat";
  }
  Shorten("40");
  if (GetParam() == "gru4rec") {  // sessions of this world have no order, and with its defaults it learns them by heart
    ASSERT_EQ(section_.Set(*section_.Find("learning_rate"), "0.02"), "");
    ASSERT_EQ(section_.Set(*section_.Find("hidden_dropout"), "0.7"), "");
  }
  const std::vector<eval::Metric> metrics = {eval::ParseMetric("ndcg@10")};
  const auto value = [&](const core::AlgorithmSpec& spec, const config::Section& section) {
    const auto trainer = spec.make_trainer(section, WithNeeds(spec, ViewOf(World().split)), {.seed = 1});
    TrainFrom(*trainer, 0, 0);
    return eval::Evaluate(trainer->Current(), World().split.test, metrics, 500).Mean(0);
  };
  const core::AlgorithmSpec& popularity = Algorithms().Get("popularity");
  // Measured margins are above 0.1 for every algorithm here but gru4rec, which looks for an order that is not there:
  // 0.02.
  const double margin = GetParam() == "gru4rec" ? 0.005 : 0.05;
  EXPECT_GT(value(spec_, section_), value(popularity, popularity.make_config()) + margin);
}

// The same log with eight items around every click, and the same numbers of users held out.
data::Split ShownSplit() {
  const test::TempDir out;
  const data::Dataset log = data::Dataset::Open(World().dir / "data");
  data::AddDisplaysTo(base::RealFileSystem(), log, {.kind = "popularity", .size = 8}, out / "shown");
  return data::MakeSplit(data::Dataset::Open(out / "shown"),
                         {.kind = "displays", .validation_users = 60, .test_users = 80});
}

// A first click comes before anything is known of its user.
TEST_P(Algorithm, RanksWhatWasShownToUsersWithoutHistory) {
  static const data::Split shown = ShownSplit();
  Shorten("1");
  const core::TrainView view = WithNeeds(spec_, {.interactions = shown.train.view(),
                                                 .num_items = shown.num_items(),
                                                 .displays = &shown.train_displays,
                                                 .validation_displays = &shown.validation_displays});
  const auto trainer = spec_.make_trainer(section_, view, {.seed = 1});
  TrainFrom(*trainer, 0, 0);
  const std::vector<std::string> names = {"hr@1", "hr@8", "ndcg@10"};
  for (const data::EvalSet* set : {&shown.validation, &shown.test}) {
    ASSERT_TRUE(set->input.row(0).empty());
    const eval::EvalResult result = eval::Evaluate(trainer->Current(), *set, eval::ParseMetrics(names), 500);
    EXPECT_EQ(result.users, set->target.nnz());
    EXPECT_LT(result.Mean(0), 1.0);
    EXPECT_EQ(result.Mean(1), 1.0);  // eight items are ranked, and the target is one of them
    EXPECT_GT(result.Mean(2), 1.0 / std::log2(9.0));
  }
}

std::vector<std::string> Names() { return Algorithms().Names(); }

INSTANTIATE_TEST_SUITE_P(Registry, Algorithm, testing::ValuesIn(Names()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace recforce
