// SPDX-License-Identifier: Apache-2.0
// Targets in a chain that is solved by hand, and what agents may and do recommend.
#include "algos/drr/agent.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "algos/drr/test_numbers.h"
#include "algos/drr/toy_world.h"
#include "nn/gemm.h"
#include "recforce/core/topk.h"

namespace recforce::algos {
namespace {

class DrrAgentTest : public testing::Test {
 protected:
  void SetUp() override { nn::UseOneBlasThread(); }
};

// Two states that follow each other and pay 1 and 2. With a discount of 1/2 their values are V_0 = 1 + V_1 / 2 = 8 / 3
// and V_1 = 2 + V_0 / 2 = 10 / 3. What is remembered is the state.
constexpr double kGamma = 0.5;
constexpr std::array<double, 2> kValue = {8.0 / 3.0, 10.0 / 3.0};

// A ring of one episode after the other, of these lengths and ends.
DrrReplay Chain(const std::vector<std::pair<int, sim::EpisodeEnd>>& episodes) {
  DrrReplay replay({.episodes = 1, .memory = 1, .slate = 1}, 100, {.kind = ReplayKind::kUniform});
  const std::int32_t user = -1;
  const std::int32_t item = 0;
  const std::uint8_t valid = 1;
  std::int64_t number = 0;
  for (const auto& [length, last] : episodes) {
    for (std::int32_t step = 0; step < length; ++step) {
      const std::int32_t state = step % 2;
      const std::int32_t next = 1 - state;
      const float reward = state == 0 ? 1.0F : 2.0F;
      const sim::EpisodeEnd end = step + 1 == length ? last : sim::EpisodeEnd::kNone;
      replay.Add({.users = {&user, 1},
                  .numbers = {&number, 1},
                  .steps = {&step, 1},
                  .memory = {&state, 1, 1},
                  .slates = {&item, 1, 1},
                  .proto = {},
                  .liked = {&next, 1},
                  .reward = {&reward, 1},
                  .end = {&end, 1},
                  .valid = {&valid, 1}});
    }
    ++number;
  }
  return replay;
}

// y of every row of the ring, where the critic knows the values: Q(s, a) = V(s) whatever is done.
std::vector<double> ChainTargets(const DrrReplay& replay, std::int64_t steps) {
  constexpr std::int64_t kDim = 2;
  const AgentShape shape = {.kind = AgentKind::kDdpg, .state = {StateKind::kItems, kDim, 1}, .hidden = {}};
  ActorCritic<double> agent({.shape = shape});
  const std::vector<double> actor = Drawn(agent.actor().size, 1);
  const std::vector<double> critic = {kValue[0], kValue[1], 0.0, 0.0, 0.0};  // of the state, of the action, a constant
  EXPECT_EQ(critic.size(), static_cast<std::size_t>(agent.critic().size));
  const std::vector<double> state(static_cast<std::size_t>(StateLayout(shape.state).size), 0.0);
  DrrBatch batch;
  replay.Draw(1, 1, 500, steps, kGamma, 0.0, batch);
  const auto rows = static_cast<std::int64_t>(batch.rows.size());
  std::vector<double> items(batch.rows.size() * kDim, 0.0);  // state i is the ith axis
  std::vector<double> reward(batch.reward.begin(), batch.reward.end());
  std::vector<double> discount(batch.discount.begin(), batch.discount.end());
  for (std::size_t row = 0; row < batch.rows.size(); ++row) {
    items[row * kDim + static_cast<std::size_t>(batch.after[row])] = 1.0;
  }
  const std::vector<double> users(items.size(), 0.0);
  const StateRows<double> after{users.data(), items.data(), batch.after.data(), rows};
  std::vector<double> y(batch.rows.size());
  const AgentSide<double> side{state.data(), actor.data(), critic.data()};
  agent.Targets(side, side, {after, after, users.data(), reward.data(), discount.data(), nullptr}, nullptr, 0.0, {},
                y.data());
  std::vector<double> of_ring(static_cast<std::size_t>(replay.size()), -1.0);
  for (std::size_t row = 0; row < y.size(); ++row) {
    of_ring[static_cast<std::size_t>(batch.rows[row])] = y[row];
  }
  return of_ring;
}

TEST_F(DrrAgentTest, TargetsOfAChainAreItsValues) {
  constexpr auto kTerminal = sim::EpisodeEnd::kTerminal;
  constexpr auto kTruncated = sim::EpisodeEnd::kTruncated;
  // An episode of 4 steps cut off by time, one of 3 whose user leaves, and one that still goes on.
  const DrrReplay replay = Chain({{4, kTruncated}, {3, kTerminal}, {2, sim::EpisodeEnd::kNone}});
  const auto [v0, v1] = kValue;
  // Where time cuts, or the ring ends, the values stand for the rest; where the user leaves, nothing does.
  EXPECT_EQ(replay.drawable(), 9);
  const std::vector<std::vector<double>> expected = {{v0, v1, v0, v1, v0, v1, 1.0, v0, v1},                // 1 step
                                                     {v0, v1, v0, v1, v0, 2.0 + 0.5 * 1.0, 1.0, v0, v1},   // 2 steps
                                                     {v0, v1, v0, v1, 1.0 + 0.5 * 2.5, 2.5, 1.0, v0, v1},  // 3 steps
                                                     {v0, v1, v0, v1, 2.25, 2.5, 1.0, v0, v1}};
  for (std::int64_t steps = 1; steps <= 4; ++steps) {
    const std::vector<double> y = ChainTargets(replay, steps);
    for (std::size_t row = 0; row < y.size(); ++row) {
      EXPECT_NEAR(y[row], expected[static_cast<std::size_t>(steps - 1)][row], 1e-6) << steps << " steps, row " << row;
    }
  }
}

// y of a TD3 agent with random numbers.
std::vector<double> NoisyTargets(ActorOutput output, double clip, const std::vector<double>& noise, double least,
                                 double most) {
  constexpr std::int64_t kRows = 5;
  const AgentShape shape = {
      .kind = AgentKind::kTd3, .state = {StateKind::kAverage, 3, 2}, .hidden = {6}, .output = output};
  ActorCritic<double> agent({.shape = shape, .least = least, .most = most, .noise_clip = clip});
  const std::vector<double> users = Drawn(kRows * 3, 1), items = Drawn(kRows * 6, 2), reward = Drawn(kRows, 3);
  const std::vector<double> state = Drawn(3, 4), actor = Drawn(agent.actor().size, 5);
  const std::vector<double> critic = Drawn(agent.critic().size, 6), discount(kRows, 0.9);
  const std::vector<std::int32_t> memory(kRows * 2, 0);
  const StateRows<double> after{users.data(), items.data(), memory.data(), kRows};
  const AgentSide<double> side{state.data(), actor.data(), critic.data()};
  std::vector<double> y(kRows);
  agent.Targets(side, side, {after, after, users.data(), reward.data(), discount.data(), nullptr}, noise.data(), 0.0,
                {}, y.data());
  return y;
}

TEST_F(DrrAgentTest, NoiseOfTargetsIsClippedAndTargetsAreBounded) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> drawn = Drawn(15, 9);
  for (const ActorOutput output : {ActorOutput::kLinear, ActorOutput::kUnit, ActorOutput::kTanh}) {
    const auto targets = [&](double clip, double factor) {
      std::vector<double> noise = drawn;
      std::for_each(noise.begin(), noise.end(), [factor](double& value) { value *= factor; });
      return NoisyTargets(output, clip, noise, -kInfinity, kInfinity);
    };
    std::vector<double> at_clip = drawn;
    std::for_each(at_clip.begin(), at_clip.end(), [](double& value) { value = value > 0.0 ? 0.3 : -0.3; });
    EXPECT_EQ(targets(0.3, 1e6), NoisyTargets(output, 1e9, at_clip, -kInfinity, kInfinity));
    EXPECT_NE(targets(0.3, 1e6), targets(0.3, 0.1)) << "less noise than the clip is taken as it is";
    EXPECT_EQ(targets(0.3, 0.01), targets(1e9, 0.01));
    EXPECT_EQ(targets(0.0, 1e6), targets(1e9, 0.0));
    const std::vector<double> bare = targets(1.0, 1.0);
    const std::vector<double> bounded = NoisyTargets(output, 1.0, drawn, -0.5, 0.4);
    EXPECT_NE(bounded, bare);
    for (std::size_t row = 0; row < bare.size(); ++row) {
      const double reward = Drawn(5, 3)[row];
      const double value = std::clamp((bare[row] - reward) / 0.9, -0.5, 0.4);
      EXPECT_NEAR(bounded[row], std::clamp(reward + 0.9 * value, -0.5, 0.4), 1e-12);
    }
  }
}

// Users dislike everything: every reward is below 0 and so are all scores to begin with.
constexpr std::int64_t kItems = 9;
constexpr std::int64_t kUsers = 4;
constexpr std::int64_t kDim = 3;

ToyRules Dislikes() {
  return {.items = kItems,
          .users = kUsers,
          .memory = 2,
          .horizon = kItems,
          .repeats = false,
          .least = -2.0F,
          .most = 0.0F,
          .reward = [](std::int32_t user, ToyRules::Memory /*memory*/,
                       std::int32_t item) { return -1.0F - 0.1F * static_cast<float>((user + item) % kItems); },
          .likes = [](std::int32_t item, float /*reward*/) { return item % 2 == 0; },
          .leaves = {}};
}

StartVectors Opposed() {
  StartVectors start = StartFromScratch(kUsers, kItems, kDim, 1.0, 1);
  std::for_each(start.users.begin(), start.users.end(), [](float& value) { value = -1.0F - std::abs(value); });
  std::for_each(start.items.begin(), start.items.end(), [](float& value) { value = 0.1F + std::abs(value); });
  return start;
}

DrrConfig Small(const std::string& agent) {
  DrrConfig config;
  config.agent = agent;
  config.memory = 2;
  config.hidden = {8};
  config.ranking_weight = 0.0;
  config.validation_users = 0;
  config.episodes = 12;
  config.capacity = 500;
  config.warmup = 100;
  config.batch_size = 16;
  config.actor_start = 10;
  config.neighbours = 3;
  config.updates_per_epoch = 100;
  return config;
}

// The world refuses what was shown already, so that each of its nine steps shows another one of nine items.
TEST_F(DrrAgentTest, NothingIsShownTwiceThoughAllScoresAreNegative) {
  for (const std::string& agent : AgentNames()) {
    SCOPED_TRACE(agent);
    for (const double epsilon : {0.0, 1.0}) {
      DrrConfig config = Small(agent);
      config.epsilon = epsilon;
      const auto learner = BeginToy(config, Opposed(), Dislikes(), 3);
      if (agent != "bcq" && agent != "wolpertinger") {  // which do not begin with the ranking of users' vectors
        const std::vector<std::int32_t> users = {0, 1, 2, 3};
        const std::vector<std::int32_t> nothing(8, -1);
        const std::vector<float> scores = ScoresOf(*learner->model(), users, nothing);
        EXPECT_LT(*std::max_element(scores.begin(), scores.end()), 0.0F);
      }
      EXPECT_NO_THROW((void)learner->Epoch({}));
      DrrBatch batch;
      learner->replay().Draw(1, 1, 500, 1, 0.9, 0.0, batch, true);
      std::size_t longest = 0;
      for (std::size_t row = 0; row < batch.rows.size(); ++row) {
        const auto shown = batch.shown.After(row);
        EXPECT_EQ(std::set<std::int32_t>(shown.begin(), shown.end()).size(), shown.size());
        longest = std::max(longest, shown.size());
      }
      EXPECT_EQ(longest, static_cast<std::size_t>(kItems));
    }
  }
}

// An item that chance has chosen is not what the actor's vector stands for.
TEST_F(DrrAgentTest, CriticsOfVectorsAreToldTheDirectionOfRandomItems) {
  for (const std::string agent : {"ddpg", "sac"}) {
    for (const double epsilon : {0.0, 1.0}) {
      DrrConfig config = Small(agent);
      config.critic_action = "proto";
      config.epsilon = epsilon;
      const auto learner = BeginToy(config, Opposed(), Dislikes(), 3);
      (void)learner->Epoch({});
      DrrBatch batch;
      learner->replay().Draw(1, 1, 500, 1, 0.9, 0.0, batch);
      std::vector<float> directions(batch.proto.size());
      MeanOfSlates(learner->model()->actions.unit, kDim, {batch.slates.data(), 500, 1}, directions.data());
      if (epsilon == 1.0) {
        EXPECT_EQ(batch.proto, directions);
      } else {
        EXPECT_NE(batch.proto, directions);
      }
      for (std::size_t row = 0; row < 500; ++row) {
        const float* a = batch.proto.data() + row * kDim;
        EXPECT_NEAR(std::inner_product(a, a + kDim, a, 0.0F), 1.0F, 1e-5F) << "output=unit";
      }
    }
  }
}

// What people have is left out by whoever asks for recommendations.
TEST_F(DrrAgentTest, SeenItemsStayOutOfRecommendations) {
  const std::vector<std::int32_t> items = {2, 4, 0, 8, 7, 6, 5, 4, 3, 2, 1, 3};
  const std::vector<std::int64_t> offsets = {0, 3, 11, 11, 12};
  const std::vector<std::int32_t> rows = {0, 1, 2, -1};
  for (const std::string& agent : AgentNames()) {
    SCOPED_TRACE(agent);
    const auto learner = BeginToy(Small(agent), Opposed(), Dislikes(), 3);
    (void)learner->Epoch({});
    std::vector<float> scores(4 * kItems);
    learner->recommender().ScoreBatch({.history = {offsets, items}, .rows = rows}, {scores.data(), 4, kItems});
    EXPECT_TRUE(std::all_of(scores.begin(), scores.end(), [](float score) { return std::isfinite(score); }));
    core::TopK top(kItems);
    for (std::size_t user = 0; user < 4; ++user) {
      const auto seen = std::span(items).subspan(offsets[user], offsets[user + 1] - offsets[user]);
      const auto best = top.Select(std::span(scores).subspan(user * kItems, kItems), kItems, seen);
      EXPECT_EQ(best.size(), kItems - seen.size());
      for (const std::int32_t item : best) {
        EXPECT_EQ(std::find(seen.begin(), seen.end(), item), seen.end());
      }
    }
  }
}

// Wolpertinger's first item for a user among what is legal.
std::int32_t First(DrrModel& model, std::int64_t neighbours, std::int32_t user, std::span<const std::int32_t> memory,
                   const RowItems& legal) {
  model.options.neighbours = neighbours;
  std::vector<float> scores = ScoresOf(model, std::span(&user, 1), memory, &legal);
  for (const std::int32_t item : legal.row(0)) {
    scores[static_cast<std::size_t>(item)] = -std::numeric_limits<float>::infinity();
  }
  return static_cast<std::int32_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

TEST_F(DrrAgentTest, WolpertingerIsGreedyAmongAllAndNearestAlone) {
  DrrConfig config = Small("wolpertinger");
  config.residual = false;
  const auto learner = BeginToy(config, StartFromScratch(kUsers, kItems, kDim, 1.0, 7), Dislikes(), 3);
  DrrModel model = *learner->model();
  ActorCritic<float> losses({.shape = model.options.shape});
  StatePass<float> pass(model.options.shape.state);
  std::int64_t differ = 0;
  for (std::int32_t user = 0; user < kUsers; ++user) {
    for (std::int32_t seen = 0; seen < kItems; ++seen) {
      const std::vector<std::int32_t> memory = {seen, (seen + 4) % static_cast<std::int32_t>(kItems)};
      RowItems legal;
      legal.items = memory;
      legal.EndRow(false);
      std::vector<float> vectors(3 * kDim), state(3 * kDim), action(kDim);
      GatherRows(model.users(), model.items(), kDim, std::span(&user, 1), {memory.data(), 1, 2}, vectors.data(),
                 vectors.data() + kDim);
      pass.Forward(model.state.data(), {vectors.data(), vectors.data() + kDim, memory.data(), 1}, state.data());
      losses.Act(model.actor.data(), state.data(), vectors.data(), 1, nullptr, action.data());
      std::int32_t greedy = -1, nearest = -1;
      float most_q = 0.0F, most_score = 0.0F;
      for (std::int32_t item = 0; item < kItems; ++item) {
        if (item == memory[0] || item == memory[1]) {
          continue;
        }
        float q = 0.0F;
        losses.Values(model.critic.data(), 0, state.data(), model.actions.unit.data() + item * kDim, 1, &q);
        const float* raw = model.actions.raw.data() + item * kDim;
        const float score = std::inner_product(action.begin(), action.end(), raw, 0.0F);
        std::tie(greedy, most_q) = greedy < 0 || q > most_q ? std::pair(item, q) : std::pair(greedy, most_q);
        std::tie(nearest, most_score) =
            nearest < 0 || score > most_score ? std::pair(item, score) : std::pair(nearest, most_score);
      }
      EXPECT_EQ(First(model, kItems, user, memory, legal), greedy);
      EXPECT_EQ(First(model, 1, user, memory, legal), nearest);
      differ += greedy != nearest ? 1 : 0;
    }
  }
  EXPECT_GT(differ, 10) << "the two are not the same thing";
}

}  // namespace
}  // namespace recforce::algos
