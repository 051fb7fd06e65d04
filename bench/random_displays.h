// SPDX-License-Identifier: Apache-2.0
// Displays and what was chosen of them: items by a popularity like that of real logs, choices by a taste that all users
// share.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "random_log.h"
#include "recforce/base/rng.h"
#include "recforce/data/display_set.h"

namespace recforce::bench {

struct DisplayShape {
  std::int64_t users = 0;
  std::int64_t items = 0;
  double more = 0.0;        // chance that a user comes once more, up to kMostVisits times
  std::int64_t widest = 0;  // a display has 1 to so many items, each number as likely
  double no_click = 0.0;    // share of displays of which nothing is chosen
};

inline data::DisplaySet RandomDisplays(const DisplayShape& shape) {
  constexpr std::size_t kMostVisits = 11;
  base::Rng rng(2, base::Stream::kGenerate);
  std::vector<double> taste(static_cast<std::size_t>(shape.items));
  for (double& value : taste) {
    value = std::exp(rng.Normal());
  }
  std::vector<double> cumulative;
  const data::Csr rows = RandomLog(shape.users, shape.items, shape.widest);  // displays are beginnings of these
  data::DisplaySet displays;
  for (std::int64_t user = 0; user < shape.users; ++user) {
    for (std::size_t visit = 0; visit == 0 || (visit < kMostVisits && rng.Uniform() < shape.more); ++visit) {
      const auto row = static_cast<std::int64_t>(rng.Below(static_cast<std::uint64_t>(shape.users)));
      const std::span<const std::int32_t> items =
          rows.row(row).first(1 + rng.Below(static_cast<std::uint64_t>(shape.widest)));
      cumulative.clear();
      for (const std::int32_t item : items) {
        cumulative.push_back(taste[static_cast<std::size_t>(item)] + (cumulative.empty() ? 0.0 : cumulative.back()));
      }
      const auto at = std::lower_bound(cumulative.begin(), cumulative.end() - 1, rng.Uniform() * cumulative.back());
      const auto place = static_cast<std::int32_t>(at - cumulative.begin());
      displays.AddChoice(items, rng.Uniform() < shape.no_click ? -1 : place);
    }
    displays.AddUser(static_cast<std::int32_t>(user));
  }
  return displays;
}

}  // namespace recforce::bench
