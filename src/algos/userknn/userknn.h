// SPDX-License-Identifier: Apache-2.0
// User-based nearest neighbours (Resnick et al., CSCW 1994), which over sessions is session-kNN (Jannach and Ludewig,
// RecSys 2017). docs/algorithms/userknn.md
#pragma once

#include <cstdint>
#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct UserKnnConfig {
  std::int64_t neighbours = 50;
  std::string similarity = "cosine";
  double shrink = 0.0;
  std::int64_t sample = 0;
  double decay = 1.0;
};
const config::FieldTable& UserKnnFields();

core::AlgorithmSpec UserKnnSpec();

}  // namespace recforce::algos
