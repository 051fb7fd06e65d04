// SPDX-License-Identifier: Apache-2.0
// A run beside the rows that rolled evaluation needs, over a log made by hand; and the floors of its evaluation.
#include "train/evaluate_rated.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/error_of.h"
#include "support/temp_dir.h"
#include "support/unsynced_file_system.h"
#include "train/run_folder.h"

namespace recforce::train {
namespace {

// Items by their index, the last first, for everyone.
class LastFirst final : public core::Recommender {
 public:
  explicit LastFirst(std::int64_t num_items) : num_items_(num_items) {}
  [[nodiscard]] std::int64_t NumItems() const override { return num_items_; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t row = 0; row < users.size(); ++row) {
      for (std::int64_t item = 0; item < num_items_; ++item) {
        out.row(row)[item] = static_cast<float>(item);
      }
    }
  }

 private:
  std::int64_t num_items_;
};

class NothingToLearn final : public core::Trainer {
 public:
  explicit NothingToLearn(std::int64_t num_items) : recommender_(num_items) {}
  [[nodiscard]] std::vector<core::Phase> Phases() const override { return {{"fit", 1, 0}}; }
  void BeginPhase(std::int64_t /*phase*/) override {}
  core::Metrics Epoch(const core::EpochContext& /*context*/) override { return {}; }
  [[nodiscard]] const core::Recommender& Current() const override { return recommender_; }
  void KeepBest() override {}
  void EndPhase() override {}
  [[nodiscard]] base::TensorSet Export() const override { return SaveState(); }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set;
    set.AddOwned("nothing", std::vector<float>{0.0F});
    return set;
  }
  void LoadState(const base::TensorSet& /*state*/, std::int64_t /*phase*/) override {}

 private:
  LastFirst recommender_;
};

struct NoConfig {};

core::Registry MakeRegistry() {
  core::AlgorithmSpec spec;
  spec.name = "last";
  spec.learns_by_epoch = false;
  spec.make_config = [] {
    static const config::FieldTable table = config::Fields<NoConfig>().Take();
    return config::Section::Make<NoConfig>("last", table);
  };
  spec.make_trainer = [](const config::Section&, const core::TrainView& view, const core::TrainerContext&) {
    return std::make_unique<NothingToLearn>(view.num_items);
  };
  spec.load = [](const config::Section&, const base::TensorSet&, std::int64_t num_items, const std::string&) {
    return std::make_unique<LastFirst>(num_items);
  };
  core::Registry registry;
  registry.Add(std::move(spec));
  return registry;
}

struct Rating {
  std::int32_t item;
  float value;
};

// The first two items of each user are for training, the others for testing.
class EvaluateRatedTest : public ::testing::Test {
 protected:
  void MakeRun(bool values, const std::string& kind) {
    const std::vector<std::vector<Rating>> users = {{{0, 5}, {2, 5}, {1, 1}, {3, 5}},
                                                    {{1, 4}, {3, 3}, {0, 5}, {2, 1}},
                                                    {{1, 1}, {3, 3}, {0, 5}, {2, 1}},
                                                    {{1, 1}, {3, 3}, {2, 1}, {0, 5}}};
    data::Columns log;
    log.item_ids = {"a", "b", "c", "d"};
    for (std::size_t user = 0; user < users.size(); ++user) {
      log.user_ids.push_back("u" + std::to_string(user));
      for (std::size_t place = 0; place < users[user].size(); ++place) {
        log.user.push_back(static_cast<std::int32_t>(user));
        log.item.push_back(users[user][place].item);
        log.time.push_back(static_cast<std::int64_t>(place));
        if (values) {
          log.value.push_back(users[user][place].value);
        }
      }
    }
    data::WriteDataset(test::UnsyncedDisk(), dir_ / "data", log, {.source = "log.csv", .format = "csv"});
    config::Settings settings = MakeSettings(registry_.Get("last"));
    settings.Set("data", (dir_ / "data").string(), "test");
    settings.Set("split.kind", kind, "test");
    settings.Set("split.validation_ratio", "0", "test");
    settings.Set("split.test_ratio", "0.5", "test");
    settings.Set("eval.metrics", "[hr@1, coverage@1]", "test");
    Observer observer;
    Train(test::UnsyncedDisk(), registry_, settings, {dir_ / "run"}, observer);
  }
  RatedTable Evaluate(const RatedOptions& options, const std::vector<std::string>& changes = {}) {
    return EvaluateRated(registry_, dir_ / "run", std::nullopt, changes, options, nullptr);
  }

