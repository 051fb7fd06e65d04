// SPDX-License-Identifier: Apache-2.0
// RaCT (Lobel, Li, Gao, Carin, "RaCT: Toward Amortized Ranking-Critical Training for Collaborative Filtering",
// ICLR 2020): a Multi-VAE actor, a critic that learns the ranking metric, three stages in one run. What differs
// from the paper and its code: docs/algorithms/ract.md.
#pragma once

#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct RactConfig {
  // Stage 1, as Multi-VAE.
  std::int64_t actor_epochs = 100;
  double learning_rate = 1e-3;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
  double dropout = 0.5;
  double noise_std = 1.0;
  double kl_cap = 0.2;
  std::int64_t kl_anneal_steps = 200000;
  // Stage 2.
  std::int64_t critic_epochs = 50;
  double critic_learning_rate = 1e-4;
  double critic_l2 = 1e-4;
  std::string critic_features = "frozen";
  std::int64_t target_k = 100;
  // Stage 3.
  std::int64_t finetune_epochs = 50;
  double finetune_learning_rate = 2e-6;
  double finetune_kl_weight = 0.0;
  std::string finetune = "critic";
  // All stages.
  std::int64_t batch_size = 500;
  std::int64_t patience = 0;
};
const config::FieldTable& RactFields();

core::AlgorithmSpec RactSpec();

}  // namespace recforce::algos
