// SPDX-License-Identifier: Apache-2.0
// Agents of drr in worlds whose best policy is known. Slow. What was measured with seeds 1, 2 and 3 stands beside the
// thresholds, which leave room for other compilers. Prints what was reached.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "algos/drr/toy_world.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<float> UnitRows(std::int64_t rows, std::int64_t dim, std::uint64_t seed, std::uint64_t name) {
  base::Rng rng(seed, base::Stream::kTest, name);
  std::vector<float> values(static_cast<std::size_t>(rows * dim));
  std::generate(values.begin(), values.end(), [&] { return static_cast<float>(rng.Normal()); });
  for (std::int64_t row = 0; row < rows; ++row) {
    const auto mine = std::span(values).subspan(static_cast<std::size_t>(row * dim), static_cast<std::size_t>(dim));
    const float norm = std::sqrt(std::inner_product(mine.begin(), mine.end(), mine.begin(), 0.0F));
    std::transform(mine.begin(), mine.end(), mine.begin(), [norm](float value) { return value / norm; });
  }
  return values;
}

DrrConfig Toy(const std::string& agent) {
  DrrConfig config;
  config.agent = agent;
  config.memory = 1;
  config.residual = false;
  config.replay = "uniform";
  config.episodes = 128;
  config.batch_size = 256;
  config.learning_rate = 1e-3;
  config.actor_learning_rate = 1e-3;
  config.state_learning_rate = 1e-4;
  config.q_weight = 1.0;
  config.ranking_weight = 0.0;
  config.validation_users = 0;
  config.epsilon = 0.3;
  return config;
}

std::unique_ptr<DrrLearner> Learn(DrrConfig config, const StartVectors& start, const ToyRules& rules,
                                  std::uint64_t seed, std::int64_t updates) {
  nn::UseOneBlasThread();
  config.updates_per_epoch = updates;
  auto learner = BeginToy(config, start, rules, seed);
  (void)learner->Epoch({});
  return learner;
}

// The parameter is an agent.
class EveryAgent : public testing::TestWithParam<std::string> {};

// Users who are shown one item and answer <user, item>.
struct LinearToy {
  static constexpr std::int64_t kUsers = 100;
  static constexpr std::int64_t kItems = 200;
  static constexpr std::int64_t kDim = 8;

  explicit LinearToy(std::uint64_t seed) {
    start.dim = kDim;
    start.users = UnitRows(kUsers, kDim, seed, 1);
    start.items = UnitRows(kItems, kDim, seed, 2);
    rules.items = kItems;
    rules.users = kUsers;
    rules.least = -1.0F;
    rules.reward = [this](std::int32_t user, ToyRules::Memory /*memory*/, std::int32_t item) {
      return Reward(user, item);
    };
    rules.likes = [](std::int32_t, float) { return false; };
    rules.leaves = [](std::int32_t) { return true; };
  }
  [[nodiscard]] float Reward(std::int64_t user, std::int64_t item) const {
    return std::inner_product(start.users.begin() + user * kDim, start.users.begin() + (user + 1) * kDim,
                              start.items.begin() + item * kDim, 0.0F);
  }
  StartVectors start;
  ToyRules rules;
};

struct Ranking {
  double best = 0.0;    // share of users whose best item comes first
  double regret = 0.0;  // share of the gap between the best item and the mean
};

Ranking Judge(const DrrModel& model, const LinearToy& toy) {
  std::vector<std::int32_t> users(LinearToy::kUsers);
  std::iota(users.begin(), users.end(), 0);
  const std::vector<std::int32_t> memory(users.size(), -1);
  const std::vector<float> scores = ScoresOf(model, users, memory);
  Ranking ranking;
  for (const std::int32_t user : users) {
    const auto mine = scores.begin() + user * LinearToy::kItems;
    const float got = toy.Reward(user, std::max_element(mine, mine + LinearToy::kItems) - mine);
    float most = -2.0F;
    float sum = 0.0F;
    for (std::int64_t item = 0; item < LinearToy::kItems; ++item) {
      most = std::max(most, toy.Reward(user, item));
      sum += toy.Reward(user, item);
    }
    ranking.best += got == most ? 1.0 / LinearToy::kUsers : 0.0;
    ranking.regret += static_cast<double>((most - got) / (most - sum / LinearToy::kItems)) / LinearToy::kUsers;
  }
  return ranking;
}

