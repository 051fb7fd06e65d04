// SPDX-License-Identifier: Apache-2.0
// Models of choice without a state, as the rows beside every user model: what it must beat to have learnt anything
// from histories. All are softmax laws (McFadden 1974, conditional logit) and the same for every user.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "recforce/base/stop_flag.h"
#include "recforce/core/recommender.h"
#include "recforce/data/display_set.h"

namespace recforce::eval {

// Every item of utility 0; `no_click`: nothing is one more choice of utility 0.
std::unique_ptr<core::Recommender> UniformChoice(std::int64_t num_items, bool no_click);

// utility(i) = beta log((clicks(i) + .2) / (shown(i) + 1)); no-click has a utility of its own if it occurs. Both are
// fitted by maximum likelihood with a unit normal prior. A choice of the fit sees the rates of all other users: with
// its own click among them beta would be far too large. beta can come out negative, where rates mislead.
// Error(Data): nothing to fit.
std::unique_ptr<core::Recommender> FitPopularityLogit(const data::DisplaySet& train, std::int64_t num_items);

struct ItemLogitOptions {
  // Of the penalty l2 / 2 (sum of squared utilities). Empty: the one of 30, 10, 3, 1, .3, .1 that foresees the choices
  // of every second user best after a fit to the others.
  std::optional<double> l2 = std::nullopt;
};
// A utility for each item, and one for no-click if it occurs: collaborative competitive filtering (Yang et al., SIGIR
// 2011) without users. Items that training did not show have utility 0. Error(Data): nothing to fit.
std::unique_ptr<core::Recommender> FitItemLogit(const data::DisplaySet& train, std::int64_t num_items,
                                                const ItemLogitOptions& options = {},
                                                const base::StopFlag* stop = nullptr);

}  // namespace recforce::eval
