// SPDX-License-Identifier: Apache-2.0
// Tests of the log: the default lines, the level and a sink of one's own.
#include "recforce/base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace recforce::base {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override {
    SetLogSink(nullptr);
    SetLogLevel(LogLevel::kInfo);
  }
};

TEST_F(LogTest, DefaultSinkWritesLinesToStderr) {
  testing::internal::CaptureStderr();
  LogDebug("hidden");
  LogInfo("reading");
  LogWarn("odd row");
  LogError("gone");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "recforce: reading\nrecforce: warning: odd row\nrecforce: error: gone\n");
}

TEST_F(LogTest, SinkGetsWhatTheLevelLetsThrough) {
  std::vector<std::string> lines;
  SetLogSink([&](LogLevel level, std::string_view text) {
    lines.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
  });
  SetLogLevel(LogLevel::kDebug);
  LogDebug("a");
  SetLogLevel(LogLevel::kWarn);
  LogInfo("b");
  LogWarn("c");
  LogError("d");
  EXPECT_EQ(lines, (std::vector<std::string>{"0 a", "2 c", "3 d"}));
}

}  // namespace
}  // namespace recforce::base
