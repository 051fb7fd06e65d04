// SPDX-License-Identifier: Apache-2.0
// Gradients of all agents against differences, in double, and who gets which.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "algos/drr/bcq.h"
#include "algos/drr/item_agent.h"
#include "algos/drr/test_numbers.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kDim = 3;
constexpr std::int64_t kMemory = 2;
constexpr std::int64_t kRows = 4;
constexpr std::int64_t kBatch = 7;  // of which these rows are some
constexpr std::int64_t kItems = 6;

AgentShape Shape(AgentKind kind, ActorOutput output = ActorOutput::kLinear, bool residual = false) {
  return {.kind = kind,
          .state = {StateKind::kAverage, kDim, kMemory},
          .hidden = {5},
          .output = output,
          .residual = residual};
}

// Some transitions and the numbers of both sides.
struct Scene {
  explicit Scene(std::int64_t actor_size, std::int64_t critic_size)
      : state(Drawn(kMemory + 1, 10)), actor(Drawn(actor_size, 11)), critic(Drawn(critic_size, 12)) {
    for (double& value : weight) {
      value = std::abs(value);
    }
  }
  std::vector<std::int32_t> memory = {1, 2, 3, -1, 4, 0, 5, 1};
  std::vector<double> users = Drawn(kRows * kDim, 1), items = Drawn(kRows * kMemory * kDim, 2);
  std::vector<double> users_after = Drawn(kRows * kDim, 3), items_after = Drawn(kRows * kMemory * kDim, 4);
  std::vector<double> taken = Drawn(kRows * kDim, 5), reward = Drawn(kRows, 6), weight = Drawn(kRows, 7);
  std::vector<double> discount = {0.9, 0.0, 0.5, 0.9};
  std::vector<double> y = Drawn(kRows, 8), noise = Drawn(kRows * 40, 9);
  std::vector<double> state, actor, critic;
  std::vector<double> d_state = std::vector<double>(kMemory + 1), d_actor, d_critic;
  std::vector<double> d_users = std::vector<double>(kRows * kDim);
  std::vector<double> d_items = std::vector<double>(kRows * kMemory * kDim);
  std::vector<double> deltas = std::vector<double>(kRows);

  [[nodiscard]] AgentSide<double> side() const { return {state.data(), actor.data(), critic.data()}; }
  [[nodiscard]] AgentRows<double> rows() const {
    return {{users.data(), items.data(), memory.data(), kRows},
            {users_after.data(), items_after.data(), memory.data(), kRows},
            taken.data(),
            reward.data(),
            discount.data(),
            weight.data()};
  }
  AgentGradient<double> gradient() {
    std::fill(d_state.begin(), d_state.end(), 0.0);
    d_actor.assign(actor.size(), 0.0);
    d_critic.assign(critic.size(), 0.0);
    return {d_state.data(), d_actor.data(), d_critic.data(), d_users.data(), d_items.data()};
  }
};

// Of a scene: its gradients against the two losses, where the state and the vectors of rows learn by `routing`.
void ExpectGradients(Scene& scene, StateGradient routing, const std::function<double()>& critic_loss,
                     const std::function<double()>& actor_loss) {
  {
    SCOPED_TRACE("critic");
    ExpectGradient(critic_loss, scene.critic, scene.d_critic);
  }
  {
    SCOPED_TRACE("actor");
    ExpectGradient(actor_loss, scene.actor, scene.d_actor);
  }
  const auto loss = [&] {
    return (CriticTrainsState(routing) ? critic_loss() : 0.0) + (ActorTrainsState(routing) ? actor_loss() : 0.0);
  };
  SCOPED_TRACE("state");
  ExpectGradient(loss, scene.state, scene.d_state);
  ExpectGradient(loss, scene.users, scene.d_users);
  ExpectGradient(loss, scene.items, scene.d_items);
}

class EveryRouting : public testing::TestWithParam<StateGradient> {
 protected:
  void SetUp() override { nn::UseOneBlasThread(); }
};
INSTANTIATE_TEST_SUITE_P(Routings, EveryRouting,
                         testing::Values(StateGradient::kCritic, StateGradient::kActor, StateGradient::kBoth,
                                         StateGradient::kNone));

