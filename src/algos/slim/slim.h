// SPDX-License-Identifier: Apache-2.0
// Sparse linear methods (Ning and Karypis, ICDM 2011). docs/algorithms/slim.md
#pragma once

#include <cstdint>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct SlimConfig {
  double l1 = 1.0;
  double l2 = 100.0;
  bool positive = true;
  std::int64_t neighbours = 0;
  std::int64_t max_sweeps = 100;
  double tolerance = 1e-3;
};
const config::FieldTable& SlimFields();

core::AlgorithmSpec SlimSpec();

}  // namespace recforce::algos
