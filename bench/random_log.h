// SPDX-License-Identifier: Apache-2.0
// Rows of users with a popularity like that of real logs (weight of item i falls as 1 / (i + 20)).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/data/csr.h"

namespace recforce::bench {

inline data::Csr RandomLog(std::int64_t users, std::int64_t items, std::int64_t clicks) {
  std::vector<double> cumulative;
  double total = 0.0;
  for (std::int64_t item = 0; item < items; ++item) {
    total += 1.0 / static_cast<double>(item + 20);
    cumulative.push_back(total);
  }
  data::Csr rows;
  for (std::int64_t user = 0; user < users; ++user) {
    base::Rng rng(1, base::Stream::kGenerate, static_cast<std::uint64_t>(user));
    std::vector<std::int32_t> row;
    while (static_cast<std::int64_t>(row.size()) < clicks) {
      const auto at = std::lower_bound(cumulative.begin(), cumulative.end(), rng.Uniform() * total);
      const auto item = static_cast<std::int32_t>(at - cumulative.begin());
      if (std::find(row.begin(), row.end(), item) == row.end()) {
        row.push_back(item);
      }
    }
    rows.AddRow(row);
  }
  return rows;
}

}  // namespace recforce::bench
