// SPDX-License-Identifier: Apache-2.0
// Slate policies that learn nothing. Those that are given the world ask Episodes for utilities and rewards, which no
// recommender of real people can; they show what knowing them is worth. All are vectorised over users.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/core/environment.h"
#include "recforce/core/recommender.h"
#include "recforce/core/slate_policy.h"

namespace recforce::sim {

// k different items, every slate equally likely in every order.
std::unique_ptr<core::SlatePolicy> MakeRandomPolicy(std::int64_t num_items);

// Everybody is shown the k items of the largest counts; the lower index among equals. counts: [I].
std::unique_ptr<core::SlatePolicy> MakePopularityPolicy(std::span<const std::int64_t> counts);

// The k items that a recommender scores best for a user who clicked recent(), oldest first; the lower index among
// equals. It reads kRecommenderClicks of them
// (sim/score_users.h). Items that were clicked may come again. `repeats`: the recommender also
// reads the same item several times; else each item counts once, where it was clicked last. REQUIRES: the environment's
// catalogue.
std::unique_ptr<core::SlatePolicy> MakeRecommenderPolicy(std::shared_ptr<const core::Recommender> recommender,
                                                         bool repeats);

// Given the world: the k items whose click would bring most, or that the user would feel most for; the lower index
// among equals. The first is the greedy policy of Chen et al. (ICML 2019, table 2).
std::unique_ptr<core::SlatePolicy> MakeTopRewardPolicy(std::int64_t num_items);
std::unique_ptr<core::SlatePolicy> MakeTopUtilityPolicy(std::int64_t num_items);

// Given the world: the slate that brings most at once, added up item by item or the best there is, as
// SlateSearch::Greedy and Exact find it. They are for environments of this many items and this law of choice, and keep
// no reference. Exact: Choose throws Error(Usage) where SlateSearch does.
std::unique_ptr<core::SlatePolicy> MakeGreedyPolicy(const core::Environment& environment);
std::unique_ptr<core::SlatePolicy> MakeExactPolicy(const core::Environment& environment);

// These four by the names that they have on command lines: top_k, top_utility, greedy and myopic.
const std::vector<std::string>& ImmediatePolicyNames();
// Null where the name is another.
std::unique_ptr<core::SlatePolicy> MakeImmediatePolicy(std::string_view name, const core::Environment& environment);

}  // namespace recforce::sim
