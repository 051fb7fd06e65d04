// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace recforce::base {

// Memory that bodies of a ParallelFor work in, kept for the next one: at most as many objects as threads at once.
// Thread-safe.
template <class T>
class IdleList {
 public:
  // An idle object, else what `make` returns.
  template <class Make>
  std::unique_ptr<T> Take(const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<T> taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
      }
    }
    return make();
  }
  void Give(std::unique_ptr<T> object) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(object));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;  // guarded by mutex_
};

}  // namespace recforce::base
