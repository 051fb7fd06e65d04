// SPDX-License-Identifier: Apache-2.0
// Which device tensors live on, and libtorch's errors as ours.
#pragma once

#include <string>
#include <utility>

#include "nn/torch.h"
#include "recforce/base/error.h"

namespace recforce::nn {

// "cpu", "cuda" or "cuda:N". Error(Usage) for anything else; Error(Unavailable) when this build of libtorch or
// this machine has no such device.
torch::Device ParseDevice(const std::string& name);

[[noreturn]] void RethrowTorchError(const c10::Error& error);

// Runs `body`; an error of libtorch becomes Error(Unavailable) when memory ran out, else Error(Internal),
// without its backtrace.
template <class Body>
auto Guarded(Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const c10::Error& error) {
    RethrowTorchError(error);
  }
}

}  // namespace recforce::nn
