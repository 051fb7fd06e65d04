// SPDX-License-Identifier: Apache-2.0
// What DrrLearner is made of, for the files that it is written in.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "algos/drr/chunk_agent.h"
#include "algos/drr/learner.h"
#include "nn/flat_optimizer.h"

namespace recforce::algos {

inline constexpr std::int64_t kDrrRows = 128;  // of a chunk

struct DrrLearner::Worker {
  std::unique_ptr<ChunkAgent> agent;
  std::vector<float> users, items, users_after, items_after;
  std::vector<float> state, actor, critic;  // gradients
  std::vector<float> d_users, d_items;      // of rows
  std::vector<float> d_liked, d_negatives;
  std::vector<float> scores, noise, actions;
  AgentTotals totals;
};

struct DrrLearner::Totals {
  explicit Totals(const DrrModel& model)
      : items(static_cast<std::size_t>(model.actions.items()), 0),
        direction(static_cast<std::size_t>(model.dim()), 0.0) {}
  AgentTotals agent;
  std::int64_t rows = 0;  // of critics
  std::int64_t actor_rows = 0;
  double ess = 0.0;  // sum over updates of the effective share of a batch
  std::int64_t updates = 0;
  double reward = 0.0;
  std::int64_t shown = 0;
  std::int64_t liked = 0;
  std::vector<std::uint8_t> items;  // [I] 1: was recommended
  std::vector<double> direction;    // [D] sum of unit actions
  std::int64_t actions = 0;
};

struct DrrLearner::Optimizers {
  nn::FlatOptimizer<float> state, actor, critic;
  std::optional<nn::FlatOptimizer<float>> actions;
};

struct DrrLearner::Everything {
  Snapshot weights;
  std::vector<float> target_state, target_actor, target_critic;
  Optimizers optimizers;
  ScalarAdam log_alpha;
  std::int64_t updates;
};

}  // namespace recforce::algos
