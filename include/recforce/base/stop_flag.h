// SPDX-License-Identifier: Apache-2.0
// Asks long work to end early. Setting it is safe inside a signal handler.
#pragma once

#include <atomic>

namespace recforce::base {

class StopFlag {
 public:
  void Set() { set_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool IsSet() const { return set_.load(std::memory_order_relaxed); }
  // Throws Error(Interrupted) when set.
  void ThrowIfSet() const;

 private:
  std::atomic<bool> set_{false};
};

}  // namespace recforce::base
