// SPDX-License-Identifier: Apache-2.0
// Tests of the error kinds, the internal check and the stop flag.
#include "recforce/base/error.h"

#include <gtest/gtest.h>

#include "recforce/base/stop_flag.h"

namespace recforce::base {
namespace {

TEST(ErrorTest, KindsMapToTheDocumentedExitCodes) {
  EXPECT_EQ(Info(ErrorKind::kUsage).exit_code, 2);
  EXPECT_EQ(Info(ErrorKind::kData).exit_code, 3);
  EXPECT_EQ(Info(ErrorKind::kNotFound).exit_code, 2);
  EXPECT_EQ(Info(ErrorKind::kDiverged).exit_code, 4);
  EXPECT_EQ(Info(ErrorKind::kRefused).exit_code, 5);
  EXPECT_EQ(Info(ErrorKind::kUnavailable).exit_code, 6);
  EXPECT_EQ(Info(ErrorKind::kIo).exit_code, 7);
  EXPECT_EQ(Info(ErrorKind::kInternal).exit_code, 70);
  EXPECT_EQ(Info(ErrorKind::kInterrupted).exit_code, 130);
  for (const ErrorKindInfo& info : kErrorKinds) {
    EXPECT_EQ(Info(info.kind).name, info.name);
  }
}

TEST(ErrorTest, CheckThrowsInternalWithItsPlace) {
  const int two = 2;
  EXPECT_NO_THROW(RECFORCE_CHECK(two == 2, "fine"));
  try {
    FailCheck("two == 3", "/somewhere/src/base/x.cpp", 41, "two is 2");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInternal);
    EXPECT_STREQ(error.what(), "x.cpp:41: internal check failed: two == 3; two is 2. please report this bug");
  }
}

TEST(StopFlagTest, ThrowsOnlyOnceSet) {
  StopFlag stop;
  EXPECT_FALSE(stop.IsSet());
  EXPECT_NO_THROW(stop.ThrowIfSet());
  stop.Set();
  EXPECT_TRUE(stop.IsSet());
  try {
    stop.ThrowIfSet();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInterrupted);
    EXPECT_STREQ(error.what(), "interrupted");
  }
}

}  // namespace
}  // namespace recforce::base
