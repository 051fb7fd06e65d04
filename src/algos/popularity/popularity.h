// SPDX-License-Identifier: Apache-2.0
// Everyone gets the items that most people have. The floor under every other model, and the template of an
// algorithm: copy this folder, then add one line to register_all.cpp and the sources to CMakeLists.txt.
#pragma once

#include "recforce/core/algorithm.h"

namespace recforce::algos {

struct PopularityConfig {
  double smoothing = 0.0;  // added to every item's count
};
const config::FieldTable& PopularityFields();

core::AlgorithmSpec PopularitySpec();

}  // namespace recforce::algos
