// SPDX-License-Identifier: Apache-2.0
// The blind cliffwalk (Schaul et al., "Prioritized Experience Replay", ICLR 2016, section 3.1 and appendix B.1): of two
// actions one leads on to the next of n states and the other over the cliff, and only behind the last state there is a
// reward. The replay holds what all 2^n sequences of actions bring until they end, so that a single one of its
// 2^(n + 1) - 2 transitions is rewarded.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

#include "algos/drr/replay.h"

namespace recforce::algos {
namespace {

constexpr std::int32_t kStates = 13;
constexpr std::int64_t kTransitions = (std::int64_t{2} << kStates) - 2;
constexpr double kGamma = 1.0 - 1.0 / kStates;
constexpr double kStepSize = 0.25;
constexpr double kError = 1e-3;  // mean square, over states and actions
constexpr std::int64_t kMost = 4'000'000;

using Values = std::array<std::array<double, 2>, kStates + 1>;  // the last state is the end

std::int32_t Right(std::int32_t state) { return state % 2; }

// All sequences in random order. The memory of a row is its state, what is liked the next one, the slate the action.
DrrReplay AllSequences(const ReplayOptions& options, std::uint64_t seed) {
  DrrReplay replay({.episodes = 1, .memory = 1, .slate = 1}, kTransitions, options);
  std::vector<std::int64_t> sequences(std::size_t{1} << kStates);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    sequences[i] = static_cast<std::int64_t>(i);
  }
  base::Rng(seed, base::Stream::kTest).Shuffle(std::span(sequences));
  const std::int32_t user = 0;
  const std::uint8_t valid = 1;
  for (const std::int64_t sequence : sequences) {
    sim::EpisodeEnd end = sim::EpisodeEnd::kNone;
    for (std::int32_t state = 0; end == sim::EpisodeEnd::kNone; ++state) {
      const auto action = static_cast<std::int32_t>(sequence >> state & 1);
      const bool right = action == Right(state);
      const float reward = right && state + 1 == kStates ? 1.0F : 0.0F;
      const std::int32_t next = right ? state + 1 : kStates;
      end = next == kStates ? sim::EpisodeEnd::kTerminal : end;
      replay.Add({.users = {&user, 1},
                  .numbers = {&sequence, 1},
                  .steps = {&state, 1},
                  .memory = {&state, 1, 1},
                  .slates = {&action, 1, 1},
                  .proto = {},
                  .liked = {&next, 1},
                  .reward = {&reward, 1},
                  .end = {&end, 1},
                  .valid = {&valid, 1}});
    }
  }
  EXPECT_EQ(replay.drawable(), kTransitions);
  EXPECT_TRUE(replay.full());
  return replay;
}

double ErrorOf(const Values& q) {
  double sum = 0.0;
  for (std::int32_t state = 0; state < kStates; ++state) {
    const auto& values = q[static_cast<std::size_t>(state)];
    const double good = values[static_cast<std::size_t>(Right(state))] - std::pow(kGamma, kStates - 1 - state);
    const double bad = values[static_cast<std::size_t>(1 - Right(state))];
    sum += good * good + bad * bad;
  }
  return sum / (2.0 * kStates);
}

// Updates of Q-learning, one transition each, until the table is right.
std::int64_t Updates(const ReplayOptions& options, std::uint64_t seed) {
  DrrReplay replay = AllSequences(options, seed);
  Values q{};
  base::Rng rng(seed, base::Stream::kInit);
  for (std::size_t state = 0; state < kStates; ++state) {
    q[state] = {0.1 * rng.Normal(), 0.1 * rng.Normal()};
  }
  DrrBatch batch;
  for (std::int64_t update = 1; update <= kMost; ++update) {
    replay.Draw(seed, static_cast<std::uint64_t>(update), 1, 1, kGamma, 0.0, batch);
    const auto& next = q[static_cast<std::size_t>(batch.after[0])];
    double& value = q[static_cast<std::size_t>(batch.memory[0])][static_cast<std::size_t>(batch.slates[0])];
    const double target =
        static_cast<double>(batch.reward[0]) + static_cast<double>(batch.discount[0]) * std::max(next[0], next[1]);
    const double difference = target - value;
    value += kStepSize * static_cast<double>(batch.weight[0]) * difference;
    replay.SetPriorities(batch.rows, std::array{static_cast<float>(difference)});
    if (update % 16 == 0 && ErrorOf(q) <= kError) {
      return update;
    }
  }
  return kMost;
}

TEST(BlindCliffwalkTest, PrioritiesHalveTheUpdatesAtLeast) {
  std::vector<std::int64_t> uniform;
  std::vector<std::int64_t> prioritized;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    uniform.push_back(Updates({.kind = ReplayKind::kUniform}, seed));
    prioritized.push_back(Updates({.kind = ReplayKind::kPrioritized}, seed));
  }
  std::sort(uniform.begin(), uniform.end());
  std::sort(prioritized.begin(), prioritized.end());
  EXPECT_LT(uniform[5], kMost);
  EXPECT_LE(2 * prioritized[5], uniform[5]);
}

}  // namespace
}  // namespace recforce::algos
