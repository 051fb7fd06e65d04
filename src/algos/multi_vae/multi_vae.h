// SPDX-License-Identifier: Apache-2.0
// Multi-VAE (Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018)
// with partial regularisation. Equations: RaCT spec, 1.2 and stage 1 of 1.5. See docs/algorithms/multi_vae.md.
#pragma once

#include "algos/common/actor_learner.h"
#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct MultiVaeConfig {
  std::int64_t epochs = 100;
  std::int64_t batch_size = 500;
  double learning_rate = 1e-3;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
  double dropout = 0.5;
  double noise_std = 1.0;
  double kl_cap = 0.2;
  std::int64_t kl_anneal_steps = 200000;
  std::int64_t patience = 0;
};
const config::FieldTable& MultiVaeFields();

core::AlgorithmSpec MultiVaeSpec();

}  // namespace recforce::algos
