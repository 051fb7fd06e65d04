// SPDX-License-Identifier: Apache-2.0
// EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): a linear item-item model in
// closed form. P = (X'X + l2 I)^-1, B_ij = -P_ij / P_jj, B_jj = 0; scores x B. RaCT spec, 1.7.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct EaseConfig {
  double l2 = 500.0;
  std::string precision = "float64";
};
const config::FieldTable& EaseFields();

core::AlgorithmSpec EaseSpec();

}  // namespace recforce::algos
