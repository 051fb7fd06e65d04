// SPDX-License-Identifier: Apache-2.0
// `recforce simulate --replay`: simulated users beside logged ones, before the same displays.
#pragma once

#include "cli/commands.h"
#include "train/open_environment.h"

namespace recforce::cli {

// REQUIRES: args.replay, and the environment that args names.
void ReplayLog(const SimulateArgs& args, const Session& session, const train::OpenedEnvironment& opened);

}  // namespace recforce::cli
