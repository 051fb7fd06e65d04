// SPDX-License-Identifier: Apache-2.0
// The items of a step, each once, in the order in which they are first met.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace recforce::algos {

class Distinct {
 public:
  explicit Distinct(std::int64_t num_items) : place_(static_cast<std::size_t>(num_items), -1) {}

  void Clear() {
    for (const std::int32_t item : items_) {
      place_[static_cast<std::size_t>(item)] = -1;
    }
    items_.clear();
  }
  // Takes in the items that are new. places := where each one stands in items().
  void Add(std::span<const std::int32_t> items, std::vector<std::int32_t>& places) {
    places.clear();
    for (const std::int32_t item : items) {
      std::int32_t& place = place_[static_cast<std::size_t>(item)];
      if (place < 0) {
        place = static_cast<std::int32_t>(items_.size());
        items_.push_back(item);
      }
      places.push_back(place);
    }
  }
  [[nodiscard]] const std::vector<std::int32_t>& items() const { return items_; }

 private:
  std::vector<std::int32_t> place_;  // [I] in items_, or -1
  std::vector<std::int32_t> items_;
};

}  // namespace recforce::algos
