// SPDX-License-Identifier: Apache-2.0
// GRU4Rec: the next item of a session from a recurrent network, against the other targets of the batch and sampled
// items (Hidasi, Karatzoglou, Baltrunas, Tikk, ICLR 2016; Hidasi and Karatzoglou, CIKM 2018). Written from the papers.
// See docs/algorithms/gru4rec.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct Gru4recConfig {
  std::int64_t epochs = 10;
  std::int64_t batch_size = 64;
  double learning_rate = 0.07;
  double learning_rate_left = 1.0;
  double momentum = 0.0;
  std::vector<std::int64_t> layers = {100};
  std::string cell = "gru";
  std::string embedding = "shared";
  std::int64_t embedding_dim = 0;
  double embedding_dropout = 0.0;
  double hidden_dropout = 0.2;
  std::string loss = "cross_entropy";
  std::int64_t negatives = 2048;
  double negative_exponent = 0.5;
  double logq = 1.0;
  std::string logq_counts = "expected";
  bool mask_hits = true;
  double bpreg = 1.0;
  double elu = 0.0;
  std::string order = "time";
  std::int64_t patience = 0;
};
const config::FieldTable& Gru4recFields();

core::AlgorithmSpec Gru4recSpec();

}  // namespace recforce::algos
