// SPDX-License-Identifier: Apache-2.0
// Bcq as an agent of the learner.
#pragma once

#include <memory>

#include "algos/drr/chunk_agent.h"

namespace recforce::algos {

AgentNetworks InitBcq(const AgentShape& shape, std::uint64_t seed);
std::unique_ptr<ChunkAgent> MakeBcqAgent(const AgentOptions& options, const ItemVectors& vectors);

}  // namespace recforce::algos
