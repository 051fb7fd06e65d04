// SPDX-License-Identifier: Apache-2.0
// The model as others see it: its start, what it keeps, what it refuses.
#include "algos/drr/drr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algos/drr/learner.h"
#include "algos/register_all.h"
#include "recforce/base/rng.h"
#include "support/error_of.h"
#include "support/same_tensors.h"
#include "support/train_from.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsers = 40;
constexpr std::int64_t kItems = 30;
using Settings = std::vector<std::pair<std::string, std::string>>;

// Users of two tastes, with ratings.
struct Log {
  Log() {
    for (std::int64_t user = 0; user < kUsers; ++user) {
      base::Rng rng(1, base::Stream::kTest, static_cast<std::uint64_t>(user));
      std::vector<std::int32_t> items(kItems);
      std::iota(items.begin(), items.end(), 0);
      rng.Shuffle(std::span(items));
      items.resize(14);
      rows.AddRow(items);
      for (const std::int32_t item : items) {
        values.push_back((item < kItems / 2) == (user % 2 == 0) ? 5.0F : 2.0F);
      }
    }
  }
  [[nodiscard]] core::TrainView view(bool rated) const {
    core::TrainView view{.interactions = rows.view(), .num_items = kItems};
    if (rated) {
      view.values = values;
    }
    return view;
  }
  data::Csr rows;
  std::vector<float> values;
};

class DrrModelTest : public testing::Test {
 protected:
  void SetUp() override { RegisterAll(registry_); }

  std::unique_ptr<core::Trainer> Make(const Settings& settings, bool rated = false) {
    const core::AlgorithmSpec& spec = registry_.Get("drr");
    config::Section section = spec.make_config();
    const Settings small = {{"epochs", "1"},          {"updates_per_epoch", "20"},
                            {"batch_size", "32"},     {"episodes", "16"},
                            {"warmup", "64"},         {"hidden", "[8]"},
                            {"memory", "3"},          {"actor_start", "0"},
                            {"capacity", "1000"},     {"dim", "6"},
                            {"validation_users", "8"}};
    for (const Settings& each : {small, settings}) {
      for (const auto& [key, value] : each) {
        EXPECT_EQ(section.Set(*section.Find(key), value), "") << key;
      }
    }
    return spec.make_trainer(section, log_.view(rated), {.seed = 3});
  }

  [[nodiscard]] std::vector<float> Scores(const core::Trainer& trainer) const {
    std::vector<float> scores(kUsers * kItems);
    std::vector<std::int32_t> rows(kUsers);
    std::iota(rows.begin(), rows.end(), 0);
    trainer.Current().ScoreBatch({.history = log_.rows.view(), .rows = rows}, {scores.data(), kUsers, kItems});
    return scores;
  }

  // The items of each user, best first.
  [[nodiscard]] static std::vector<std::int32_t> Ranked(const std::vector<float>& scores) {
    std::vector<std::int32_t> ranked(scores.size());
    for (std::size_t user = 0; user < kUsers; ++user) {
      const auto begin = ranked.begin() + static_cast<std::ptrdiff_t>(user * kItems);
      std::iota(begin, begin + kItems, 0);
      std::stable_sort(begin, begin + kItems, [&](std::int32_t a, std::int32_t b) {
        return scores[user * kItems + static_cast<std::size_t>(a)] >
               scores[user * kItems + static_cast<std::size_t>(b)];
      });
    }
    return ranked;
  }

  // The first phase.
  static void Pretrain(core::Trainer& trainer) {
    trainer.BeginPhase(0);
    for (std::int64_t epoch = 0; epoch < trainer.Phases()[0].epochs; ++epoch) {
      trainer.Epoch({.phase = 0, .epoch = epoch});
    }
    trainer.EndPhase();
  }

  Log log_;
  core::Registry registry_;
};

TEST_F(DrrModelTest, BeginsAsItsFactorisation) {
  for (const std::string name : {"ials", "bpr"}) {
    const core::AlgorithmSpec& factorisation = registry_.Get(name);
    config::Section section = factorisation.make_config();
    ASSERT_EQ(section.Set(*section.Find("dim"), "6"), "");
    const auto alone = factorisation.make_trainer(section, log_.view(false), {.seed = 3});
    Pretrain(*alone);
    for (const std::string agent : {"ddpg", "td3", "crr", "sac_discrete"}) {
      SCOPED_TRACE(factorisation.name + " " + agent);
      const auto trainer = Make({{"agent", agent}, {"pretrain", factorisation.name}});
      Pretrain(*trainer);
      EXPECT_EQ(Ranked(Scores(*trainer)), Ranked(Scores(*alone)));
    }
  }
}

TEST_F(DrrModelTest, WithoutValidationTheLastWeightsStay) {
  const auto trainer = Make({});
  Pretrain(*trainer);
  const std::vector<float> before = Scores(*trainer);
  trainer->BeginPhase(1);
  trainer->Epoch({.phase = 1});
  const std::vector<float> learnt = Scores(*trainer);
  trainer->EndPhase();
  EXPECT_NE(learnt, before);
  EXPECT_EQ(Scores(*trainer), learnt);
}

