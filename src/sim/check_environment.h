// SPDX-License-Identifier: Apache-2.0
// Whether an environment keeps what include/recforce/core/environment.h promises. For the tests of whoever writes one.
#pragma once

#include "recforce/core/environment.h"

namespace recforce::sim {

// Walks a few users with random slates and throws Error(Data), which says which promise is broken and how, when
//   sizes disagree, or users do not begin with no clicks, no steps and not left;
//   utilities are NaN or +infinity, or rewards not finite, or both at once are other than each alone;
//   recent() changes other than by the click of a step, which stands first;
//   a reward is paid without a click, or differs from what Rewards() said of the item clicked;
//   something unseen is clicked, or nothing where choice() knows no such choice;
//   users who left are shown something, or come back;
//   of an observed environment: utilities change without a click, or are not those of UtilitiesAfter();
//   the same seed gives another walk, or a user another one alone than among others;
//   a saved state does not go on as it would have, or is taken by another number of users;
//   copies are not like the rows they come from, share numbers, or move the original;
//   how often copies choose is far from choice() (six standard errors, over 2,000 copies).
// All is drawn from fixed seeds: an environment passes always or never. A pass is no proof.
void CheckEnvironment(const core::Environment& env);

}  // namespace recforce::sim