void ExpectVectorAgent(AgentKind kind, ActorOutput output, bool residual, StateGradient routing) {
  SCOPED_TRACE(AgentNames()[static_cast<std::size_t>(kind)] + " output " + std::to_string(static_cast<int>(output)));
  ActorCritic<double> agent({.shape = Shape(kind, output, residual), .state_gradient = routing});
  Scene scene(agent.actor().size, agent.critic().size);
  constexpr double kAlpha = 0.3;
  const auto totals = [&] {
    AgentTotals sums;
    agent.Gradients(scene.side(), scene.rows(), scene.y.data(), kBatch, true, scene.noise.data(), kAlpha, {}, {},
                    scene.deltas.data(), sums);
    return sums;
  };
  AgentTotals sums;
  agent.Gradients(scene.side(), scene.rows(), scene.y.data(), kBatch, true, scene.noise.data(), kAlpha, {},
                  scene.gradient(), scene.deltas.data(), sums);
  ExpectGradients(
      scene, routing, [&] { return totals().loss / kBatch; },
      [&] {
        const AgentTotals now = totals();
        return (kAlpha * now.log_pi - now.policy_q) / kBatch;
      });
}

TEST_P(EveryRouting, VectorAgentsFollowTheirLosses) {
  for (const ActorOutput output : {ActorOutput::kLinear, ActorOutput::kUnit, ActorOutput::kTanh}) {
    ExpectVectorAgent(AgentKind::kDdpg, output, false, GetParam());
  }
  ExpectVectorAgent(AgentKind::kTd3, ActorOutput::kUnit, true, GetParam());
  ExpectVectorAgent(AgentKind::kSac, ActorOutput::kLinear, true, GetParam());
  ExpectVectorAgent(AgentKind::kSac, ActorOutput::kUnit, false, GetParam());
}

// Values beyond what rewards allow are alike, so there is nothing to follow between them.
TEST(ItemsLoss, CutsValuesToWhatRewardsAllow) {
  const AgentShape shape = Shape(AgentKind::kTd3, ActorOutput::kUnit, true);
  const auto follow = [&](double least, double most) {
    ActorCritic<double> agent({.shape = shape, .least = least, .most = most, .slope = false});
    const Scene scene(agent.actor().size, agent.critic().size);
    const std::vector<double> states = Drawn(2 * shape.state.size(), 22), actions = Drawn(2 * kDim, 23);
    const std::vector<double> raw = Drawn(kItems * kDim, 20), unit = Drawn(kItems * kDim, 21);
    std::vector<double> d_actions(2 * kDim, 0.0);
    const double sum = agent.ItemsLoss(scene.critic.data(), states.data(), actions.data(), 2, raw.data(), unit.data(),
                                       kItems, 2.0, 1.0, d_actions.data());
    return std::pair(sum, d_actions);
  };
  const auto [free_sum, free_slope] = follow(-100.0, 100.0);
  EXPECT_NE(free_slope, std::vector<double>(2 * kDim, 0.0));
  const auto [low_sum, low_slope] = follow(-100.0, -99.0);
  EXPECT_NEAR(low_sum, -198.0, 1e-9);
  for (const double slope : low_slope) {
    EXPECT_NEAR(slope, 0.0, 1e-9);
  }
  EXPECT_LT(low_sum, free_sum);
}

