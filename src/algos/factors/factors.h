// SPDX-License-Identifier: Apache-2.0
// Matrix factors that were learnt elsewhere, as a model. docs/algorithms/factors.md
#pragma once

#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct FactorsConfig {
  std::string users;
  std::string items;
  std::string item_bias;
  double fold_in_unobserved_weight = 0.1;
  double fold_in_reg = 0.01;
};
const config::FieldTable& FactorsFields();

core::AlgorithmSpec FactorsSpec();

}  // namespace recforce::algos
