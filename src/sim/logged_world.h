// SPDX-License-Identifier: Apache-2.0
// Users who are offered again what they had, in another order: episodes over logged items alone (the offline protocol
// of Liu et al. 2018, over training rows). No model of users is needed, and none can be wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "sim/item_parts.h"

namespace recforce::sim {

struct LoggedOptions {
  std::int64_t memory = 5;                 // N
  std::optional<std::int64_t> first = {};  // items of a row that are history and no candidates; none: N
  std::int64_t horizon = 10;
  RewardScale scale = {};
};

// Candidates are the items of the user's row after its first; those liked among the first are the memory that an
// episode begins with. The reward is the scaled value, 1 where the log has no values; liked is what pays more than 0.
// An episode ends after `horizon` steps with kTruncated, or where no candidate is left with kTerminal, for a learner
// must not expect anything of an empty choice. Users with fewer than two candidates have none: Error(Usage) where that
// is everybody.
std::shared_ptr<const ItemWorld> MakeLoggedWorld(const RatedRows& log, const LoggedOptions& options);

}  // namespace recforce::sim
