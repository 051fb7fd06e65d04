// SPDX-License-Identifier: Apache-2.0
// Worlds whose truth is known, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/core/environment.h"
#include "sim/environment_config.h"

namespace recforce::sim {

// "tabular", "linear", "latent", "burnout", "mood".
std::vector<std::string> WorldNames();
// `name`: without "world:". Error(Usage) for another name, or a configuration that the world cannot have.
std::shared_ptr<const core::Environment> MakeWorld(std::string_view name, const EnvironmentConfig& config);

}  // namespace recforce::sim
