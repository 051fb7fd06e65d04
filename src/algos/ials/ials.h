// SPDX-License-Identifier: Apache-2.0
// Implicit alternating least squares (Hu, Koren, Volinsky, ICDM 2008) with frequency-scaled regularisation (Rendle,
// Krichene, Zhang, Koren, RecSys 2022). docs/algorithms/ials.md
#pragma once

#include <cstdint>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct IalsConfig {
  std::int64_t epochs = 16;
  std::int64_t dim = 64;
  double reg = 0.01;
  double reg_exponent = 1.0;
  double unobserved_weight = 0.1;
  double init_stdev = 0.1;
  bool refold = true;
  std::int64_t patience = 0;
};
const config::FieldTable& IalsFields();

core::AlgorithmSpec IalsSpec();

}  // namespace recforce::algos
