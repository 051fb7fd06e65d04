// SPDX-License-Identifier: Apache-2.0
// The log's sink and level. The sink runs outside the lock, so a sink may itself change the sink or the level.
#include "recforce/base/log.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>

namespace recforce::base {

namespace {

struct State {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;
  std::shared_ptr<const LogSink> sink;  // null: stderr
};

// Never destroyed, so that code which runs at exit may still log.
State& Shared() {
  static State* state = new State;
  return *state;
}

void WriteToStderr(LogLevel level, std::string_view text) {
  constexpr std::array<std::string_view, 4> kWords = {"debug: ", "", "warning: ", "error: "};
  const std::string line =
      "recforce: " + std::string(kWords[static_cast<std::size_t>(level)]) + std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Log(LogLevel level, std::string_view text) {
  State& state = Shared();
  if (level < state.level.load(std::memory_order_relaxed)) {
    return;
  }
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(state.mutex);
    sink = state.sink;
  }
  if (sink == nullptr) {
    WriteToStderr(level, text);
  } else {
    (*sink)(level, text);
  }
}

}  // namespace

void SetLogSink(LogSink sink) {
  std::shared_ptr<const LogSink> next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(Shared().mutex);
  Shared().sink.swap(next);
}

void SetLogLevel(LogLevel level) { Shared().level.store(level, std::memory_order_relaxed); }

void LogDebug(std::string_view text) { Log(LogLevel::kDebug, text); }
void LogInfo(std::string_view text) { Log(LogLevel::kInfo, text); }
void LogWarn(std::string_view text) { Log(LogLevel::kWarn, text); }
void LogError(std::string_view text) { Log(LogLevel::kError, text); }

}  // namespace recforce::base
