// SPDX-License-Identifier: Apache-2.0
// A recommender that learns from the log of another one by policy gradient, with a correction for what that one liked
// to show and for being shown as one of K (Chen et al., "Top-K Off-Policy Correction for a REINFORCE Recommender
// System", WSDM 2019). See docs/algorithms/topk_reinforce.md.
#pragma once

#include <cstdint>
#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct TopKReinforceConfig {
  std::int64_t epochs = 20;
  std::int64_t batch_size = 128;
  std::int64_t steps = 20;
  double learning_rate = 1e-3;
  std::string state = "cfn";
  std::int64_t embedding = 64;
  std::int64_t hidden = 128;
  std::string context = "auto";
  std::int64_t top_k = 16;
  std::string correction = "paper";
  double cap = 20.085536923187668;
  bool normalise = false;
  std::string behaviour = "auto";
  double beta_weight = 1.0;
  double kl_weight = 0.0;
  double entropy_weight = 0.0;
  std::string reward = "auto";
  double reward_clip = 0.0;
  double discount = 0.95;
  double horizon = 0.0;
  double novelty_boost = 1.0;
  double novelty_days = 0.0;
  double temperature = 1.0;
  std::string softmax = "auto";
  std::int64_t negatives = 2048;
  std::string proposal = "log_uniform";
  double proposal_exponent = 1.0;
  bool unique = true;
  std::string weights = "exact";
  double serve_greedy = 0.5;
  std::int64_t serve_candidates = 200;
  double serve_temperature = 1.0;
};
const config::FieldTable& TopKReinforceFields();

core::AlgorithmSpec TopKReinforceSpec();

}  // namespace recforce::algos
