// SPDX-License-Identifier: Apache-2.0
// What else was shown, by rule: one class a kind of built displays. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "recforce/data/build_displays.h"

namespace recforce::data {

// Chooses the other items of displays. Not thread-safe; one serves several users.
class DisplayNeighbours {
 public:
  virtual ~DisplayNeighbours() = default;
  // The next interactions are of this user.
  virtual void Begin(std::int64_t user) = 0;
  // Appends distinct items other than that of the interaction at `place` of the log. Interactions of a user come in
  // order.
  virtual void Add(std::int64_t place, std::vector<std::int32_t>& shown) = 0;
};

// What all threads share of a kind. Thread-safe to read.
class NeighbourRule {
 public:
  virtual ~NeighbourRule() = default;
  [[nodiscard]] virtual std::unique_ptr<DisplayNeighbours> Make() const = 0;
};

// REQUIRES: valid options; times for time_neighbours. The dataset must outlive the rule, the rule what it makes.
std::unique_ptr<NeighbourRule> MakeNeighbourRule(const Dataset& dataset, const DisplayOptions& options);

}  // namespace recforce::data
