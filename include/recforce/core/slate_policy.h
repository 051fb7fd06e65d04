// SPDX-License-Identifier: Apache-2.0
// Who decides what users of an environment are shown.
#pragma once

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
};

}  // namespace recforce::core
