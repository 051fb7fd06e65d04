// SPDX-License-Identifier: Apache-2.0
// RaCT (Lobel, Li, Gao, Carin, "RaCT: Toward Amortized Ranking-Critical Training for Collaborative Filtering",
// ICLR 2020): an actor, a critic that learns the ranking metric, three stages in one run. What differs from the paper
// and its code: docs/algorithms/ract.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct RactConfig {
  std::vector<std::string> stages;
  // Stage 1, as the model that the actor is called after.
  std::string actor = "multi_vae";
  std::int64_t actor_epochs = 100;
  double learning_rate = 1e-3;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
  double dropout = 0.5;
  double noise_std = 1.0;
  double kl_cap = 0.2;
  std::int64_t kl_anneal_steps = 200000;
  double l2 = 0.0;
  double positive_weight = 5.0;
  double gamma = 0.005;
  // Stages 2 and 3.
  std::string finetune_dropout = "auto";
  std::string target = "ndcg";
  std::int64_t target_k = 100;
  // Stage 2.
  std::int64_t critic_epochs = 50;
  std::vector<std::string> critic_features = {"seen", "hidden", "error"};
  std::string critic_scaling = "frozen";
  double critic_learning_rate = 1e-4;
  double critic_l2 = 1e-4;
  // Stage 3.
  std::int64_t finetune_epochs = 50;
  double finetune_learning_rate = 2e-6;
  double finetune_kl_weight = 0.0;
  std::string finetune = "critic";
  bool positive_weights = false;
  std::int64_t pairs_k = 100;
  // All stages.
  std::int64_t batch_size = 500;
  std::int64_t patience = 0;
  // What RecBole does otherwise.
  bool finetune_critic = true;
  bool target_per_root = false;
  double input_scale = 1.0;
  std::string init = "xavier_uniform";
  std::string hand_over = "best";
};
const config::FieldTable& RactFields();

core::AlgorithmSpec RactSpec();

}  // namespace recforce::algos
