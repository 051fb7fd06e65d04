// SPDX-License-Identifier: Apache-2.0
// The program: sets up signals and the log, runs one command, and turns its error into an exit code.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "algos/register_all.h"
#include "cli/command_line.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/threads.h"

namespace recforce::cli {

void UseThreads(std::int64_t count) {
  const int threads = count > 0 ? static_cast<int>(count) : base::AvailableCores();
  base::SetThreads(threads);
}

namespace {

base::StopFlag stop_flag;

// The first signal asks; the second one, from the same impatient hand, ends the process.
void OnSignal(int number) {
  stop_flag.Set();
  signal(number, SIG_DFL);
}

void ListenToSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void SetUpLog(const CommonArgs& common) {
  base::SetLogLevel(common.verbose ? base::LogLevel::kDebug
                    : common.quiet ? base::LogLevel::kWarn
                                   : base::LogLevel::kInfo);
}

int Report(base::ErrorKind kind, const std::string& message) {
  std::fprintf(stderr, "recforce: %s: %s\n", kind == base::ErrorKind::kInterrupted ? "stopped" : "error",
               message.c_str());
  return base::Info(kind).exit_code;
}

// Output that never reached its reader is a failure, even when the command succeeded.
void FlushOutput() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw base::Error(base::ErrorKind::kIo, "stdout: not all output could be written");
  }
}

int Main(int argc, char** argv) {
  ListenToSignals();
  try {
    Session session;
    algos::RegisterAll(session.registry);
    const CommandLine command = ParseCommandLine(argc, argv, session.registry);
    session.common = command.common;
    session.stop = &stop_flag;
    SetUpLog(session.common);
    UseThreads(session.common.threads.value_or(0));
    command.run(session);
    FlushOutput();
    return 0;
  } catch (const base::Error& error) {
    std::fflush(stdout);
    return Report(error.kind(), error.what());
  } catch (const std::bad_alloc&) {
    return Report(base::ErrorKind::kUnavailable, "not enough memory; try a smaller batch or a machine with more");
  } catch (const std::exception& error) {
    return Report(base::ErrorKind::kInternal, error.what());
  }
}

}  // namespace
}  // namespace recforce::cli

int main(int argc, char** argv) {
  recforce::algos::StartWithFastBlas(argv);
  return recforce::cli::Main(argc, argv);
}
