// SPDX-License-Identifier: Apache-2.0
// The values that a setting takes in a search for the best configuration: a range, or a list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recforce/base/rng.h"

namespace recforce::config {

enum class Scale { kLinear, kLog };

struct SearchSpace {
  Scale scale = Scale::kLinear;
  bool whole = false;                // a range of whole numbers, both ends included
  double low = 0.0;                  // of the range, when there are no choices
  double high = 0.0;                 // REQUIRES: low < high, and 0 < low (1 <= low when whole) for kLog
  std::vector<std::string> choices;  // texts as the field takes them, all equally likely
  [[nodiscard]] bool is_range() const { return choices.empty(); }
};

// "1e-05..0.01:log", "1..20" or "0.1,0.2,0.5".
std::string SearchText(const SearchSpace& space);

// Reads what SearchText writes (and ":linear"); choices with commas of their own stand in brackets or quotes.
// `numeric`: the field is a number, `whole`: a whole one. "" and the space, or why the text was refused, in words
// that need only the key before them.
std::string ParseSearchText(std::string_view text, bool numeric, bool whole, SearchSpace& space);

// One value, as the field takes it. Linear: every value alike; log: every ratio alike (a whole number n with a
// probability in proportion to log((n + 1) / n)). Decimals have four significant digits, so that they can be read.
// Takes exactly one Uniform of `rng`.
std::string DrawValue(const SearchSpace& space, base::Rng& rng);

// Where a value lies in a range, from 0 to 1 on its scale. REQUIRES: is_range.
double PlaceInRange(const SearchSpace& space, double value);

}  // namespace recforce::config