// Of the first critic of an agent that acts by a vector, over all users and items.
double CriticFit(const DrrModel& model, const LinearToy& toy) {
  ActorCritic<float> losses({.shape = model.options.shape});
  StatePass<float> pass(model.options.shape.state);
  double error = 0.0;
  double sum = 0.0;
  double squares = 0.0;
  for (std::int64_t user = 0; user < LinearToy::kUsers; ++user) {
    const std::vector<float> nothing(LinearToy::kDim, 0.0F);
    const std::int32_t none = -1;
    std::vector<float> state(3 * LinearToy::kDim);
    pass.Forward(model.state.data(), {model.users() + user * LinearToy::kDim, nothing.data(), &none, 1}, state.data());
    for (std::int64_t item = 0; item < LinearToy::kItems; ++item) {
      float q = 0.0F;
      losses.Values(model.critic.data(), 0, state.data(), model.actions.unit.data() + item * LinearToy::kDim, 1, &q);
      const auto reward = static_cast<double>(toy.Reward(user, item));
      error += (static_cast<double>(q) - reward) * (static_cast<double>(q) - reward);
      sum += reward;
      squares += reward * reward;
    }
  }
  const double count = LinearToy::kUsers * LinearToy::kItems;
  return 1.0 - error / (squares - sum * sum / count);
}

class LinearUsers : public EveryAgent {};
INSTANTIATE_TEST_SUITE_P(Vectors, LinearUsers, testing::Values("ddpg", "td3", "sac", "wolpertinger"));
INSTANTIATE_TEST_SUITE_P(Items, LinearUsers, testing::Values("dqn", "sac_discrete", "cql"));

// Regret with seeds 1, 2 and 3: ddpg 0.012 to 0.013, td3 0.008 to 0.013, sac 0.006 to 0.008, wolpertinger 0.001 to
// 0.005, those that score items 0.0005 at most. R^2: 0.985 at least.
TEST_P(LinearUsers, AreShownTheirBestItem) {
  const LinearToy toy(1);
  DrrConfig config = Toy(GetParam());
  config.cql_weight = 0.01;
  config.entropy_share = 0.3;
  const bool scores = ScoresItems(ParseAgent(GetParam()));
  const std::int64_t updates = GetParam() == "ddpg" ? 20000 : GetParam() == "td3" || GetParam() == "sac" ? 10000 : 5000;
  const auto learner = Learn(config, toy.start, toy.rules, 1, updates);
  const Ranking ranking = Judge(*learner->model(), toy);
  std::printf("%s: best item %.2f, regret %.4f\n", GetParam().c_str(), ranking.best, ranking.regret);
  EXPECT_LT(ranking.regret, 0.02);
  if (!scores) {
    const double fit = CriticFit(*learner->model(), toy);
    std::printf("%s: R^2 %.4f\n", GetParam().c_str(), fit);
    EXPECT_GT(fit, 0.95);
  }
}

// Item 0 pays 1 and sends the user away, item 1 pays 0.3 and keeps it, the others pay nothing.
ToyRules Burning() {
  return {.items = 6,
          .horizon = 10,
          .reward = [](std::int32_t, ToyRules::Memory,
                       std::int32_t item) { return item == 0   ? 1.0F
                                                   : item == 1 ? 0.3F
                                                               : 0.0F; },
          .likes = {},
          .leaves = [](std::int32_t item) { return item == 0; }};
}

DrrConfig Quick(const std::string& agent) {
  DrrConfig config = Toy(agent);
  config.hidden = {32};
  config.batch_size = 64;
  config.polyak = 0.02;
  config.target_noise = 0.1;
  config.neighbours = 3;
  return config;
}

std::vector<std::int32_t> FirstItems(const DrrModel& model, const std::vector<std::int32_t>& memory) {
  const std::vector<std::int32_t> strangers(memory.size(), -1);
  const std::vector<float> scores = ScoresOf(model, strangers, memory);
  std::vector<std::int32_t> first;
  for (auto row = scores.begin(); row != scores.end(); row += model.actions.items()) {
    first.push_back(static_cast<std::int32_t>(std::max_element(row, row + model.actions.items()) - row));
  }
  return first;
}

