// SPDX-License-Identifier: Apache-2.0
// Agents of drr in worlds whose best policy is known. Slow. Thresholds leave room below what was measured with seeds 1,
// 2 and 3, which stands beside them.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "algos/drr/toy_world.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

using test::BeginToy;
using test::GreedyReturns;
using test::ScoresOf;
using test::ToyRules;

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
  config.epsilon = 0.3;
  return config;
}

std::unique_ptr<DrrLearner> Learn(DrrConfig config, const StartVectors& start, const ToyRules& rules,
                                  std::uint64_t seed, std::int64_t updates) {
  nn::UseOneBlasThread();
  config.updates_per_epoch = updates;
  auto learner = BeginToy(config, start, rules, seed);
  const auto begin = std::chrono::steady_clock::now();
  const core::Metrics metrics = learner->Epoch({});
  std::printf("%s seed %d: %.1f s", config.agent.c_str(), static_cast<int>(seed),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  for (const auto& [name, value] : metrics) {
    std::printf(" %s %.3g", name.c_str(), value);
  }
  std::printf("\n");
  std::fflush(stdout);
  return learner;
}

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

TEST(DrrLearning, VectorAgentsFindTheBestItemOfLinearUsers) {
  for (const std::string agent : {"ddpg", "td3", "sac", "wolpertinger"}) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const LinearToy toy(seed);
      const auto learner = Learn(Toy(agent), toy.start, toy.rules, seed, 10000);
      const Ranking ranking = Judge(*learner->model(), toy);
      const double fit = CriticFit(*learner->model(), toy);
      std::printf("  best %.2f regret %.4f fit %.4f\n", ranking.best, ranking.regret, fit);
      std::fflush(stdout);
      EXPECT_LT(ranking.regret, 0.02);
      EXPECT_GT(fit, 0.95);
    }
  }
}

TEST(DrrLearning, ItemAgentsFindTheBestItemOfLinearUsers) {
  for (const std::string agent : {"dqn", "sac_discrete", "cql"}) {
    for (const std::uint64_t seed : {1, 2, 3}) {
      const LinearToy toy(seed);
      DrrConfig config = Toy(agent);
      config.cql_weight = 0.01;
      config.entropy_share = 0.3;
      const auto learner = Learn(config, toy.start, toy.rules, seed, 5000);
      const Ranking ranking = Judge(*learner->model(), toy);
      std::printf("  best %.2f regret %.4f\n", ranking.best, ranking.regret);
      std::fflush(stdout);
      EXPECT_LT(ranking.regret, 0.02);
    }
  }
}

}  // namespace
}  // namespace recforce::algos
