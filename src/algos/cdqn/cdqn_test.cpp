// SPDX-License-Identifier: Apache-2.0
// Training in worlds that are known, what is exported, and what is refused.
#include "algos/cdqn/cdqn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "algos/cdqn/learner.h"
#include "algos/cdqn/policy.h"
#include "algos/cdqn/test_networks.h"
#include "algos/cdqn/users.h"
#include "recforce/base/threads.h"
#include "sim/tabular_world.h"
#include "sim/worlds.h"
#include "support/same_tensors.h"
#include "support/standing_users.h"
#include "support/temp_dir.h"

namespace recforce::algos {
namespace {

using Items = std::vector<std::int32_t>;
using Values = std::map<std::string, std::string>;

const Values kSmall = {{"hidden", "16,8"},   {"embedding", "6"},         {"sums", "2"},
                       {"users", "8"},       {"batch_size", "40"},       {"warmup", "32"},
                       {"epochs", "4"},      {"updates_per_epoch", "6"}, {"replay", "60"},
                       {"target_sync", "4"}, {"validation_users", "16"}};

config::Section Settings(Values values) {
  const core::AlgorithmSpec spec = CdqnSpec();
  config::Section section = spec.make_config();
  values.insert(kSmall.begin(), kSmall.end());
  for (const auto& [key, value] : values) {
    EXPECT_EQ(section.Set(*section.Find(key), value), "") << key;
  }
  return section;
}

std::shared_ptr<const core::Environment> World(const std::string& name, std::int64_t items) {
  sim::EnvironmentConfig config;
  config.items = items;
  config.seed = 4;
  return sim::MakeWorld(name, config);
}

core::TrainView ViewOf(const core::Environment& world, std::int64_t slate = 3, std::int64_t horizon = 5) {
  core::TrainView view;
  view.num_items = world.NumItems();
  view.environment = &world;
  view.episodes = {slate, horizon};
  return view;
}

std::unique_ptr<core::Trainer> Make(const Values& values, const core::TrainView& view) {
  return CdqnSpec().make_trainer(Settings(values), view, {.seed = 5});
}

void ExpectSame(const base::TensorSet& a, const base::TensorSet& b) {
  EXPECT_EQ(a.metadata(), b.metadata());
  recforce::test::ExpectSameTensors(a, b);
}

template <class Body>
void ExpectRefused(base::ErrorKind kind, const std::string& message, const Body& body) {
  try {
    body();
    FAIL() << "it was accepted; expected: " << message;
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_EQ(std::string(error.what()), message);
  }
}

struct Variant {
  std::string name;
  std::string world;
  Values values;
};

class CdqnVariant : public testing::TestWithParam<Variant> {
 protected:
  const std::shared_ptr<const core::Environment> world_ = World(GetParam().world, 12);
  [[nodiscard]] std::unique_ptr<core::Trainer> New() const { return Make(GetParam().values, ViewOf(*world_)); }
  static void Train(core::Trainer& trainer, std::int64_t from, std::int64_t to) {
    for (std::int64_t epoch = from; epoch < to; ++epoch) {
      trainer.Epoch({.epoch = epoch});
      if (epoch == 1) {
        trainer.KeepBest();
      }
    }
  }
};

TEST_P(CdqnVariant, ResumedEqualsNeverStoppedInAllItsState) {
  const auto whole = New();
  Train(*whole, 0, 4);
  for (const std::int64_t stop : {1, 3}) {
    const auto stopped = New();
    Train(*stopped, 0, stop);
    recforce::test::TempDir dir;
    base::WriteTensorFile(base::RealFileSystem(), dir / "state", stopped->SaveState());
    const auto resumed = New();
    resumed->LoadState(base::ReadTensorFile(dir / "state"), 0);
    Train(*resumed, stop, 4);
    ExpectSame(whole->SaveState(), resumed->SaveState());
    EXPECT_EQ(whole->Validate(nullptr), resumed->Validate(nullptr));
    if (stop == 3) {
      resumed->EndPhase();
    }
  }
}

TEST_P(CdqnVariant, AnyNumberOfThreadsGivesTheSameBytes) {
  const int before = base::Threads();
  std::vector<std::unique_ptr<core::Trainer>> trainers;
  for (const int threads : {1, 3}) {
    base::SetThreads(threads);
    trainers.push_back(New());
    Train(*trainers.back(), 0, 2);
    EXPECT_EQ(trainers.back()->Validate(nullptr), trainers.front()->Validate(nullptr));
  }
  base::SetThreads(before);
  ExpectSame(trainers[0]->SaveState(), trainers[1]->SaveState());
}

// The value that selects weights is what a loaded policy earns from the same users.
TEST_P(CdqnVariant, LoadedPolicyEarnsWhatValidationSays) {
  const auto trainer = New();
  Train(*trainer, 0, 2);
  const auto policy = CdqnSpec().load_policy(Settings(GetParam().values), trainer->Export(), world_->NumItems(), "cpu");
  std::vector<std::int64_t> users(16);
  std::iota(users.begin(), users.end(), 0);
  const auto episodes = world_->Start(users, 5);
  Items slates(16 * 3);
  core::Feedback feedback;
  double sum = 0.0;
  for (int step = 0; step < 5; ++step) {
    policy->Choose(*episodes, 1, {slates.data(), 16, 3});
    episodes->Step({slates.data(), 16, 3}, feedback);
    for (const float reward : feedback.reward) {
      sum += std::pow(0.9, step) * reward / 16.0;
    }
  }
  const auto own = trainer->Validate(nullptr);
  ASSERT_TRUE(own.has_value());
  EXPECT_NEAR(*own, sum, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Settings, CdqnVariant,
    testing::Values(Variant{"separate", "tabular", {}},
                    Variant{"steps", "tabular", {{"steps", "3"}, {"target", "paper"}, {"epsilon_item", "0.3"}}},
                    Variant{"shared", "linear", {{"networks", "shared"}, {"polyak", "0.1"}, {"beam", "3"}}},
                    Variant{"additive", "latent", {{"method", "additive"}, {"double_q", "false"}}},
                    Variant{"shortlist", "latent", {{"shortlist", "7"}, {"candidates", "5"}, {"reward", "click"}}},
                    Variant{"slateq", "linear", {{"method", "slateq"}, {"search", "top"}}}),
    [](const auto& param) { return param.param.name; });

TEST(CdqnTest, EpsilonFallsOverItsShareOfTheUpdates) {
  const auto world = World("tabular", 6);
  const auto trainer = Make({}, ViewOf(*world));
  for (const double expected : {0.55, 0.1, 0.1}) {
    const core::Metrics metrics = trainer->Epoch({});
    ASSERT_EQ(metrics.size(), 5U);
    EXPECT_EQ(metrics[1].first, "epsilon");
    EXPECT_NEAR(metrics[1].second, expected, 1e-12);
    EXPECT_EQ(metrics[4].first, "violation");
    EXPECT_GT(metrics[4].second, 0.0);
  }
}

// Users who have left take up room in the ring: it may never hold `warmup` transitions.
TEST(CdqnTest, WarmupIsOverWhenTheRingIsFull) {
  const auto world = World("latent", 12);
  const auto trainer =
      Make({{"replay", "24"}, {"warmup", "1000"}, {"updates_per_epoch", "12"}}, ViewOf(*world, 3, 200));
  trainer->Epoch({});
  const base::TensorSet state = trainer->SaveState();
  const auto left = state.Get("replay.left").As<std::uint8_t>();
  EXPECT_GT(std::count(left.begin(), left.end(), 1), 0) << "nobody left: nothing was tested";
  EXPECT_EQ(state.Meta("users.rounds"), "1");
  EXPECT_EQ(state.Meta("users.step"), "14");  // three steps of eight users before the first update
}

TEST(CdqnTest, ExportSaysWhereItWasTrained) {
  const auto world = World("tabular", 6);
  const base::TensorSet set = Make({}, ViewOf(*world))->Export();
  EXPECT_EQ(set.Meta("trained_in"), world->identity());
  EXPECT_EQ(set.Meta("trained_in_learnt"), "no");
}

TEST(CdqnTest, RefusesWhatItCannotLearnFrom) {
  const auto world = World("tabular", 6);
  core::TrainView nobody;
  nobody.num_items = 6;
  ExpectRefused(base::ErrorKind::kUsage, "cdqn: there is nobody to learn from: ''; expected an environment",
                [&] { Make({}, nobody); });
  core::TrainView other = ViewOf(*world);
  other.num_items = 7;
  ExpectRefused(base::ErrorKind::kUsage, "cdqn: the environment has another catalogue: '6' items; expected 7",
                [&] { Make({}, other); });
  ExpectRefused(base::ErrorKind::kUsage,
                "cdqn: a slate holds more items than there are to choose from: '3'; expected at most 2", [&] {
                  Make({{"shortlist", "2"}}, ViewOf(*world));
                });
  ExpectRefused(base::ErrorKind::kUsage,
                "cdqn: a slate holds more items than there are to choose from: '3'; expected at most 2", [&] {
                  Make({{"candidates", "2"}}, ViewOf(*world));
                });
  const auto hidden = World("latent", 12);
  ExpectRefused(base::ErrorKind::kUsage,
                "cdqn.method: this environment hides what its users choose by: 'slateq'; expected cascade or additive",
                [&] {
                  Make({{"method", "slateq"}}, ViewOf(*hidden));
                });
  ExpectRefused(base::ErrorKind::kUsage, "cdqn.hidden: there is no hidden layer: '[]'; expected one or more", [&] {
    config::Section section = Settings({});
    section.As<CdqnConfig>().hidden.clear();
    CdqnSpec().make_trainer(section, ViewOf(*world), {});
  });
}

TEST(CdqnTest, RefusesADeviceThatIsNotThere) {
  if (torch::cuda::is_available()) {
    GTEST_SKIP() << "there is a CUDA device";
  }
  const auto world = World("tabular", 6);
  try {
    CdqnSpec().make_trainer(Settings({}), ViewOf(*world), {.device = "cuda"});
    FAIL() << "it was accepted";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUnavailable);
  }
}

TEST(CdqnTest, RefusesDamagedTensors) {
  const auto world = World("linear", 12);
  const auto trainer = Make({{"shortlist", "8"}}, ViewOf(*world));
  const auto load = [&](const base::TensorSet& set) {
    CdqnSpec().load_policy(Settings({{"shortlist", "8"}}), set, 12, "cpu");
  };
  load(trainer->Export());
  for (const std::string key : {"memory", "slate", "choice", "no_click"}) {
    for (const std::string value : {"-1x", "9000000000", "0.5.1"}) {
      if (key == "no_click" && value == "9000000000") {
        continue;  // a utility may be any number
      }
      base::TensorSet set = trainer->Export();
      set.SetMeta(key, value);
      try {
        load(set);
        FAIL() << key << " " << value << " was accepted";
      } catch (const base::Error& error) {
        EXPECT_EQ(error.kind(), base::ErrorKind::kData) << error.what();
      }
    }
  }
  for (const Items& shortlist : {Items{1, 1, 2}, Items{3, 2}, Items{5, 12}, Items{-1}}) {
    base::TensorSet set = trainer->Export();
    set.AddOwned("shortlist", shortlist);
    EXPECT_THROW(load(set), base::Error);
  }
  for (const std::string name : {"item.features", "item.embedding", "q.1.0.weight", "state.weights"}) {
    base::TensorSet set = trainer->Export();
    set.AddOwned(name, std::vector<float>(5, 0.0F));
    EXPECT_THROW(load(set), base::Error) << name;
  }
}

TEST(CdqnPolicyTest, SeparateNetworksRefuseMorePlacesThanTheyHave) {
  const CdqnShape shape{.items = 6, .embedding = 3, .positions = 2, .hidden = {4}};
  const auto scorer = std::make_shared<CdqnScorer>(test::RandomParams(shape, 1));
  const recforce::test::StandingUsers users({1, -1}, 1);
  Items slates(2 * 7);
  const CdqnPolicy policy(scorer, {.slate = 2});
  policy.Choose(users, 1, {slates.data(), 2, 1});
  policy.Choose(users, 1, {slates.data(), 2, 2});
  ExpectRefused(base::ErrorKind::kUsage,
                "cdqn: slate has more items than there are networks, one for each place: '3'; expected at most 2", [&] {
                  policy.Choose(users, 1, {slates.data(), 2, 3});
                });
}

TEST(CdqnPolicyTest, SharedNetworksMakeSlatesOfAnyLength) {
  const CdqnShape shape{.items = 6, .embedding = 3, .positions = 2, .shared = true, .hidden = {4}};
  const auto scorer = std::make_shared<CdqnScorer>(test::RandomParams(shape, 1));
  const recforce::test::StandingUsers users({1, -1}, 1);
  Items slates(2 * 7);
  const CdqnPolicy policy(scorer, {.slate = 2});
  policy.Choose(users, 1, {slates.data(), 2, 6});
  for (const std::int64_t begin : {0, 6}) {
    EXPECT_EQ(std::set<std::int32_t>(slates.begin() + begin, slates.begin() + begin + 6).size(), 6U);
  }
  ExpectRefused(base::ErrorKind::kUsage,
                "cdqn: slate has more items than there are to choose from: '7'; expected at most 6", [&] {
                  policy.Choose(users, 1, {slates.data(), 2, 7});
                });
}

TEST(CdqnPolicyTest, ReadsAsManyClicksAsInTraining) {
  const CdqnShape shape{.items = 6, .embedding = 3, .positions = 2, .hidden = {4}};
  const CdqnPolicy policy(std::make_shared<CdqnScorer>(test::RandomParams(shape, 1)), {.slate = 2});
  EXPECT_EQ(policy.memory(), 1);
  Items slates(2 * 2);
  policy.Choose(recforce::test::StandingUsers({1, 4}, 1), 1, {slates.data(), 2, 2});
  Items longer(2 * 2);
  policy.Choose(recforce::test::StandingUsers({1, 2, 4, 5}, 2), 1, {longer.data(), 2, 2});
  EXPECT_EQ(longer, slates);
}

// The slate of what the user does not have, then Q of the first place, then what is outside the shortlist.
TEST(CdqnRecommenderTest, SlateThenFirstPlaceThenTheRest) {
  const CdqnShape shape{.items = 9, .embedding = 3, .memory = 2, .sums = 2, .positions = 3, .hidden = {8}};
  const CdqnParams params = test::RandomParams(shape, 6);
  const auto scorer = std::make_shared<CdqnScorer>(params, Items{0, 1, 2, 4, 5, 7, 8});
  const CdqnRecommender model(scorer, {.slate = 3});
  data::Csr history;
  history.AddRow(Items{3, 4, 7});
  history.AddRow(Items{});
  std::vector<float> scores(2 * 9);
  model.ScoreBatch({history.view()}, {scores.data(), 2, 9});
  const Items recent = {7, 4, -1, -1};
  Items slates(2 * 3);
  CascadeSlates(*scorer, {recent.data(), 2, 2}, {.excluded = history.view()}, {slates.data(), 2, 3});
  PlacesToItems(*scorer, {slates.data(), 2, 3});
  for (std::int64_t row = 0; row < 2; ++row) {
    Items expected(slates.begin() + row * 3, slates.begin() + row * 3 + 3);
    std::vector<std::pair<double, std::int32_t>> others;
    for (const std::int32_t item : scorer->catalogue()) {
      if (std::find(expected.begin(), expected.end(), item) == expected.end()) {
        const std::span<const std::int32_t> state(recent.data() + row * 2, 2);
        others.emplace_back(-test::NaiveQ(params, state, {}, item), item);
      }
    }
    std::sort(others.begin(), others.end());
    for (const auto& [q, item] : others) {
      expected.push_back(item);
    }
    expected.insert(expected.end(), {3, 6});
    Items order(9);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return scores[static_cast<std::size_t>(row * 9 + a)] > scores[static_cast<std::size_t>(row * 9 + b)];
    });
    EXPECT_EQ(order, expected);
  }
}

