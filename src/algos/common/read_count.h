// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "recforce/base/error.h"
#include "recforce/base/tensor_file.h"
#include "recforce/base/text.h"

namespace recforce::algos {

// A number in the metadata of a file. Error(Data) when there is none of [low, high].
inline std::int64_t ReadCount(const base::TensorSet& set, const std::string& key, std::int64_t low = 0,
                              std::int64_t high = std::numeric_limits<std::int64_t>::max()) {
  const auto value = base::ParseInt(set.Meta(key));
  if (!value || *value < low || *value > high) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": '" + key + "' is no count: '" + set.Meta(key) +
                                                  "'; expected " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *value;
}

}  // namespace recforce::algos
