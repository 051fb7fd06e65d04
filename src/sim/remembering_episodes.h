// SPDX-License-Identifier: Apache-2.0
// Users whose clicks are remembered for longer than their world needs: a policy may read more of the past than decides
// about the future.
#pragma once

#include <cstdint>
#include <memory>

#include "recforce/core/environment.h"

namespace recforce::sim {

// `episodes`, which nobody has stepped yet, with a recent() of `memory` columns. Everything else is theirs.
std::unique_ptr<core::Episodes> RememberClicks(std::unique_ptr<core::Episodes> episodes, std::int64_t memory);

}  // namespace recforce::sim
