// SPDX-License-Identifier: Apache-2.0
// A model of users who choose from what is shown (Chen, Li, Li, Jiang, Qi, Song, "Generative Adversarial User Model for
// Reinforcement Learning Based Recommendation System", ICML 2019). See docs/algorithms/gan_user_model.md.
#pragma once

#include <string>
#include <vector>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct GanUserModelConfig {
  std::int64_t epochs = 100;
  std::int64_t batch_size = 128;
  double learning_rate = 1e-3;
  double weight_decay = 1.0;
  double popularity_decay = 1.0;
  double clip = 5.0;
  std::int64_t patience = 30;
  std::int64_t dim = 16;
  double item_deviation = 0.2;
  std::string item_features;
  std::string state = "pw";
  std::int64_t history = 20;
  std::int64_t positions = 4;
  std::string position_squash = "elu";
  bool position_bias = true;
  double position_init = 0.0;
  std::int64_t hidden = 20;
  std::vector<std::int64_t> reward_layers = {64, 64};
  bool popularity = true;
  bool repeats = true;
  std::string no_click = "auto";
  double no_click_reward = 0.0;
  std::string law = "shannon";
  double eta = 1.0;
  bool temperature = true;
  std::int64_t ensemble = 1;
  double pessimism = 0.0;
  std::string choices = "mean";
  std::string reward = "utility";
  bool game = false;
  std::int64_t game_epochs = 50;
  std::int64_t game_steps = 1;
  double game_learning_rate = 1e-3;
  bool compat = false;
};
const config::FieldTable& GanUserModelFields();

core::AlgorithmSpec GanUserModelSpec();

}  // namespace recforce::algos
