// SPDX-License-Identifier: Apache-2.0
// A policy that numbers items in its own way, such as a model trained on a log: its catalogue is sorted by id and lacks
// items that nobody clicked.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "recforce/core/slate_policy.h"

namespace recforce::sim {

// `items`: [items of the policy] the environment's index of each, distinct; `num_items`: those of the environment. The
// policy sees recent() without clicks on items that it does not know, and shows its own items only. It may ask for
// Utilities and Rewards, and not for copies. REQUIRES: slates of at most items.size() places.
std::unique_ptr<core::SlatePolicy> MakeTranslatedPolicy(std::shared_ptr<const core::SlatePolicy> policy,
                                                        std::vector<std::int32_t> items, std::int64_t num_items);

}  // namespace recforce::sim
