// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/chunk_agent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "algos/drr/test_numbers.h"
#include "nn/gemm.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kRows = 6;
constexpr std::int64_t kDim = 3;
constexpr std::int64_t kMemory = 2;
constexpr std::int64_t kItems = 8;
constexpr float kDiscount = 0.9F;

std::vector<float> Floats(std::int64_t count, std::uint64_t name) {
  const std::vector<double> drawn = Drawn(count, name);
  return {drawn.begin(), drawn.end()};
}

// Where critics are shown items, a target is the value of what the action would show, alone or as the mean of a slate:
// items that may not be shown are passed over.
TEST(ValuesShown, AreThoseOfTheBestItemsThatMayBeShown) {
  nn::UseOneBlasThread();
  for (const std::int64_t slate : {1, 2}) {
    SCOPED_TRACE(slate);
    AgentOptions options;
    options.shape = {.kind = AgentKind::kDdpg, .state = {StateKind::kAverage, kDim, kMemory}, .hidden = {5}};
    options.values_shown = true;
    options.slate = slate;
    ItemVectors vectors{.dim = kDim, .raw = Floats(kItems * kDim, 1)};
    vectors.Refresh();
    AgentNetworks networks = InitNetworks(options.shape, 7);
    const std::vector<float> state = InitState<float>(options.shape.state, 7);
    const AgentSide<float> side{state.data(), networks.actor.data(), networks.critic.data()};
    const std::vector<std::int32_t> memory = {1, 2, 3, -1, 0, 4, 5, 6, 7, -1, 2, 2};
    const std::vector<float> users = Floats(kRows * kDim, 2);
    const std::vector<float> items = Floats(kRows * kMemory * kDim, 3);
    const std::vector<float> taken = Floats(kRows * kDim, 4);
    const std::vector<float> reward = Floats(kRows, 5);
    const std::vector<float> discount(kRows, kDiscount);
    const std::vector<float> weight(kRows, 1.0F);
    RowItems legal;
    for (std::int32_t row = 0; row < kRows; ++row) {
      legal.items.push_back(row % static_cast<std::int32_t>(kItems));
      legal.EndRow(false);
    }
    AgentChunk chunk;
    chunk.learning = chunk.target = side;
    const StateRows<float> rows{users.data(), items.data(), memory.data(), kRows};
    chunk.rows = {rows, rows, taken.data(), reward.data(), discount.data(), weight.data()};
    chunk.before = chunk.after = &legal;
    chunk.batch = kRows;
    chunk.moves_actor = false;
    std::vector<float> critic(networks.critic.size());
    AgentGradient<float> gradient;
    gradient.critic = critic.data();
    std::vector<float> deltas(kRows);
    AgentTotals totals;
    MakeChunkAgent(options, vectors)->Update(chunk, gradient, deltas.data(), totals);

    ActorCritic<float> losses({.shape = options.shape});
    std::vector<float> states(static_cast<std::size_t>(kRows * options.shape.state.size()));
    StatePass<float>(options.shape.state).Forward(state.data(), rows, states.data());
    std::vector<float> actions(kRows * kDim);
    losses.Act(networks.actor.data(), states.data(), users.data(), kRows, nullptr, actions.data());
    for (std::int64_t row = 0; row < kRows; ++row) {
      std::vector<std::pair<float, std::int64_t>> ranked;
      for (std::int64_t item = 0; item < kItems; ++item) {
        float score = 0.0F;
        for (std::int64_t d = 0; d < kDim; ++d) {
          score += actions[static_cast<std::size_t>(row * kDim + d)] *
                   vectors.raw[static_cast<std::size_t>(item * kDim + d)];
        }
        if (item != row % kItems) {
          ranked.emplace_back(-score, item);
        }
      }
      std::sort(ranked.begin(), ranked.end());
      std::vector<float> shown(kDim, 0.0F);
      for (std::int64_t place = 0; place < slate; ++place) {
        const std::int64_t item = ranked[static_cast<std::size_t>(place)].second;
        for (std::int64_t d = 0; d < kDim; ++d) {
          shown[static_cast<std::size_t>(d)] +=
              vectors.unit[static_cast<std::size_t>(item * kDim + d)] / static_cast<float>(slate);
        }
      }
      const float* own = states.data() + row * options.shape.state.size();
      float next = 0.0F;
      float q = 0.0F;
      losses.Values(networks.critic.data(), 0, own, shown.data(), 1, &next);
      losses.Values(networks.critic.data(), 0, own, taken.data() + row * kDim, 1, &q);
      const auto at = static_cast<std::size_t>(row);
      EXPECT_NEAR(deltas[at], q - (reward[at] + kDiscount * next), 1e-4F) << row;
    }
  }
}

}  // namespace
}  // namespace recforce::algos
