// SPDX-License-Identifier: Apache-2.0
// SASRec (Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018), trained with cross-entropy over
// the catalogue unless told otherwise. See docs/algorithms/sasrec.md.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct SasrecConfig {
  std::int64_t epochs = 200;
  std::int64_t batch_size = 32;
  double learning_rate = 1e-3;
  std::int64_t hidden = 64;
  std::int64_t inner = 0;
  std::int64_t blocks = 2;
  std::int64_t heads = 1;
  std::int64_t max_length = 200;
  double dropout = 0.2;
  std::string loss = "ce";
  std::int64_t negatives = 256;
  std::string norm = "first";
  std::string activation = "relu";
  std::int64_t patience = 20;
};
const config::FieldTable& SasrecFields();

core::AlgorithmSpec SasrecSpec();

}  // namespace recforce::algos