// Q(s, i) of DQN for strangers who remember one item, -1: none.
std::vector<double> ItemValues(const DrrModel& model, std::int32_t remembered) {
  const std::int64_t items = model.actions.items();
  const std::int64_t dim = model.dim();
  ItemAgent<float> agent({.shape = model.options.shape, .dueling = model.options.dueling},
                         {model.actions.raw.data(), model.actions.sum.data(), items});
  const std::vector<std::int32_t> strangers(static_cast<std::size_t>(items), -1);
  const std::vector<std::int32_t> memory(strangers.size(), remembered);
  std::vector<std::int32_t> shown(strangers.size());
  std::iota(shown.begin(), shown.end(), 0);
  std::vector<float> users(strangers.size() * static_cast<std::size_t>(dim)), vectors(users.size());
  GatherRows(nullptr, model.items(), dim, strangers, {memory.data(), items, 1}, users.data(), vectors.data());
  const StateRows<float> rows{users.data(), vectors.data(), memory.data(), items};
  const std::vector<float> y(strangers.size(), 0.0F), ones(strangers.size(), 1.0F);
  RowItems legal;
  for (std::int64_t row = 0; row < items; ++row) {
    legal.EndRow(false);
  }
  std::vector<float> deltas(strangers.size());
  AgentTotals totals;
  agent.Gradients(model.side(), {rows, rows, model.actions.raw.data(), y.data(), y.data(), ones.data()}, shown.data(),
                  legal, 0, y.data(), items, false, 0.0F, {}, deltas.data(), totals);
  return {deltas.begin(), deltas.end()};
}

// Values were at most 0.0004 of the largest one away.
TEST(DrrLearning, ValuesOfItemsThatBurnUsersAreThoseOfDynamicProgramming) {
  for (const int variant : {0, 1, 2, 3}) {
    for (const double discount : {0.0, 0.9}) {
      DrrConfig config = Quick("dqn");
      config.double_q = variant % 2 == 1;
      config.dueling = variant / 2 == 1;
      config.discount = discount;
      const auto learner = Learn(config, StartOfStrangers(6, 6, 1), Burning(), 1, 4000);
      const double most = std::max(1.0, 0.3 / (1.0 - discount));  // to stay pays for ever: episodes are only cut off
      for (const std::int32_t remembered : {-1, 1}) {
        const std::vector<double> q = ItemValues(*learner->model(), remembered);
        for (std::size_t item = 0; item < q.size(); ++item) {
          const double now = item == 1 ? 0.3 : 0.0;
          EXPECT_NEAR(q[item], item == 0 ? 1.0 : now + discount * most, 0.02 * most) << variant << " item " << item;
        }
      }
      EXPECT_EQ(FirstItems(*learner->model(), {-1, 1}), std::vector<std::int32_t>(2, discount == 0.0 ? 0 : 1));
    }
  }
}

class BurningUsers : public EveryAgent {};
INSTANTIATE_TEST_SUITE_P(Agents, BurningUsers, testing::Values("ddpg", "td3", "sac", "wolpertinger"));

// Actions between items so few are like none of them, and a critic that was told of items alone says anything there,
// which the target believes; hence critic_action=proto. Who burns everybody sees all else worth 0.9 and item 1 worth
// 1.2, so that a policy without randomness may climb to item 0 while the others' values still grow, and stay there. Of
// twelve seeds ten found item 1 with ddpg and with td3, all with sac and wolpertinger.
TEST_P(BurningUsers, AreKeptUnlessTheAgentIsMyopic) {
  DrrConfig config = Quick(GetParam());
  if (config.agent == "wolpertinger") {
    config.epsilon = 0.5;
    config.sigma = 0.5;
  } else {
    config.critic_action = "proto";
  }
  if (config.agent == "td3") {
    config.hidden = {64};
    config.batch_size = 256;
    config.polyak = 0.05;
    config.epsilon = 0.5;
    config.sigma = 1.0;
  }
  std::int64_t kept = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const auto learner = Learn(config, StartOfStrangers(6, 6, seed), Burning(), seed, 5000);
    kept += FirstItems(*learner->model(), {-1, 1}) == std::vector<std::int32_t>(2, 1) ? 1 : 0;
  }
  std::printf("%s: %d of 6\n", config.agent.c_str(), static_cast<int>(kept));
  EXPECT_GE(kept, config.agent == "ddpg" || config.agent == "td3" ? 3 : 5);
  config.discount = 0.0;
  std::int64_t burnt = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto learner = Learn(config, StartOfStrangers(6, 6, seed), Burning(), seed, 5000);
    burnt += FirstItems(*learner->model(), {-1})[0] == 0 ? 1 : 0;
  }
  EXPECT_GE(burnt, 2);  // 3 with every agent
}

