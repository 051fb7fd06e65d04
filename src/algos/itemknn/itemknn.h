// SPDX-License-Identifier: Apache-2.0
// Item-based nearest neighbours (Sarwar et al., WWW 2001; Deshpande and Karypis, TOIS 2004). docs/algorithms/itemknn.md
#pragma once

#include <cstdint>
#include <string>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct ItemKnnConfig {
  std::int64_t neighbours = 100;
  std::string similarity = "tf_idf";
  double shrink = 0.0;
  bool normalize = false;
  double decay = 1.0;
  double bm25_k1 = 1.2;
  double bm25_b = 0.75;
};
const config::FieldTable& ItemKnnFields();

core::AlgorithmSpec ItemKnnSpec();

}  // namespace recforce::algos
