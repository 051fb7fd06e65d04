// SPDX-License-Identifier: Apache-2.0
// What a learner does beside its losses: priorities, targets, and a state from which it goes on as if never stopped.
#include "algos/drr/learner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "algos/drr/toy_world.h"
#include "nn/gemm.h"
#include "recforce/base/threads.h"
#include "sim/environment_items.h"
#include "sim/worlds.h"
#include "support/error_of.h"
#include "support/same_tensors.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsers = 12;
constexpr std::int64_t kItems = 15;
constexpr std::int64_t kDim = 4;

// Users like every third item, and leave after some of the others; nothing is shown twice.
ToyRules Rules() {
  return {.items = kItems,
          .users = kUsers,
          .memory = 3,
          .horizon = 6,
          .repeats = false,
          .least = -1.0F,
          .reward = [](std::int32_t user, ToyRules::Memory memory,
                       std::int32_t item) { return (user + item + memory[0]) % 3 == 0 ? 1.0F : -0.1F * (item % 4); },
          .likes = {},
          .leaves = [](std::int32_t item) { return item % 7 == 5; }};
}

DrrConfig Small(const std::string& agent) {
  DrrConfig config;
  config.agent = agent;
  config.memory = 3;
  config.hidden = {8};
  config.ranking_weight = 0.0;
  config.validation_users = 8;
  config.episodes = 10;
  config.warmup = 50;
  config.capacity = 300;
  config.batch_size = 16;
  config.actor_start = 20;
  config.updates_per_epoch = 100;
  return config;
}

StartVectors Start() { return StartFromScratch(kUsers, kItems, kDim, 0.5, 3); }

std::unique_ptr<DrrLearner> Begin(const DrrConfig& config) { return BeginToy(config, Start(), Rules(), 5); }

std::vector<float> Tensor(const DrrLearner& learner, const std::string& name) {
  base::TensorSet set;
  learner.Save(set);
  const auto values = set.Get(name).As<float>();
  return {values.begin(), values.end()};
}

double Correlation(const std::vector<double>& a, const std::vector<double>& b) {
  double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::size_t at = 0; at < a.size(); ++at) {
    x += a[at], y += b[at], xx += a[at] * a[at], yy += b[at] * b[at], xy += a[at] * b[at];
  }
  const auto n = static_cast<double>(a.size());
  return (n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y));
}

class DrrLearnerTest : public testing::Test {
 protected:
  void SetUp() override { nn::UseOneBlasThread(); }
  void TearDown() override { base::SetThreads(threads_); }

 private:
  int threads_ = base::Threads();
};

// |Q - y| of rows of a DDPG agent by its own numbers and those of its targets.
std::vector<double> Missed(const DrrLearner& learner, const DrrConfig& config, const DrrBatch& batch) {
  const DrrModel& model = *learner.model();
  const auto rows = static_cast<std::int64_t>(batch.rows.size());
  const auto vectors = [&](const std::vector<std::int32_t>& memory) {
    std::vector<float> both(static_cast<std::size_t>(rows * kDim * (1 + config.memory)));
    GatherRows(model.users(), model.items(), kDim, batch.users, {memory.data(), rows, config.memory}, both.data(),
               both.data() + rows * kDim);
    return both;
  };
  const std::vector<float> before = vectors(batch.memory);
  const std::vector<float> after = vectors(batch.after);
  const std::vector<float> state = Tensor(learner, "target.state");
  const std::vector<float> actor = Tensor(learner, "target.actor");
  const std::vector<float> critic = Tensor(learner, "target.critic");
  std::vector<float> taken(static_cast<std::size_t>(rows * kDim));
  MeanOfSlates(model.actions.unit, kDim, {batch.slates.data(), rows, 1}, taken.data());
  const AgentRows<float> all = {{before.data(), before.data() + rows * kDim, batch.memory.data(), rows},
                                {after.data(), after.data() + rows * kDim, batch.after.data(), rows},
                                taken.data(),
                                batch.reward.data(),
                                batch.discount.data(),
                                batch.weight.data()};
  ActorCritic<float> losses({.shape = model.options.shape, .least = model.options.least, .most = model.options.most});
  std::vector<float> y(batch.rows.size());
  std::vector<float> deltas(batch.rows.size());
  losses.Targets({state.data(), actor.data(), critic.data()}, model.side(), all, nullptr, 0.0F, {}, y.data());
  AgentTotals totals;
  losses.Gradients(model.side(), all, y.data(), rows, false, nullptr, 0.0F, {}, {}, deltas.data(), totals);
  std::vector<double> missed;
  std::transform(deltas.begin(), deltas.end(), std::back_inserter(missed),
                 [](float delta) { return static_cast<double>(std::abs(delta)); });
  return missed;
}

