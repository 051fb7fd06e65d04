// SPDX-License-Identifier: Apache-2.0
// The settings of a run from defaults, files, environment and flags.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "recforce/config/settings.h"

namespace recforce::cli {

// `command` begins complaints about what is missing ("recforce train"). The dataset's path becomes absolute, so that
// a run folder finds it from anywhere.
config::Settings ResolveSettings(const SettingsArgs& args, const Session& session, const std::string& command);

// The key and the value of --set. Error(Usage) for anything but "key=value", which says what is `expected`.
std::pair<std::string, std::string> CutSetting(const std::string& pair, const std::string& expected);

// To the log, each as what it is.
void PrintNotices(const std::vector<config::Notice>& notices);

}  // namespace recforce::cli
