// SPDX-License-Identifier: Apache-2.0
// Every slate without repetition, and laws over them, for tests that take expectations by enumeration.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace recforce::test {

using Slate = std::vector<std::int32_t>;

inline std::vector<Slate> AllSlates(std::int32_t num_items, std::size_t length) {
  std::vector<Slate> slates = {{}};
  for (std::size_t slot = 0; slot < length; ++slot) {
    std::vector<Slate> longer;
    for (const Slate& slate : slates) {
      for (std::int32_t item = 0; item < num_items; ++item) {
        if (std::find(slate.begin(), slate.end(), item) == slate.end()) {
          longer.push_back(slate);
          longer.back().push_back(item);
        }
      }
    }
    slates = std::move(longer);
  }
  return slates;
}

inline Slate Flat(const std::vector<Slate>& slates) {
  Slate flat;
  for (const Slate& slate : slates) {
    flat.insert(flat.end(), slate.begin(), slate.end());
  }
  return flat;
}

// Draws one item after another, each with a chance in proportion to its weight among those that are left
// (Plackett-Luce).
struct Sequential {
  std::vector<double> weights;

  // The chance of the item in `slot`, given those before.
  [[nodiscard]] double Step(const Slate& slate, std::size_t slot) const {
    double left = 0.0;
    for (const double weight : weights) {
      left += weight;
    }
    for (std::size_t before = 0; before < slot; ++before) {
      left -= weights[slate[before]];
    }
    return weights[slate[slot]] / left;
  }
  [[nodiscard]] double Chance(const Slate& slate) const {
    double chance = 1.0;
    for (std::size_t slot = 0; slot < slate.size(); ++slot) {
      chance *= Step(slate, slot);
    }
    return chance;
  }
  [[nodiscard]] std::vector<double> Chances(const std::vector<Slate>& slates) const {
    std::vector<double> chances;
    for (const Slate& slate : slates) {
      chances.push_back(Chance(slate));
    }
    return chances;
  }
};

}  // namespace recforce::test
