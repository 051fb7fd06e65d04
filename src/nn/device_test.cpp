// SPDX-License-Identifier: Apache-2.0
#include "nn/device.h"

#include <gtest/gtest.h>

namespace recforce::nn {
namespace {

base::ErrorKind KindOf(const std::string& name) {
  try {
    ParseDevice(name);
  } catch (const base::Error& error) {
    return error.kind();
  }
  return base::ErrorKind::kInternal;
}

TEST(Device, NamesAreChecked) {
  EXPECT_TRUE(ParseDevice("cpu").is_cpu());
  EXPECT_EQ(KindOf("gpu"), base::ErrorKind::kUsage);
  EXPECT_EQ(KindOf("cuda:x"), base::ErrorKind::kUsage);
  EXPECT_EQ(KindOf("cuda:-1"), base::ErrorKind::kUsage);
  if (!torch::cuda::is_available()) {
    EXPECT_EQ(KindOf("cuda"), base::ErrorKind::kUnavailable);
  }
  EXPECT_EQ(KindOf("cuda:100"), base::ErrorKind::kUnavailable);
}

TEST(Device, ErrorsOfTorchBecomeOurs) {
  try {
    Guarded([] { return torch::mm(torch::zeros({2, 3}), torch::zeros({2, 3})); });
    FAIL() << "nothing was thrown";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInternal);
    EXPECT_EQ(std::string(error.what()).rfind("libtorch: ", 0), 0U) << error.what();
    EXPECT_EQ(std::string(error.what()).find("frame #"), std::string::npos) << "no backtrace in a message";
  }
}

}  // namespace
}  // namespace recforce::nn
