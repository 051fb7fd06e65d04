// SPDX-License-Identifier: Apache-2.0
#include "nn/device.h"

#include <string_view>

#include "recforce/base/log.h"
#include "recforce/base/text.h"

namespace recforce::nn {

using base::Error;
using base::ErrorKind;

torch::Device ParseDevice(const std::string& name) {
  if (name == "cpu") {
    return torch::Device(torch::kCPU);
  }
  if (name != "cuda" && name.rfind("cuda:", 0) != 0) {
    throw Error(ErrorKind::kUsage, "device: unknown device: '" + name + "'; expected cpu, cuda or cuda:N");
  }
  std::int64_t index = 0;
  if (name != "cuda") {
    const auto parsed = base::ParseInt(std::string_view(name).substr(5));
    if (!parsed || *parsed < 0 || *parsed > 127) {
      throw Error(ErrorKind::kUsage, "device: no device number: '" + name + "'; expected cuda:N with N from 0");
    }
    index = *parsed;
  }
  if (!torch::cuda::is_available() || index >= static_cast<std::int64_t>(torch::cuda::device_count())) {
    throw Error(ErrorKind::kUnavailable, "device: '" + name + "' is not there: libtorch sees " +
                                             std::to_string(torch::cuda::device_count()) +
                                             " CUDA devices. Build against a libtorch with CUDA "
                                             "(-DCMAKE_PREFIX_PATH=...) or use --device cpu");
  }
  return torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void RethrowTorchError(const c10::Error& error) {
  base::LogDebug(error.what());
  const std::string message = error.what_without_backtrace();
  const bool memory = message.find("out of memory") != std::string::npos ||
                      message.find("can't allocate memory") != std::string::npos ||
                      message.find("not enough memory") != std::string::npos;
  throw Error(memory ? ErrorKind::kUnavailable : ErrorKind::kInternal, "libtorch: " + message);
}

}  // namespace recforce::nn