TEST_F(DrrLearnerTest, PrioritiesAreWhatTheCriticMissesBy) {
  DrrConfig config = Small("ddpg");
  config.batch_size = 64;
  config.learning_rate = 1e-4;
  config.actor_learning_rate = 1e-4;
  config.updates_per_step = 0.5;
  const auto learner = Begin(config);
  (void)learner->Epoch({});
  const DrrReplay& replay = learner->replay();
  DrrBatch drawn;
  replay.Draw(77, 0, 4000, 1, config.discount, 0.0, drawn);
  const std::vector<double> missed = Missed(*learner, config, drawn);
  std::vector<double> stored;
  std::vector<double> now;
  std::set<std::int64_t> rows;
  for (std::size_t at = 0; at < drawn.rows.size(); ++at) {
    const double p = std::pow(replay.Priority(drawn.rows[at]), 1.0 / config.alpha) - config.priority_epsilon;
    const bool updated = std::abs(p - std::round(p)) > 1e-9;  // others have the largest so far, 1 at least
    if (updated && rows.insert(drawn.rows[at]).second) {
      stored.push_back(p);
      now.push_back(missed[at]);
    }
  }
  EXPECT_GT(rows.size(), 100U);
  EXPECT_GT(Correlation(stored, now), 0.9);
}

// target := target + polyak (learning - target), of all three parts; TD3 with its delay.
TEST_F(DrrLearnerTest, TargetsFollowByPolyak) {
  for (const std::string agent : {"ddpg", "td3"}) {
    DrrConfig config = Small(agent);
    config.updates_per_epoch = 1;
    config.polyak = 0.25;
    config.actor_start = 0;
    const auto learner = Begin(config);
    for (int update = 0; update < 4; ++update) {
      for (const std::string part : {"state", "actor", "critic"}) {
        EXPECT_EQ(Tensor(*learner, "target." + part).size(), part == "state" ? 4U : Tensor(*learner, part).size())
            << "weights and a bias of the mean";
      }
      const std::vector<std::string> names = {"target.state", "target.actor", "target.critic"};
      std::vector<std::vector<float>> before;
      for (const std::string& name : names) {
        before.push_back(Tensor(*learner, name));
      }
      (void)learner->Epoch({});
      const bool moves = agent == "ddpg" || update % 2 == 0;
      for (std::size_t part = 0; part < names.size(); ++part) {
        const std::vector<float> to = Tensor(*learner, names[part].substr(7));
        const std::vector<float> after = Tensor(*learner, names[part]);
        bool moved = false;
        for (std::size_t at = 0; at < after.size(); ++at) {
          const float from = before[part][at];
          ASSERT_FLOAT_EQ(after[at], moves ? from + 0.25F * (to[at] - from) : from) << names[part] << " " << at;
          moved = moved || after[at] != from;
        }
        EXPECT_EQ(moved, moves) << agent << " " << names[part] << " update " << update;
      }
    }
  }
}

