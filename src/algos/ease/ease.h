// SPDX-License-Identifier: Apache-2.0
// EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): a linear item-item model in
// closed form. P = (X'X + Lambda)^-1, B_ij = -P_ij / P_jj, B_jj = 0; scores x B. RaCT spec, 1.7. EASE has
// Lambda = l2 I. EDLAE (Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020) adds what dropout
// of the input does on average: Lambda = l2 I + p / (1 - p) diag(X'X).
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct EaseConfig {
  double l2 = 500.0;
  std::string precision = "float64";
  double dropout = 0.0;  // p
};
const config::FieldTable& EaseFields();

core::AlgorithmSpec EaseSpec();

}  // namespace recforce::algos