// Three clusters of three items. Of the cluster after that of the last item all pay 1, of the first cluster always 0.4
// at least: who sees the last item can have 1 at each step, who does not 0.4.
ToyRules Clusters(bool shows) {
  return {.items = 9,
          .horizon = 10,
          .shows = shows,
          .reward =
              [](std::int32_t, ToyRules::Memory memory, std::int32_t item) {
                const std::int32_t wanted = memory[0] < 0 ? 0 : (memory[0] / 3 + 1) % 3;
                return item / 3 == wanted ? 1.0F : item / 3 == 0 ? 0.4F : 0.0F;
              },
          .likes = [](std::int32_t, float) { return true; },
          .leaves = {}};
}

// Directions of nine items around those of their clusters.
StartVectors ClusterVectors(std::uint64_t seed) {
  StartVectors start = StartFromScratch(0, 9, 6, 0.3, seed);
  for (std::int64_t item = 0; item < 9; ++item) {
    start.items[static_cast<std::size_t>(item * 6 + item / 3)] += 1.0F;
  }
  return start;
}

// What one user brings in ten steps, a mean over seeds.
double ClusterReturn(const DrrConfig& config, bool shows) {
  double sum = 0.0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto learner = Learn(config, ClusterVectors(seed), Clusters(shows), seed, 6000);
    sum += Mean(GreedyReturns(*learner->model(), Clusters(shows), 1, 1.0)) / 3.0;
  }
  std::printf("%s: %.2f of 10 %s\n", config.agent.c_str(), sum, shows ? "seeing" : "blind");
  return sum;
}

class Memories : public EveryAgent {};
INSTANTIATE_TEST_SUITE_P(Agents, Memories,
                         testing::Values("ddpg", "td3", "sac", "wolpertinger", "dqn", "sac_discrete"));

// Blind agents come to 4.6, the best that they can, or less; the others to 10.
TEST_P(Memories, Matter) {
  DrrConfig config = Quick(GetParam());
  config.entropy_share = 0.3;
  if (config.agent == "ddpg" || config.agent == "td3" || config.agent == "sac") {
    config.critic_action = "proto";
  }
  const double seeing = ClusterReturn(config, true);
  EXPECT_GT(seeing, 1.3 * ClusterReturn(config, false));
  EXPECT_GT(seeing, 1.3 * 4.6);
}

// Half of the users want the cluster after that of their last item, the others the one before it.
TEST(DrrLearning, UserPairsSeeWhoItIs) {
  ToyRules rules = Clusters(true);
  rules.users = 8;
  rules.reward = [](std::int32_t user, ToyRules::Memory memory, std::int32_t item) {
    const std::int32_t wanted = memory[0] < 0 ? 0 : (memory[0] / 3 + (user % 2 == 0 ? 1 : 2)) % 3;
    return item / 3 == wanted ? 1.0F : 0.0F;
  };
  rules.memory = 2;
  std::map<std::string, double> mean;
  for (const std::uint64_t seed : {1, 2, 3}) {
    StartVectors start = ClusterVectors(seed);
    base::Rng rng(seed, base::Stream::kTest, 3);
    for (std::int64_t cell = 0; cell < 8 * 6; ++cell) {
      start.users.push_back(static_cast<float>((cell / 6 % 2 == 0 ? 1.0 : -1.0) + 0.2 * rng.Normal()));
    }
    for (const std::string state : {"pairs", "user_pairs"}) {
      DrrConfig config = Quick("dqn");
      config.state = state;
      config.memory = 2;
      const auto learner = Learn(config, start, rules, seed, 6000);
      mean[state] += Mean(GreedyReturns(*learner->model(), rules, 8, 1.0)) / 3.0;
    }
  }
  std::printf("pairs %.2f, user_pairs %.2f of 10\n", mean["pairs"], mean["user_pairs"]);
  EXPECT_GT(mean["user_pairs"], 1.3 * mean["pairs"]);  // 10 and 5.5 with every seed
}

class BatchAgents : public EveryAgent {};
INSTANTIATE_TEST_SUITE_P(Agents, BatchAgents, testing::Values("bcq", "cql", "crr", "bcq_discrete"));

TEST_P(BatchAgents, LearnFromRandomBehaviour) {
  DrrConfig config = Quick(GetParam());
  config.epsilon = 1.0;
  config.exploration = "none";
  config.cql_weight = 0.1;
  config.hidden = {64};
  config.bcq_samples = 20;
  // Random behaviour brings 10 (1 / 3 + 0.4 x 2 / 9) = 4.2. Measured: 10 each, but 9.2 of bcq, whose proposals miss the
  // right cluster with some seeds.
  EXPECT_GT(ClusterReturn(config, true), config.agent == "bcq" ? 6.0 : 9.0);
}

}  // namespace
}  // namespace recforce::algos
