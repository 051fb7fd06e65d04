// SPDX-License-Identifier: Apache-2.0
// A policy that is given a model of users in place of the users themselves: what somebody can do who has a log, no
// access to people and no patience.
#pragma once

#include <memory>

#include "recforce/core/environment.h"
#include "recforce/core/slate_policy.h"

namespace recforce::sim {

// `policy` asks for Utilities and Rewards and hears what `model` says of users with the same last clicks, as many of
// them as the model remembers; the users who answer may feel otherwise. Shows items as the model numbers them; over
// another catalogue it is translated (sim/translated_policy.h). It may not ask for copies of users. REQUIRES:
// model->observed().
std::unique_ptr<core::SlatePolicy> MakeBelievingPolicy(std::shared_ptr<const core::Environment> model,
                                                       std::unique_ptr<core::SlatePolicy> policy);

}  // namespace recforce::sim
