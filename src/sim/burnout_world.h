// SPDX-License-Identifier: Apache-2.0
// A world where what users like best drives them away. Half of the items are tempting, the others wholesome:
//   tempting   r ~ U(0.9, 1.1)   u ~ U(3, 4)         a click on it makes the user leave with probability ~ U(0.9, 1)
//   wholesome  r ~ U(0.2, 0.4)   u ~ U(1.75, 2.75)   nobody leaves
// Nothing else changes, so choices are observed. Choices are softmax.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/environment_config.h"
#include "sim/few_states.h"

namespace recforce::sim {

inline constexpr std::int64_t kBurnoutItems = 20;  // where the configuration leaves it to the world

// Tempting items are those with leaves > 0. Of an odd number of items one more is wholesome.
std::shared_ptr<const FewStatesWorld> MakeBurnoutWorld(const EnvironmentConfig& config);

}  // namespace recforce::sim