TEST_F(DrrLearnerTest, TargetsStayWithinTheBound) {
  const auto bounds = [](const std::string& bound, double least, double most) {
    DrrConfig config;
    config.bound = bound;
    config.discount = 0.75;
    const AgentOptions options = AgentOptionsOf(config, kDim, 1, least, most);
    return std::pair(options.least, options.most);
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(bounds("auto", -1.0, 2.0), std::pair(-4.0, 8.0));
  EXPECT_EQ(bounds("auto", 0.5, 2.0), std::pair(0.0, 8.0)) << "users who leave bring nothing more";
  EXPECT_EQ(bounds("auto", -3.0, -1.0), std::pair(-12.0, 0.0));
  EXPECT_EQ(bounds("10", -1.0, 2.0), std::pair(-10.0, 10.0));
  EXPECT_EQ(bounds("none", -1.0, 2.0), std::pair(-infinity, infinity));
  EXPECT_EQ(test::ErrorOf([&] { bounds("-1", 0.0, 1.0); }),
            "Usage: drr.bound: is no bound: '-1'; expected auto, none, or a number above 0");
}

// A whole training of two learners, the second of which is resumed from the first one's middle, and a third that is
// alone in using two threads: the same bytes in the end.
void ExpectGoesOnFromState(const std::string& what, const std::function<std::unique_ptr<DrrLearner>()>& begin) {
  SCOPED_TRACE(what);
  constexpr int kHalf = 5;
  const auto train = [](DrrLearner& learner) {
    for (int epoch = 0; epoch < kHalf; ++epoch) {
      (void)learner.Epoch({});
    }
  };
  base::SetThreads(1);
  const auto whole = begin();
  train(*whole);
  base::TensorSet middle;
  whole->Save(middle);
  const auto resumed = begin();
  resumed->Load(middle);
  train(*resumed);
  train(*whole);
  base::SetThreads(2);
  const auto parallel = begin();
  train(*parallel);
  train(*parallel);
  base::TensorSet of_whole, of_resumed, of_parallel;
  whole->Save(of_whole);
  resumed->Save(of_resumed);
  parallel->Save(of_parallel);
  EXPECT_EQ(of_whole.Meta("updates"), "1000");
  test::ExpectSameTensors(of_whole, of_resumed);
  test::ExpectSameTensors(of_whole, of_parallel);
  EXPECT_EQ(of_whole.metadata(), of_resumed.metadata());
  EXPECT_EQ(of_whole.metadata(), of_parallel.metadata());
  EXPECT_NE(Tensor(*whole, "critic"), Tensor(*begin(), "critic"));
}

TEST_F(DrrLearnerTest, GoesOnFromStateAsIfNeverStopped) {
  DrrConfig td3 = Small("td3");
  td3.exploration = "ou";
  td3.embeddings = "fine_tuned";
  td3.actions = "trained";
  td3.ranking_weight = 0.1;
  td3.ranking_negatives = 5;
  td3.optimizer = "ranger";
  td3.epsilon = 0.1;
  td3.batch_size = 200;  // more than one chunk
  ExpectGoesOnFromState("td3", [&] { return Begin(td3); });
  DrrConfig dqn = Small("dqn");
  dqn.steps = 3;
  dqn.dueling = true;
  dqn.epsilon = 0.2;
  dqn.replay = "uniform";
  ExpectGoesOnFromState("dqn", [&] { return Begin(dqn); });
  DrrConfig sac = Small("sac");
  sac.critic_action = "proto";
  sac.state = "gru";
  ExpectGoesOnFromState("sac", [&] { return Begin(sac); });
  DrrConfig bcq = Small("bcq");
  bcq.epsilon = 1.0;
  ExpectGoesOnFromState("bcq", [&] { return Begin(bcq); });
}

// With the best weights remembered on the way, and slates of two.
TEST_F(DrrLearnerTest, GoesOnInAnEnvironment) {
  const auto environment = sim::MakeWorld("latent", {.items = 20, .seed = 2});
  for (const std::string agent : {"wolpertinger", "sac_discrete"}) {
    DrrConfig config = Small(agent);
    config.residual = false;
    config.embeddings = "fine_tuned";
    config.actions = "tied";
    config.neighbours = 4;
    ExpectGoesOnFromState(agent, [&] {
      const StartVectors start = StartOfStrangers(20, kDim, 5);
      auto learner = std::make_unique<DrrLearner>(config, AgentOptionsOf(config, kDim, 2, 0.0, 1.0), start, 5);
      learner->KeepBest();
      learner->BeginTraining(sim::MakeEnvironmentItems(*environment, {.slate = 2, .horizon = 8}, config.memory));
      return learner;
    });
  }
}

}  // namespace
}  // namespace recforce::algos
