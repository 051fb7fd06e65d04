// SPDX-License-Identifier: Apache-2.0
// From argv to the command that is to run.
#pragma once

#include <functional>

#include "cli/commands.h"

namespace recforce::cli {

struct CommandLine {
  CommonArgs common;
  std::function<void(const Session&)> run;
};

// Error(Usage) for anything that is not understood, with the nearest word. Help and version come back as a `run`
// that prints them.
CommandLine ParseCommandLine(int argc, const char* const* argv, const core::Registry& registry);

}  // namespace recforce::cli
