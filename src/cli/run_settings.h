// SPDX-License-Identifier: Apache-2.0
// The settings of a run from defaults, files, environment and flags.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"
#include "recforce/config/settings.h"

namespace recforce::cli {

// `command` begins complaints about what is missing ("recforce train"). The dataset's path becomes absolute, so that
// a run folder finds it from anywhere.
config::Settings ResolveSettings(const SettingsArgs& args, const Session& session, const std::string& command);

// To the log, each as what it is.
void PrintNotices(const std::vector<config::Notice>& notices);

}  // namespace recforce::cli
