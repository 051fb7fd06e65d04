// SPDX-License-Identifier: Apache-2.0
// A persistent pool: the caller and its workers claim chunks from one atomic counter. Which thread runs a chunk
// is left to chance; which chunks exist is not.
#include "recforce/base/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::base {

namespace {

// A few microseconds: long enough to catch the next of many short loops, too short to steal a core.
constexpr int kSpins = 128;

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

thread_local bool inside_body = false;

// One ParallelFor. Chunks are claimed in order and a claimed chunk always runs to its end, so the failing chunk
// with the lowest number is always among those that ran: its exception is the one that is rethrown.
class Job {
 public:
  Job(std::int64_t begin, std::int64_t end, std::int64_t grain,
      const std::function<void(std::int64_t, std::int64_t)>& body)
      : begin_(begin), end_(end), grain_(grain), chunks_((end - begin - 1) / grain + 1), body_(body) {}

  [[nodiscard]] std::int64_t chunks() const { return chunks_; }

  void Work() {
    inside_body = true;
    for (std::int64_t chunk = next_++; chunk < chunks_; chunk = next_++) {
      const std::int64_t from = begin_ + chunk * grain_;
      try {
        body_(from, end_ - from > grain_ ? from + grain_ : end_);
      } catch (...) {
        KeepLowest(chunk, std::current_exception());
        next_ = chunks_;
      }
    }
    inside_body = false;
  }

  // REQUIRES: no thread works on the job any more.
  void RethrowFailure() const {
    if (failure_ != nullptr) {
      std::rethrow_exception(failure_);
    }
  }

 private:
  void KeepLowest(std::int64_t chunk, std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (chunk < failed_chunk_) {
      failed_chunk_ = chunk;
      failure_ = std::move(failure);
    }
  }

  const std::int64_t begin_;
  const std::int64_t end_;
  const std::int64_t grain_;
  const std::int64_t chunks_;
  const std::function<void(std::int64_t, std::int64_t)>& body_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::int64_t failed_chunk_ = std::numeric_limits<std::int64_t>::max();
  std::exception_ptr failure_;
};

class Pool {
 public:
  explicit Pool(int workers) {
    try {
      for (int worker = 0; worker < workers; ++worker) {
        threads_.emplace_back([this] { Serve(); });
      }
    } catch (const std::system_error&) {
      // The system gives no more threads; those that started share the work.
    }
  }

  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  void Run(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = &job;
      generation_.fetch_add(1, std::memory_order_relaxed);
    }
    wake_.notify_all();
    job.Work();
    for (int spin = 0; spin < kSpins && active_.load(std::memory_order_relaxed) != 0; ++spin) {
      Pause();
    }
    std::unique_lock lock(mutex_);
    job_ = nullptr;  // a worker that wakes late finds nothing
    done_.wait(lock, [this] { return active_.load(std::memory_order_relaxed) == 0; });
  }

 private:
  void Serve() {
    std::uint64_t seen = 0;
    for (;;) {
      for (int spin = 0; spin < kSpins && generation_.load(std::memory_order_relaxed) == seen; ++spin) {
        Pause();
      }
      std::unique_lock lock(mutex_);
      wake_.wait(lock,
                 [&] { return stop_ || (job_ != nullptr && generation_.load(std::memory_order_relaxed) != seen); });
      if (stop_) {
        return;
      }
      seen = generation_.load(std::memory_order_relaxed);
      Job* job = job_;
      ++active_;
      lock.unlock();
      job->Work();
      lock.lock();
      if (--active_ == 0) {
        done_.notify_all();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  Job* job_ = nullptr;                         // guarded by mutex_
  bool stop_ = false;                          // guarded by mutex_
  std::atomic<std::uint64_t> generation_ = 0;  // changed under mutex_, peeked at without it
  std::atomic<int> active_ = 0;                // changed under mutex_, peeked at without it
  std::vector<std::thread> threads_;
};

struct State {
  std::mutex in_use;  // held by the one top-level ParallelFor that has the workers
  std::atomic<int> threads{AvailableCores()};
  std::unique_ptr<Pool> pool;  // guarded by in_use, made when first needed
};

State& Shared() {
  static State state;
  return state;
}

// Cores worth of time that the control group of a container allows, or a large number.
int CoresByQuota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  std::int64_t period = 0;
  if (!(file >> quota >> period) || period <= 0) {
    return std::numeric_limits<int>::max();
  }
  const std::optional<std::int64_t> allowed = ParseInt(quota);  // "max" when there is no limit
  if (!allowed || *allowed <= 0) {
    return std::numeric_limits<int>::max();
  }
  return static_cast<int>(std::clamp<std::int64_t>((*allowed - 1) / period + 1, 1, 1 << 20));
}

}  // namespace

int AvailableCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  int count = 1;
  if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) {
    count = CPU_COUNT(&cores);
  } else {  // more processors than the set has room for
    count = static_cast<int>(std::thread::hardware_concurrency());
  }
  return std::max(1, std::min(count, CoresByQuota()));
}

void SetThreads(int count) {
  RECFORCE_CHECK(count >= 1, "threads must be at least 1, not " + std::to_string(count));
  State& state = Shared();
  const std::lock_guard lock(state.in_use);
  if (count != state.threads) {
    state.pool.reset();
    state.threads = count;
  }
}

int Threads() { return Shared().threads; }

void ParallelFor(std::int64_t begin, std::int64_t end, std::int64_t grain,
                 const std::function<void(std::int64_t, std::int64_t)>& body) {
  RECFORCE_CHECK(grain >= 1, "grain must be at least 1, not " + std::to_string(grain));
  if (begin >= end) {
    return;
  }
  if (inside_body) {
    for (std::int64_t from = begin; from < end; from += std::min(grain, end - from)) {
      body(from, end - from > grain ? from + grain : end);
    }
    return;
  }
  Job job(begin, end, grain, body);
  State& state = Shared();
  // When another thread has the workers, this one does its chunks alone rather than wait.
  std::unique_lock lock(state.in_use, std::defer_lock);
  if (job.chunks() > 1 && state.threads > 1 && lock.try_lock()) {
    if (state.pool == nullptr) {
      state.pool = std::make_unique<Pool>(state.threads - 1);
    }
    state.pool->Run(job);
  } else {
    job.Work();
  }
  job.RethrowFailure();
}

}  // namespace recforce::base
