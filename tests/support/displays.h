// SPDX-License-Identifier: Apache-2.0
// Small sets of displays for tests of choices.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "recforce/data/display_set.h"

namespace recforce::test {

struct Shown {
  std::vector<std::int32_t> items;
  std::int32_t choice;  // a place among them, -1 for none
};

// One list of displays for each user.
inline data::DisplaySet MakeDisplays(const std::vector<std::vector<Shown>>& users) {
  data::DisplaySet set;
  for (const std::vector<Shown>& displays : users) {
    for (const Shown& shown : displays) {
      set.items.insert(set.items.end(), shown.items.begin(), shown.items.end());
      set.offsets.push_back(static_cast<std::int64_t>(set.items.size()));
      set.choice.push_back(shown.choice);
    }
    set.users.push_back(static_cast<std::int32_t>(set.users.size()));
    set.user_offsets.push_back(set.size());
  }
  return set;
}

}  // namespace recforce::test