  const core::Registry registry_ = MakeRegistry();
  const test::TempDir dir_;
};

std::vector<double> First(const RatedTable& table) {
  std::vector<double> means;
  for (const RatedRow& row : table.rows) {
    means.push_back(row.all[0].mean);
  }
  return means;
}

// In training item 0 is liked once, 2 once, 1 once (4, 1 and 1) and 3 never (3, 3 and 3). With five of the overall mean
// of 25 / 8 the means are 3.44, 3.44, 2.70 and 3.08. Three users are offered 0, which they like, and 2; user 0 is
// offered 1 and likes 3. The model takes 3 and, of the others, 2. Popularity takes 1; the means take 3. Both have a tie
// between 0 and 2, which goes against them.
TEST_F(EvaluateRatedTest, RowsAreThoseOfTheLog) {
  MakeRun(true, "user_time_ratio");
  const RatedTable table = Evaluate({.steps = 1});
  ASSERT_EQ(table.rows.size(), 5U);
  EXPECT_EQ(table.users, 4);
  EXPECT_EQ(table.items, 8);
  EXPECT_EQ(table.liked, 4);
  EXPECT_EQ(table.rows[0].name, "last");
  EXPECT_EQ(table.rows[1].name, "random order");
  EXPECT_EQ(table.rows[2].name, "item popularity");
  EXPECT_EQ(table.rows[3].name, "item mean");
  EXPECT_EQ(table.rows[4].name, "oracle");
  EXPECT_EQ(First(table), (std::vector<double>{0.25, 0.5, 0.0, 0.25, 1.0}));
  EXPECT_EQ(First(Evaluate({.steps = 1}, {"eval.ties=optimistic"})), (std::vector<double>{0.25, 0.5, 0.75, 1.0, 1.0}));
  EXPECT_EQ(First(Evaluate({.steps = 1, .liked_above = 5.0})), (std::vector<double>{0.0, 0.0, 0.0, 0.0, 0.0}));
  // Nobody rated three items of the test part.
  const RatedTable three = Evaluate({.steps = 3});
  EXPECT_EQ(three.rows[4].full[0].users, 0);
  EXPECT_DOUBLE_EQ(three.rows[4].all[0].mean, 1.0 / 3);
}

TEST_F(EvaluateRatedTest, NeedsRatingsByTime) {
  MakeRun(false, "user_time_ratio");
  const std::string run = "Usage: " + (dir_ / "run").string();
  EXPECT_EQ(test::ErrorOf([&] { (void)Evaluate({}); }),
            run + ": --rated needs to know what users liked: the log has no values; expected a log with ratings");
}

TEST_F(EvaluateRatedTest, NeedsASplitByTimeOfEachUser) {
  MakeRun(true, "random_ratio");
  const std::string run = "Usage: " + (dir_ / "run").string();
  EXPECT_EQ(test::ErrorOf([&] { (void)Evaluate({}); }),
            run +
                ": --rated asks for what each user rated last: 'random_ratio' in split.kind; expected "
                "user_time_ratio");
}

// All users see the same scores: nothing about them is personal. Item 3 is first of all; user 0 finds it, and the
// others have it already and get 2 before 0, both of which are their targets: everybody hits.
TEST_F(EvaluateRatedTest, FloorsComeWithAnEvaluation) {
  MakeRun(true, "user_time_ratio");
  eval::FloorTable floors;
  const StoredEvaluation evaluation =
      EvaluateRun(test::UnsyncedDisk(), registry_, dir_ / "run", std::nullopt, nullptr, {}, nullptr, &floors);
  ASSERT_EQ(floors.metrics.size(), 1U);  // coverage has no value for a user
  ASSERT_EQ(floors.rows.size(), 4U);
  EXPECT_EQ(floors.rows[0].name, "last");
  EXPECT_EQ(floors.rows[0].own[0].mean, evaluation.result.Mean(0));
  EXPECT_EQ(floors.rows[3].difference[0].mean, 0.0);
  ASSERT_TRUE(floors.impersonal.has_value());
  EXPECT_EQ(floors.impersonal->name, "hr@1");
}

}  // namespace
}  // namespace recforce::train
