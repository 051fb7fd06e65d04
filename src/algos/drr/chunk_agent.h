// SPDX-License-Identifier: Apache-2.0
// An agent as the learner sees it: gradients of a chunk of rows, and scores of items. One object a thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algos/drr/actor_critic.h"
#include "algos/drr/item_agent.h"
#include "algos/drr/item_vectors.h"

namespace recforce::algos {

struct AgentOptions {
  AgentShape shape;
  StateGradient state_gradient = StateGradient::kCritic;
  double least = -std::numeric_limits<double>::infinity();  // of targets
  double most = std::numeric_limits<double>::infinity();
  double target_noise = 0.2;  // td3
  double noise_clip = 0.5;
  double q_weight = 1.0;         // of Q in what actors learn from
  bool slope = true;             // its slope at the action; false: ActorCritic::ItemsLoss
  std::int64_t neighbours = 10;  // wolpertinger
  bool values_shown = false;     // ddpg, td3, sac: targets value what an action would show, not its vector
  bool double_q = true;          // dqn, cql, bcq_discrete
  bool dueling = false;
  double threshold = 0.3;  // bcq_discrete
  double cql_weight = 1.0;
  bool crr_binary = true;
  double crr_beta = 1.0;
  double bcq_reach = 0.05;        // bcq: how far actions are moved from those of the log
  std::int64_t bcq_samples = 10;  // bcq
  double bcq_least = 0.75;        // bcq: weight of the lesser of two Q
  double ranking_weight = 0.0;    // of the supervised loss: see RankingLoss
  double ranking_scale = 10.0;
  std::int64_t slate = 1;
};

// Some rows of a batch. `first`: the number of the first of them in the batch.
struct AgentChunk {
  AgentSide<float> learning, target;
  AgentRows<float> rows;
  const std::int32_t* slates = nullptr;     // [R, k]
  const std::int32_t* liked = nullptr;      // [R] the item that entered the memory, -1: none
  std::span<const std::int32_t> negatives;  // of the ranking loss
  std::span<const std::int32_t> judged;     // items of ActorCritic::ItemsLoss
  float* d_liked = nullptr;                 // [R, D] := its gradient by the vectors of liked items; null: not asked for
  float* d_negatives = nullptr;             // [negatives, D] += likewise
  const RowItems* before = nullptr;         // what may be recommended, of the whole batch
  const RowItems* after = nullptr;
  std::int64_t first = 0;
  std::int64_t batch = 0;  // rows of the whole batch
  bool moves_actor = true;
  float alpha = 0.0F;
  std::uint64_t seed = 0;
  std::uint64_t update = 0;
};

// What is scored: states are made of `rows` by the numbers of a side.
struct AgentScene {
  AgentSide<float> side;
  StateRows<float> rows;
  const RowItems* legal = nullptr;  // of wolpertinger; null: everything
  const float* noise = nullptr;     // [R, D] added to actions, of SAC standard normal; null: none
};

class ChunkAgent {
 public:
  virtual ~ChunkAgent() = default;
  // deltas: [R] what priorities are made of.
  virtual void Update(const AgentChunk& chunk, const AgentGradient<float>& gradient, float* deltas,
                      AgentTotals& totals) = 0;
  // out: [R, I]. actions: [R, D] of agents that act by a vector; null: not asked for.
  virtual void Score(const AgentScene& scene, base::MatrixView<float> out, float* actions) = 0;
};

// Networks of an agent and where their numbers begin.
struct AgentNetworks {
  std::vector<float> actor, critic;
  std::vector<nn::FlatMatrix> actor_matrices, critic_matrices;
};
AgentNetworks InitNetworks(const AgentShape& shape, std::uint64_t seed);

// `vectors` must outlive the agent and may change between calls.
std::unique_ptr<ChunkAgent> MakeChunkAgent(const AgentOptions& options, const ItemVectors& vectors);

}  // namespace recforce::algos