TEST(CdqnUsersTest, OthersComeWhenTheHorizonIsOver) {
  const auto world = World("tabular", 6);
  CdqnUsers users(*world, {2, 3}, 4, 100, 9);
  Replay replay(4, 1, 2, 100);
  ShownTotals totals;
  const Items slates = {0, 1, 2, 3, 4, 5, 0, 2};
  for (int step = 0; step < 7; ++step) {
    EXPECT_EQ(users.Current().users()[0], 100 + 4 * (step / 3));
    users.Show({slates.data(), 4, 2}, false, replay, totals);
  }
  EXPECT_EQ(totals.shown, 28);
  EXPECT_EQ(replay.shown(), 28);
}

TEST(CdqnUsersTest, ClickRewardIsOneOrMinusOneAndTotalsStayTheEnvironments) {
  const auto world = World("tabular", 6);
  const Items slates = {0, 1, 2, 3, 4, 5, 0, 2};
  ShownTotals totals[2];
  for (const bool click : {false, true}) {
    CdqnUsers users(*world, {2, 30}, 4, 100, 9);
    Replay replay(4, 1, 2, 1000);
    for (int step = 0; step < 20; ++step) {
      users.Current();
      users.Show({slates.data(), 4, 2}, click, replay, totals[click ? 1 : 0]);
    }
    ReplayBatch batch;
    replay.Draw(1, 0, 200, 1, 0.9, batch);
    for (std::size_t row = 0; row < batch.reward.size() && click; ++row) {
      EXPECT_EQ(batch.reward[row], batch.clicked[row] >= 0 ? 1.0F : -1.0F);
    }
  }
  EXPECT_EQ(totals[0].reward, totals[1].reward);
  EXPECT_EQ(totals[0].clicks, totals[1].clicks);
  EXPECT_GT(totals[0].clicks, 0);
  EXPECT_LT(totals[0].clicks, totals[0].shown);
}