TEST_F(DrrModelTest, WhatBeganBestIsGivenBack) {
  const auto trainer = Make({});
  trainer->BeginPhase(0);
  trainer->Epoch({});
  trainer->KeepBest();
  const std::vector<float> best = Scores(*trainer);
  trainer->Epoch({.epoch = 1});
  trainer->EndPhase();
  trainer->BeginPhase(1);
  trainer->Epoch({.phase = 1});
  trainer->EndPhase();
  EXPECT_EQ(Scores(*trainer), best);
}

TEST_F(DrrModelTest, NobodyWithEpisodesLeavesTheStart) {
  const auto trainer = Make({{"min_positives", "1000"}});
  Pretrain(*trainer);
  const std::vector<float> before = Scores(*trainer);
  test::TrainFrom(*trainer, 1, 0);
  EXPECT_EQ(Scores(*trainer), before);
  // A state of nothing can be gone on from, too.
  const base::TensorSet state = trainer->SaveState();
  const auto resumed = Make({{"min_positives", "1000"}});
  resumed->LoadState(state, 1);
  EXPECT_EQ(Scores(*resumed), before);
}

TEST_F(DrrModelTest, AGraphOfFewItemsFindsWhatIsNearest) {
  const Settings settings = {{"agent", "wolpertinger"}, {"world", "rated"}, {"pretrain", "pmf"}, {"neighbours", "4"}};
  Settings by_graph = settings;
  by_graph.emplace_back("index", "hnsw");
  const auto exact = Make(settings, true);
  const auto graph = Make(by_graph, true);
  test::TrainFrom(*exact, 0, 0);
  test::TrainFrom(*graph, 0, 0);
  EXPECT_EQ(Scores(*exact), Scores(*graph));
}

TEST_F(DrrModelTest, UsersOfRatingsLeaveWhereItemsAreTooAlike) {
  RatingTables ratings;
  ratings.factors.dim = 1;
  ratings.factors.users.assign(kUsers, 0.0F);
  ratings.factors.items.resize(kItems);
  std::iota(ratings.factors.items.begin(), ratings.factors.items.end(), 0.0F);
  ratings.factors.item_bias.assign(kItems, 0.0F);
  ratings.user_bias.assign(kUsers, 0.0F);
  ratings.mean = 4.0F;
  DrrConfig config;
  config.world = "rated";
  config.leave = "distance";
  config.leave_window = 1;
  config.leave_distance = 1.5;  // the neighbour of the item before it
  const auto world = MakeDrrWorld(config, log_.view(true), &ratings, 1);
  const auto episodes = world->Start(2, 1);
  sim::ItemFeedback feedback;
  episodes->Step({std::vector<std::int32_t>{3, 3}.data(), 2, 1}, feedback);
  EXPECT_EQ(feedback.end, (std::vector<sim::EpisodeEnd>(2, sim::EpisodeEnd::kNone)));
  episodes->Step({std::vector<std::int32_t>{4, 5}.data(), 2, 1}, feedback);
  EXPECT_EQ(feedback.end, (std::vector<sim::EpisodeEnd>{sim::EpisodeEnd::kTerminal, sim::EpisodeEnd::kNone}));
}

TEST_F(DrrModelTest, RefusesWhatDoesNotFit) {
  const auto refusal = [&](const Settings& settings) {
    const std::string error = test::ErrorOf([&] { Make(settings); });
    return error.substr(error.find(": ") + 2);  // without its kind
  };
  EXPECT_EQ(refusal({{"agent", "dqn"}, {"critic_action", "proto"}}),
            "drr.critic_action: 'dqn' acts by no vector: 'proto'; expected item");
  EXPECT_EQ(refusal({{"agent", "bcq"}, {"state_gradient", "both"}}),
            "drr.state_gradient: of bcq the critic alone trains states: 'both'; expected critic or none");
  EXPECT_EQ(refusal({{"actions", "trained"}, {"ranking_weight", "0"}}),
            "drr.actions: nothing trains them but the ranking loss, which is not there: 'trained'; expected frozen");
  EXPECT_EQ(refusal({{"actions", "tied"}}),
            "drr.actions: states' vectors do not learn: 'tied' with drr.embeddings 'frozen'; expected fine_tuned");
  EXPECT_EQ(
      refusal({{"output", "tanh"}}),
      "drr.residual: tanh changes the order of scores: 'true' with drr.output 'tanh'; expected unit or linear, or "
      "drr.residual=false");
  EXPECT_EQ(refusal({{"bound", "-1"}}), "drr.bound: is no bound: '-1'; expected auto, none, or a number above 0");
  EXPECT_EQ(refusal({{"world", "rated"}}),
            "drr.world: 'rated' needs a model of ratings: 'ials' in drr.pretrain; expected pmf");
  EXPECT_EQ(refusal({{"pretrain_settings", "[\"reg\"]"}}),
            "drr.pretrain_settings: not a setting: 'reg'; expected key=value");
  EXPECT_EQ(refusal({{"pretrain_settings", "[\"depth=3\"]"}}), "drr.pretrain_settings: depth is no setting of 'ials'");
  EXPECT_EQ(refusal({{"index", "hnsw"}, {"embeddings", "fine_tuned"}, {"actions", "tied"}}),
            "drr.index: a graph is made of vectors that do not move: 'tied' in drr.actions; expected frozen");
}

}  // namespace
}  // namespace recforce::algos
