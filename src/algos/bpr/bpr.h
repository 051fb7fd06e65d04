// SPDX-License-Identifier: Apache-2.0
// Matrix factorisation by Bayesian personalised ranking (Rendle, Freudenthaler, Gantner, Schmidt-Thieme, UAI 2009).
// docs/algorithms/bpr.md
#pragma once

#include <cstdint>
#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct BprConfig {
  std::int64_t epochs = 40;
  std::int64_t dim = 64;
  std::string optimizer = "sgd";
  double learning_rate = 0.05;
  double learning_rate_decay = 1.0;
  double l2 = 0.01;
  bool bias = true;
  double bias_l2 = 0.0;
  std::int64_t negatives = 1;
  double negative_exponent = 0.5;
  double init_stdev = 0.1;
  double fold_in_unobserved_weight = 0.003;
  double fold_in_reg = 10.0;
  std::int64_t patience = 0;
};
const config::FieldTable& BprFields();

core::AlgorithmSpec BprSpec();

}  // namespace recforce::algos
