// SPDX-License-Identifier: Apache-2.0
// RecVAE (Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko, "RecVAE: A New Variational Autoencoder for Top-N
// Recommendations with Implicit Feedback", WSDM 2020). See docs/algorithms/recvae.md.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct RecvaeConfig {
  std::int64_t epochs = 50;
  std::int64_t batch_size = 500;
  double learning_rate = 5e-4;
  std::int64_t hidden = 600;
  std::int64_t latent = 200;
  double dropout = 0.5;
  double gamma = 0.005;
  std::int64_t encoder_passes = 3;
  std::int64_t decoder_passes = 1;
  std::int64_t patience = 0;
};
const config::FieldTable& RecvaeFields();

core::AlgorithmSpec RecvaeSpec();

}  // namespace recforce::algos
