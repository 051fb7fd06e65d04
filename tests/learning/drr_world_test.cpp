// SPDX-License-Identifier: Apache-2.0
// DRR in the simulator of Liu et al. (2018) on MovieLens-100k: users rate what they are shown as they did, or as a
// factorisation says that they would have. Slow; skipped where the data is not there.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "algos/drr/learner.h"
#include "algos/register_all.h"
#include "recforce/data/convert.h"
#include "recforce/data/split.h"
#include "sim/runner.h"
#include "support/temp_dir.h"
#include "support/train_from.h"

namespace recforce::algos {
namespace {

constexpr int kSeeds = 5;
constexpr std::int64_t kSessions = 2000;  // of ten recommendations
constexpr std::int64_t kLearningSessions = 300;

struct Rows {
  std::vector<double> random, start, agent, learning, truth;  // a mean for each session, seed after seed
};

void Append(std::vector<double>& to, const std::vector<double>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

void Print(const char* name, const std::vector<double>& values) {
  const sim::Estimate mean = sim::MeanOf(values);
  std::printf("  %-40s %.4f +- %.4f\n", name, mean.mean, mean.half_width95);
}

class RatedMovieLens : public testing::Test {
 protected:
  void SetUp() override {
    const auto data = test::RealData();
    if (!data || !std::filesystem::exists(*data / "ml-100k")) {
      GTEST_SKIP() << "no ml-100k in RECFORCE_DATA or ../shared/data";
    }
    RegisterAll(registry_);
    data::Convert(base::RealFileSystem(), *data / "ml-100k", {}, dir_ / "data");
    dataset_ = data::Dataset::Open(dir_ / "data");
    split_ = data::MakeSplit(dataset_, {.kind = "user_time_ratio", .validation_ratio = 0.0, .test_ratio = 0.2}, true);
    for (const std::int64_t place : split_.train_places) {
      values_.push_back(dataset_.values()[static_cast<std::size_t>(place)]);
    }
    view_ = {.interactions = split_.train.view(), .num_items = split_.num_items(), .values = values_};
  }

  // The tensors of a factorisation, trained with its defaults.
  base::TensorSet Factorise(const std::string& model, std::uint64_t seed) const {
    const core::AlgorithmSpec& spec = registry_.Get(model);
    const auto trainer = spec.make_trainer(spec.make_config(), view_, {.seed = seed});
    test::TrainFrom(*trainer, 0, 0);
    return trainer->Export();
  }

  // Agents that begin with iALS, among users whom they do not know the ratings of.
  Rows Learn(const DrrConfig& config) const {
    const RatingTables ratings = RatingTables::Load(Factorise("pmf", 100), split_.num_items());
    const std::int64_t items = split_.num_items();
    DrrConfig start_config = config;
    start_config.agent = "td3";  // which begins with exactly the ranking of its factorisation
    Rows rows;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const std::uint64_t sessions = 1000 + seed;
      const auto begin = [&](const DrrConfig& of, const base::TensorSet& factors) {
        const std::int64_t dim = factors.Get("item_factors").shape[1];
        const StartVectors start = StartOf(FactorTables::Load(factors, "", items, dim));
        auto learner = std::make_unique<DrrLearner>(of, AgentOptionsOf(of, start.dim, 1, -1.0, 1.0), start, seed);
        learner->BeginTraining(MakeDrrWorld(of, view_, &ratings, seed));
        return learner;
      };
      const base::TensorSet factors = Factorise("ials", seed);
      Append(rows.truth, begin(start_config, Factorise("pmf", 100))->Roll(Acting::kGreedy, kSessions, sessions));
      Append(rows.start, begin(start_config, factors)->Roll(Acting::kGreedy, kSessions, sessions));
      const auto agent = begin(config, factors);
      Append(rows.random, agent->Roll(Acting::kRandom, kSessions, sessions));
      for (std::int64_t epoch = 0; epoch < config.epochs; ++epoch) {
        agent->Epoch({});
      }
      Append(rows.agent, agent->Roll(Acting::kGreedy, kSessions, sessions));
      Append(rows.learning, agent->RollLearning(kLearningSessions, sessions));
    }
    return rows;
  }

  test::TempDir dir_;
  core::Registry registry_;
  data::Dataset dataset_;
  data::Split split_;
  std::vector<float> values_;
  core::TrainView view_;
};

TEST_F(RatedMovieLens, LearnsWhatUsersRate) {
  DrrConfig config;
  config.agent = "wolpertinger";
  config.neighbours = 50;
  config.world = "rated";
  config.start = "earliest";
  config.memory = 5;
  config.discount = 0.5;
  config.epsilon = 0.1;
  config.ranking_weight = 0.0;
  config.hidden = {64};
  config.batch_size = 256;
  config.epochs = 6;
  config.updates_per_epoch = 500;
  config.validation_users = 0;
  const Rows rows = Learn(config);
  std::printf("mean reward of ten recommendations, %d seeds\n", kSeeds);
  Print("random items", rows.random);
  Print("iALS, with which the agent begins", rows.start);
  Print("the agent", rows.agent);
  Print("the agent, learning in each session", rows.learning);
  Print("the factorisation that users answer by", rows.truth);
  const auto low = [](const std::vector<double>& values) {
    const sim::Estimate mean = sim::MeanOf(values);
    return mean.mean - mean.half_width95;
  };
  const auto high = [](const std::vector<double>& values) {
    const sim::Estimate mean = sim::MeanOf(values);
    return mean.mean + mean.half_width95;
  };
  // Measured .62, .42 and .20 with a half width of .005; what is demanded leaves .05 more than intervals that are
  // apart.
  EXPECT_GT(low(rows.agent), high(rows.start) + 0.05);
  EXPECT_GT(low(rows.start), high(rows.random) + 0.05);
  EXPECT_GT(low(rows.learning), high(rows.start) + 0.05);
}

}  // namespace
}  // namespace recforce::algos
