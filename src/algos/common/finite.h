// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>

#include "recforce/base/error.h"

namespace recforce::algos {

// Throws Error(Diverged) when `value` is not finite.
inline void CheckFinite(double value, const std::string& what) {
  if (!std::isfinite(value)) {
    throw base::Error(base::ErrorKind::kDiverged,
                      what + ": not a finite number: training diverged. Try a smaller learning_rate");
  }
}

}  // namespace recforce::algos
