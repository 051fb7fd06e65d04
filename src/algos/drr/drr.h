// SPDX-License-Identifier: Apache-2.0
// DRR: actors and critics over explicit states of users and items (Liu et al., "Deep Reinforcement Learning based
// Recommendation with Explicit User-Item Interactions Modeling", 2018), with the agents that one would compare it with.
// See docs/algorithms/drr.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct DrrConfig {
  // What acts.
  std::string agent = "td3";
  std::string state = "average";
  std::int64_t memory = 10;
  std::vector<std::int64_t> hidden = {128};
  std::string output = "unit";
  bool residual = true;
  // What it begins with.
  std::string pretrain = "ials";
  std::vector<std::string> pretrain_settings = {};
  std::int64_t dim = 64;
  double init_stdev = 0.01;
  std::string embeddings = "frozen";
  std::string actions = "frozen";
  bool refold = true;
  // Who answers.
  std::string world = "pos_neg";
  std::int64_t window = 3;
  double liked_above = 3.0;
  std::int64_t min_positives = 5;
  std::int64_t negatives = 5;
  std::string negatives_from = "unseen";
  bool negatives_repeat = false;
  double negatives_popular = 0.0;
  double miss = 0.0;
  bool clear_memory = true;
  std::int64_t horizon = 10;
  std::string start = "random";
  bool repeats = false;
  std::string leave = "never";
  std::int64_t leave_window = 7;
  double leave_distance = 1.0;
  // How it learns.
  double discount = 0.9;
  std::int64_t steps = 1;
  std::string state_gradient = "critic";
  std::string critic_action = "item";
  bool target_state = true;
  double polyak = 0.005;
  std::string bound = "auto";
  std::int64_t epochs = 20;
  std::int64_t updates_per_epoch = 1000;
  std::int64_t patience = 0;
  std::int64_t batch_size = 512;
  std::string optimizer = "adam";
  double learning_rate = 1e-3;
  double actor_learning_rate = 3e-4;
  double state_learning_rate = 3e-4;
  double weight_decay = 0.0;
  double actor_weight_decay = 0.0;
  double state_weight_decay = 0.0;
  // How it remembers and explores.
  std::string replay = "prioritized";
  std::int64_t capacity = 200000;
  double alpha = 0.6;
  double beta = 0.4;
  std::int64_t beta_updates = 100000;
  double priority_epsilon = 1e-6;
  std::string weights_over = "batch";
  std::int64_t episodes = 512;
  double updates_per_step = 0.25;
  std::int64_t warmup = 2000;
  std::string exploration = "gaussian";
  double sigma = 0.1;
  double ou_theta = 0.15;
  double epsilon = 0.0;
  std::int64_t actor_start = 1000;
  double q_weight = 1.0;
  std::string actor_gradient = "items";
  std::int64_t judged_items = 64;
  // Of single agents.
  std::int64_t policy_delay = 2;
  double target_noise = 0.2;
  double noise_clip = 0.5;
  double entropy = 0.0;
  double entropy_share = 0.98;
  double initial_alpha = 0.1;
  std::int64_t neighbours = 10;
  std::string index = "exact";
  bool double_q = true;
  bool dueling = false;
  double cql_weight = 1.0;
  std::string crr_weight = "binary";
  double crr_beta = 1.0;
  double bcq_threshold = 0.3;
  double bcq_reach = 0.05;
  std::int64_t bcq_samples = 10;
  double bcq_least = 0.75;
  // Supervision beside it.
  double ranking_weight = 1.0;
  double ranking_scale = 10.0;
  std::int64_t ranking_negatives = 64;
  std::int64_t validation_users = 256;
};
const config::FieldTable& DrrFields();

// `pretrainers`: models whose bundles hold FactorTables: "ials", "bpr", "pmf".
core::AlgorithmSpec DrrSpec(std::vector<core::AlgorithmSpec> pretrainers);

}  // namespace recforce::algos
