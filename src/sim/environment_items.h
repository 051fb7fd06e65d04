// SPDX-License-Identifier: Apache-2.0
// The users of a core::Environment as a world that items are recommended in.
#pragma once

#include <cstdint>
#include <memory>

#include "recforce/core/environment.h"
#include "recforce/core/trainer.h"
#include "sim/item_world.h"

namespace recforce::sim {

// Slates of plan.slate, `memory` clicks remembered, all items legal at any time. Liked is what was clicked; an episode
// ends with kTerminal where its user leaves, with kTruncated after plan.horizon slates. Episodes of an environment go
// on together, so all rows begin anew at once, when the last episode of the round is over; rows whose users left
// earlier wait (ItemEpisodes::waiting). Users are strangers; the environment knows each by the number of its episode.
// `environment` must outlive the world and its episodes.
std::unique_ptr<const ItemWorld> MakeEnvironmentItems(const core::Environment& environment, core::EpisodePlan plan,
                                                      std::int64_t memory);

}  // namespace recforce::sim