TEST(CdqnUsersTest, ShortlistHoldsTheItemsOfTheLargestRewards) {
  // In every state 4 is best and 2 next; 0 is third after 4, 5 elsewhere.
  std::vector<float> rewards;
  for (int state = 0; state < 7; ++state) {
    rewards.insert(rewards.end(), {state == 4 ? 1.0F : 0.0F, 0.1F, 2.0F, 0.2F, 3.0F, 0.5F});
  }
  const core::ChoiceRule rule{core::ChoiceLaw::kSoftmax, 0.0F};
  const sim::TabularWorld world(std::make_shared<sim::TabularProblem>(6, rule, rewards), "ranked");
  EXPECT_EQ(RewardShortlist(world, 2, 2, 16, 1), (Items{2, 4}));
  EXPECT_EQ(RewardShortlist(world, 4, 2, 16, 1), (Items{0, 2, 4, 5}));
  EXPECT_TRUE(RewardShortlist(world, 6, 2, 16, 1).empty());
  EXPECT_TRUE(RewardShortlist(world, 0, 2, 16, 1).empty());
}

// A small edition of tests/learning/cdqn_test.cpp.
TEST(CdqnTest, LearnsToLookAheadInASmallWorld) {
  sim::EnvironmentConfig config;
  config.items = 5;
  config.seed = 3;
  const auto world = sim::TabularWorld::Make(config);
  const Values values = {{"hidden", "32,16"},       {"embedding", "16"},   {"users", "32"},
                         {"batch_size", "64"},      {"epochs", "4"},       {"replay", "20000"},
                         {"warmup", "320"},         {"target_sync", "50"}, {"updates_per_epoch", "300"},
                         {"learning_rate", "0.003"}};
  const auto trainer = Make(values, ViewOf(*world, 2, 20));
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    trainer->Epoch({.epoch = epoch});
  }
  const auto policy = CdqnSpec().load_policy(Settings(values), trainer->Export(), 5, "cpu");
  Items slates(6 * 2);
  policy->Choose(recforce::test::StandingUsers({0, 1, 2, 3, 4, -1}, 1), 1, {slates.data(), 6, 2});
  const auto mean = [](const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0) / v.size(); };
  const sim::TabularProblem& problem = world->problem();
  const double learnt = mean(problem.ValueOf({slates.data(), 6, 2}, 0.9));
  const double best = mean(problem.Solve(2, 0.9).value);
  const double myopic = mean(problem.SolveMyopic(2, 0.9).value);
  const double random = mean(problem.ValueOfRandom(2, 0.9));
  EXPECT_GT(learnt, random + 0.85 * (best - random)) << "best " << best << ", random " << random;
  EXPECT_GT(learnt, myopic);
}

}  // namespace
}  // namespace recforce::algos
