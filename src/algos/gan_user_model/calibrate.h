// SPDX-License-Identifier: Apache-2.0
// A user model against choices: what it expects of displays, how likely it finds what was chosen, and the factor that
// makes its probabilities fit.
#pragma once

#include <span>
#include <vector>

#include "algos/gan_user_model/user_model.h"
#include "recforce/data/display_set.h"

namespace recforce::algos {

// Mean rewards over members of all that was shown, laid out as displays.items. A user's state follows from the choices
// that it made in `displays` before.
std::vector<float> DisplayRewards(const UserModel& model, const data::DisplaySet& displays);

// The mean over displays of log P(choice), where utilities are laid out as displays.items; displays without a choice
// are left out where the rule knows no such thing. With laws under which probabilities can be 0: minus the mean
// Fenchel-Young loss. 0 without displays.
double MeanLogLikelihood(const core::ChoiceRule& rule, std::span<const float> utilities,
                         const data::DisplaySet& displays);

// The factor on `utilities`, and on the rule's no_click, with which the mean Fenchel-Young loss is least: within
// [1/20, 20], by bisection of a convex problem. 1 without displays.
double FitScale(const core::ChoiceRule& rule, std::span<const float> utilities, const data::DisplaySet& displays);

}  // namespace recforce::algos
