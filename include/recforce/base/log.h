// SPDX-License-Identifier: Apache-2.0
// The one log of the process. Library rooms speak only through it; embedders replace the sink.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace recforce::base {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// The default sink writes "recforce: warning: text" lines to stderr. Thread-safe.
using LogSink = std::function<void(LogLevel, std::string_view)>;
void SetLogSink(LogSink sink);
void SetLogLevel(LogLevel level);

void LogDebug(std::string_view text);
void LogInfo(std::string_view text);
void LogWarn(std::string_view text);
void LogError(std::string_view text);

}  // namespace recforce::base
