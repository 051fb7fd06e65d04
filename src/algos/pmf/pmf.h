// SPDX-License-Identifier: Apache-2.0
// Probabilistic matrix factorisation of explicit ratings (Salakhutdinov and Mnih, NIPS 2007) with biases (Koren, Bell,
// Volinsky, IEEE Computer 2009), by alternating least squares. docs/algorithms/pmf.md
#pragma once

#include <cstdint>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct PmfConfig {
  std::int64_t epochs = 12;
  std::int64_t dim = 64;
  double reg = 1.3;
  double reg_exponent = 0.5;
  double bias_reg = 3.0;
  double init_stdev = 0.1;
  double fold_in_unobserved_weight = 0.3;
  double fold_in_reg = 0.3;
  std::int64_t patience = 0;
};
const config::FieldTable& PmfFields();

core::AlgorithmSpec PmfSpec();

}  // namespace recforce::algos
