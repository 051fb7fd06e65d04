// SPDX-License-Identifier: Apache-2.0
// Who decides what users of an environment are shown.
#pragma once

#include <algorithm>
#include <cstdint>

#include "recforce/base/matrix_view.h"
#include "recforce/core/environment.h"

namespace recforce::core {

// Immutable and thread-safe. A policy that was learnt looks at recent() alone; one that is given the world also at
// Utilities and Rewards.
class SlatePolicy {
 public:
  virtual ~SlatePolicy() = default;
  // How many clicks it reads, at most: who shows it users gives Episodes::recent() as many columns, or the
  // Environment::memory() of these users, if that is more.
  [[nodiscard]] virtual std::int64_t memory() const { return 0; }
  // slates: [B, k], distinct items, best first; rows of users who have left may be anything in range. What is random
  // is drawn from (seed, user, step).
  virtual void Choose(const Episodes& episodes, std::uint64_t seed, base::MatrixView<std::int32_t> slates) const = 0;
  // out: [B, k] the probability, over seeds, of showing each item of a slate at its place given the places before it.
  // `slates` are those that Choose made of the same episodes; rows of users who have left may be anything. A policy
  // that draws says how it does; 1 is right where nothing is drawn. Error(Usage): nobody can say.
  virtual void Propensities(const Episodes& /*episodes*/, base::MatrixView<const std::int32_t> slates,
                            base::MatrixView<double> out) const {
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      std::fill(out.row(row).begin(), out.row(row).end(), 1.0);
    }
  }
};

}  // namespace recforce::core
