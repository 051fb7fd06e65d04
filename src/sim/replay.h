// SPDX-License-Identifier: Apache-2.0
// Whether simulated users behave like logged ones: both are shown the displays of a log, and what they click is
// compared as distributions. A model of users may predict each click well and still click too often, or too much of the
// same.
#pragma once

#include <cstdint>

#include "recforce/core/environment.h"
#include "recforce/data/display_set.h"

namespace recforce::sim {

// The Kullback-Leibler divergence of the simulated from the logged distribution, in nats: 0 where they are equal. Each
// count is raised by 1/2, so that what was never simulated does not make it infinite. Counts of finitely many clicks
// differ even between equal users: `chance` is the divergence between two simulations that differ in their seed.
struct Divergence {
  double value = 0.0;
  double chance = 0.0;
};

struct Replay {
  std::int64_t users = 0;
  std::int64_t displays = 0;
  double logged_click_rate = 0.0;  // clicks / displays
  double simulated_click_rate = 0.0;
  // Where the choice stands among what was shown, in the order of the environment's utilities after the clicks before
  // it; choosing nothing is a place of its own.
  Divergence rank;
  Divergence items;            // which items are clicked
  Divergence clicks_per_user;  // how many clicks a user makes
};

// The logged users' choices against those of simulated users, who begin without clicks, see the same displays in the
// same order and go on from their own clicks. Users are numbered by their place in the set. Error(Usage): the
// environment is not observed, so that nobody knows what its users feel after a click; nothing is displayed.
// REQUIRES: items of the environment's catalogue.
Replay CompareWithLog(const core::Environment& environment, const data::DisplaySet& displays, std::uint64_t seed);

}  // namespace recforce::sim
