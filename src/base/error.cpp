// SPDX-License-Identifier: Apache-2.0
// The failure of an internal check, and the stop flag's exception.
#include "recforce/base/error.h"

#include "recforce/base/stop_flag.h"

namespace recforce::base {

void FailCheck(const char* condition, const char* file, int line, const std::string& message) {
  const std::string_view path(file);
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  throw Error(ErrorKind::kInternal, std::string(name) + ":" + std::to_string(line) + ": internal check failed: " +
                                        condition + "; " + message + ". please report this bug");
}

void StopFlag::ThrowIfSet() const {
  if (IsSet()) {
    throw Error(ErrorKind::kInterrupted, "interrupted");
  }
}

}  // namespace recforce::base
