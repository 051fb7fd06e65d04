// SPDX-License-Identifier: Apache-2.0
// What all worlds read from a configuration alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "recforce/core/choice.h"
#include "sim/environment_config.h"

namespace recforce::sim {

inline constexpr std::int64_t kRowGrain = 64;  // users a chunk of base::ParallelFor

// The number of items: as configured, or the world's own. Error(Usage) where it is above `most` or below a slate.
std::int64_t WorldItems(const EnvironmentConfig& config, std::int64_t own, std::int64_t most);
core::ChoiceRule WorldChoice(const EnvironmentConfig& config);
// "world:NAME items=10 seed=1 no_click=0"
std::string WorldIdentity(std::string_view name, std::int64_t items, const EnvironmentConfig& config);

}  // namespace recforce::sim