// In place of the slope of Q: the actor's vector as the logits of a policy over items, whose mean Q grows.
TEST(ItemsLoss, IsFollowedByTheActor) {
  nn::UseOneBlasThread();
  for (const std::vector<std::int64_t>& hidden : {std::vector<std::int64_t>{5}, std::vector<std::int64_t>{5, 4}}) {
    AgentShape shape = Shape(AgentKind::kTd3, ActorOutput::kUnit, true);
    shape.hidden = hidden;
    ActorCritic<double> agent({.shape = shape, .state_gradient = StateGradient::kBoth, .slope = false});
    Scene scene(agent.actor().size, agent.critic().size);
    const std::vector<double> raw = Drawn(kItems * kDim, 20);
    const std::vector<double> unit = Drawn(kItems * kDim, 21);
    double mean = 0.0;
    const ActorCritic<double>::OtherLoss follow = [&](const double* states, const double* actions, std::int64_t rows,
                                                      double* d_actions) {
      mean = agent.ItemsLoss(scene.critic.data(), states, actions, rows, raw.data(), unit.data(), kItems, 2.0,
                             1.0 / kBatch, d_actions);
      // The same, pair by pair.
      double expected = 0.0;
      for (std::int64_t r = 0; r < rows; ++r) {
        double sum = 0.0;
        double weighted = 0.0;
        for (std::int64_t i = 0; i < kItems; ++i) {
          double logit = 0.0;
          for (std::int64_t d = 0; d < kDim; ++d) {
            logit += 2.0 * actions[r * kDim + d] * raw[static_cast<std::size_t>(i * kDim + d)];
          }
          double q = 0.0;
          ActorCritic<double> other({.shape = shape});
          other.Values(scene.critic.data(), 0, states + r * shape.state.size(), unit.data() + i * kDim, 1, &q);
          sum += std::exp(logit);
          weighted += std::exp(logit) * q;
        }
        expected += weighted / sum;
      }
      EXPECT_NEAR(mean, expected, 1e-10);
    };
    AgentTotals sums;
    agent.Gradients(scene.side(), scene.rows(), scene.y.data(), kBatch, true, nullptr, 0.0, follow, scene.gradient(),
                    scene.deltas.data(), sums);
    const std::vector<double> d_actor = scene.d_actor;
    ExpectGradient(
        [&] {
          AgentTotals unused;
          agent.Gradients(scene.side(), scene.rows(), scene.y.data(), kBatch, true, nullptr, 0.0, follow, {},
                          scene.deltas.data(), unused);
          return -mean / kBatch;
        },
        scene.actor, d_actor);
  }
}

// What may be recommended: to rows 0 and 1 all but some, or lists to all.
RowItems Legal(bool listed) {
  RowItems legal;
  const std::vector<std::vector<std::int32_t>> known =
      listed ? std::vector<std::vector<std::int32_t>>{{0, 2, 5}, {1, 4}, {3, 2, 1, 0}, {5, 4}}
             : std::vector<std::vector<std::int32_t>>{{1}, {}, {4, 5}, {0}};
  for (const auto& row : known) {
    legal.items.insert(legal.items.end(), row.begin(), row.end());
    legal.EndRow(listed);
  }
  return legal;
}

void ExpectItemAgent(ItemAgentOptions options, bool listed) {
  SCOPED_TRACE(AgentNames()[static_cast<std::size_t>(options.shape.kind)] + (listed ? " listed" : ""));
  const std::vector<double> table = Drawn(kItems * kDim, 20);
  std::vector<double> sum(kDim);
  for (std::size_t cell = 0; cell < table.size(); ++cell) {
    sum[cell % kDim] += table[cell];
  }
  ItemAgent<double> agent(options, {table.data(), sum.data(), kItems});
  Scene scene(agent.has_actor() ? agent.actor().size : 0, agent.critic().size * agent.critics());
  const std::vector<std::int32_t> slates = {0, 1, 2, 5};
  for (std::size_t row = 0; row < kRows; ++row) {
    std::copy_n(table.begin() + slates[row] * kDim, kDim,
                scene.taken.begin() + static_cast<std::ptrdiff_t>(row * kDim));
  }
  const RowItems legal = Legal(listed);
  constexpr double kAlpha = 0.3;
  const auto run = [&](const AgentGradient<double>& gradient) {
    AgentTotals sums;
    agent.Gradients(scene.side(), scene.rows(), slates.data(), legal, 0, scene.y.data(), kBatch, true, kAlpha, gradient,
                    scene.deltas.data(), sums);
    return sums;
  };
  run(scene.gradient());
  const bool conservative = options.shape.kind == AgentKind::kCql;
  ExpectGradients(
      scene, options.state_gradient,
      [&] {
        const AgentTotals now = run({});
        return (now.loss + (conservative ? options.cql_weight * now.other : 0.0)) / kBatch;
      },
      [&] {
        const AgentTotals now = run({});
        return options.shape.kind == AgentKind::kSacDiscrete ? (kAlpha * now.log_pi - now.policy_q) / kBatch
                                                             : (conservative ? 0.0 : now.other) / kBatch;
      });
}

