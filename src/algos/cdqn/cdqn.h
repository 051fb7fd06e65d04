// SPDX-License-Identifier: Apache-2.0
// Cascading DQN (Chen, Li, Li, Jiang, Qi, Song, "Generative Adversarial User Model for Reinforcement Learning Based
// Recommendation System", ICML 2019), with an additive Q and SlateQ beside it. See docs/algorithms/cdqn.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct CdqnConfig {
  std::string method = "cascade";
  std::string networks = "separate";
  std::string target = "intra_slate";
  bool double_q = false;
  std::int64_t steps = 1;
  double discount = 0.9;
  std::string reward = "learned";
  std::int64_t embedding = 32;
  std::int64_t sums = 4;
  std::vector<std::int64_t> hidden = {256, 32};
  std::int64_t epochs = 16;
  std::int64_t updates_per_epoch = 500;
  std::int64_t patience = 0;
  std::int64_t batch_size = 128;
  double learning_rate = 1e-3;
  double learning_rate_end = 0.1;
  double clip = 10.0;
  std::string loss = "squared";
  std::int64_t users = 64;
  std::int64_t replay = 50000;
  std::int64_t warmup = 1000;
  double epsilon_start = 1.0;
  double epsilon_end = 0.1;
  double epsilon_decay = 0.5;
  double epsilon_item = 0.0;
  std::int64_t target_sync = 100;
  double polyak = 0.0;
  std::int64_t beam = 1;
  std::int64_t candidates = 0;
  std::int64_t shortlist = 0;
  std::string search = "greedy";
  std::int64_t validation_users = 256;
};
const config::FieldTable& CdqnFields();

core::AlgorithmSpec CdqnSpec();

}  // namespace recforce::algos
