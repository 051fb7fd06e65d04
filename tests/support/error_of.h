// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "recforce/base/error.h"

namespace recforce::test {

// "kind: message" of the error that `body` throws; "" when it throws none.
inline std::string ErrorOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const base::Error& error) {
    return std::string(base::Info(error.kind()).name) + ": " + error.what();
  }
  return "";
}

}  // namespace recforce::test