TEST_P(EveryRouting, ItemAgentsFollowTheirLosses) {
  for (const bool listed : {false, true}) {
    for (const AgentKind kind : {AgentKind::kDqn, AgentKind::kCql, AgentKind::kBcqDiscrete}) {
      ExpectItemAgent({.shape = Shape(kind, ActorOutput::kLinear, true),
                       .state_gradient = GetParam(),
                       .dueling = true,
                       .cql_weight = 0.7},
                      listed);
    }
    ExpectItemAgent({.shape = Shape(AgentKind::kCql), .state_gradient = GetParam()}, listed);
  }
}

// Their policies' losses hold Q as it is, and policies do not train Q: differences see both, so that only the actor's
// own gradient can be compared where states learn by the critic alone.
TEST(ItemAgentPolicies, FollowTheirLosses) {
  nn::UseOneBlasThread();
  for (const bool listed : {false, true}) {
    ExpectItemAgent({.shape = Shape(AgentKind::kSacDiscrete), .state_gradient = StateGradient::kCritic}, listed);
    ExpectItemAgent({.shape = Shape(AgentKind::kCrr), .state_gradient = StateGradient::kCritic, .crr_binary = true},
                    listed);
  }
}

TEST(BcqGradient, FollowsItsLosses) {
  nn::UseOneBlasThread();
  Bcq<double> agent({.base = {.shape = Shape(AgentKind::kBcq)}, .reach = 0.4, .samples = 3});
  Scene scene(agent.layout().size, agent.critic().size);
  for (double& value : scene.actor) {
    value *= 0.3;  // deviations grow exponentially with these, and differences lose their digits
  }
  const auto run = [&](const AgentGradient<double>& gradient) {
    AgentTotals sums;
    agent.Gradients(scene.side(), scene.rows(), scene.y.data(), kBatch, scene.noise.data(), gradient,
                    scene.deltas.data(), sums);
    return sums;
  };
  run(scene.gradient());
  const std::vector<double> d_actor = scene.d_actor;
  std::vector<double> unused(scene.actor.size());
  AgentGradient<double> probe;
  probe.actor = unused.data();
  ExpectGradient([&] { return run(probe).loss / kBatch; }, scene.critic, scene.d_critic);
  // The autoencoder learns to repeat what was shown, and xi alone to raise Q.
  const auto reach = static_cast<std::size_t>(agent.layout().reach.begin());
  for (std::size_t at = 0; at < scene.actor.size(); ++at) {
    SCOPED_TRACE(at);
    ExpectDerivative([&] { return (at < reach ? run(probe).other : -run(probe).policy_q) / kBatch; }, scene.actor[at],
                     d_actor[at]);
  }
}

TEST(SquashedNormal, IsADensity) {
  // a = tanh(x), x = .3 + .8 noise: the density of a sums to 1 over (-1, 1), and its mean is that of draws.
  const double log_deviation = std::log(0.8);
  constexpr int kSteps = 200000;
  double mass = 0.0;
  double mean = 0.0;
  for (int step = 0; step < kSteps; ++step) {
    const double a = -1.0 + 2.0 * (step + 0.5) / kSteps;
    const double x = std::atanh(a);
    const double p = std::exp(LogSquashedNormal(x, log_deviation, (x - 0.3) / 0.8)) * 2.0 / kSteps;
    mass += p;
    mean += p * a;
  }
  EXPECT_NEAR(mass, 1.0, 1e-6);
  double drawn = 0.0;
  base::Rng rng(1, base::Stream::kTest, 99);
  for (int step = 0; step < kSteps; ++step) {
    drawn += std::tanh(0.3 + 0.8 * rng.Normal()) / kSteps;
  }
  EXPECT_NEAR(mean, drawn, 0.005);
  EXPECT_NEAR(LogSquashedNormal(12.0, 0.0, 0.0), -0.9189385 - 2.0 * (std::log(2.0) - 12.0), 1e-6);  // no overflow
}

}  // namespace
}  // namespace recforce::algos
