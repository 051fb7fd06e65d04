// SPDX-License-Identifier: Apache-2.0
// Small sets of displays for tests of choices.
#pragma once

#include <cstdint>
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
      set.AddChoice(shown.items, shown.choice);
    }
    set.AddUser(static_cast<std::int32_t>(set.users.size()));
  }
  return set;
}

}  // namespace recforce::test
