// SPDX-License-Identifier: Apache-2.0
// Multi-DAE (Liang et al., WWW 2018): a denoising autoencoder with a multinomial likelihood and an L2 penalty on
// all parameters. RaCT spec, 1.2 (`new_multi_dae`) and 1.7. See docs/algorithms/multi_dae.md.
#pragma once

#include "algos/common/actor_learner.h"
#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct MultiDaeConfig {
  std::int64_t epochs = 100;
  std::int64_t batch_size = 500;
  double learning_rate = 1e-3;
  std::int64_t hidden = 0;
  std::int64_t latent = 200;
  double dropout = 0.5;
  double l2 = 1e-5;
  std::int64_t patience = 0;
};
const config::FieldTable& MultiDaeFields();

core::AlgorithmSpec MultiDaeSpec();

}  // namespace recforce::algos
