// SPDX-License-Identifier: Apache-2.0
// Tests of the worker pool: coverage of the range, chunks that do not depend on threads, exceptions, nesting.
#include "recforce/base/threads.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::base {
namespace {

class ThreadsTest : public testing::Test {
 protected:
  void TearDown() override { SetThreads(before_); }
  int before_ = Threads();
};

using Chunks = std::set<std::pair<std::int64_t, std::int64_t>>;

Chunks ChunksOf(std::int64_t begin, std::int64_t end, std::int64_t grain) {
  std::mutex mutex;
  Chunks chunks;
  ParallelFor(begin, end, grain, [&](std::int64_t from, std::int64_t to) {
    const std::lock_guard lock(mutex);
    EXPECT_TRUE(chunks.emplace(from, to).second);
  });
  return chunks;
}

TEST_F(ThreadsTest, ChunksAreTheSameOnAnyNumberOfThreads) {
  const Chunks expected = {{3, 7}, {7, 11}, {11, 12}};
  for (const int threads : {1, 2, 5}) {
    SetThreads(threads);
    EXPECT_EQ(Threads(), threads);
    EXPECT_EQ(ChunksOf(3, 12, 4), expected);
    EXPECT_EQ(ChunksOf(5, 5, 4), Chunks{});
    EXPECT_EQ(ChunksOf(6, 5, 4), Chunks{});
    EXPECT_EQ(ChunksOf(-2, 3, 100), (Chunks{{-2, 3}}));
  }
}

TEST_F(ThreadsTest, EveryIndexIsVisitedOnce) {
  SetThreads(4);
  EXPECT_TRUE(rc::check("covers [begin, end)", [] {
    const auto begin = *rc::gen::inRange<std::int64_t>(-100, 100);
    const auto length = *rc::gen::inRange<std::int64_t>(0, 2000);
    const auto grain = *rc::gen::inRange<std::int64_t>(1, 300);
    std::vector<int> visits(static_cast<std::size_t>(length));
    ParallelFor(begin, begin + length, grain, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t at = from; at < to; ++at) {
        ++visits[static_cast<std::size_t>(at - begin)];
      }
    });
    RC_ASSERT(visits == std::vector<int>(static_cast<std::size_t>(length), 1));
  }));
}

TEST_F(ThreadsTest, ManyShortLoopsFinish) {
  SetThreads(3);
  std::atomic<std::int64_t> sum = 0;
  for (int loop = 0; loop < 5000; ++loop) {
    ParallelFor(0, 4, 1, [&](std::int64_t from, std::int64_t) { sum += from; });
  }
  EXPECT_EQ(sum, 5000 * (0 + 1 + 2 + 3));
}

TEST_F(ThreadsTest, WorkIsSharedAmongThreads) {
  SetThreads(2);
  std::atomic<int> arrived = 0;
  // Each chunk waits for the other: this ends only when two threads work at the same time.
  ParallelFor(0, 2, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 2) {
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(arrived, 2);
}

TEST_F(ThreadsTest, TheLowestFailingChunkIsReported) {
  for (const int threads : {1, 4}) {
    SetThreads(threads);
    for (int loop = 0; loop < 200; ++loop) {
      try {
        ParallelFor(0, 100, 1, [](std::int64_t from, std::int64_t) {
          if (from >= 17) {
            throw std::runtime_error(std::to_string(from));
          }
        });
        FAIL();
      } catch (const std::runtime_error& error) {
        ASSERT_STREQ(error.what(), "17");
      }
    }
    EXPECT_EQ(ChunksOf(0, 3, 1).size(), 3);  // the pool is as good as before
  }
}

TEST_F(ThreadsTest, NestedCallsRunSeriallyInOrder) {
  SetThreads(4);
  ParallelFor(0, 8, 1, [](std::int64_t, std::int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    std::vector<std::int64_t> begins;
    ParallelFor(0, 10, 3, [&](std::int64_t from, std::int64_t to) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      EXPECT_LE(to - from, 3);
      begins.push_back(from);
    });
    EXPECT_EQ(begins, (std::vector<std::int64_t>{0, 3, 6, 9}));
  });
}

TEST_F(ThreadsTest, TwoCallersAtOnceBothFinish) {
  SetThreads(2);
  std::atomic<int> visits = 0;
  const auto call = [&] {
    for (int loop = 0; loop < 300; ++loop) {
      ParallelFor(0, 10, 1, [&](std::int64_t, std::int64_t) { ++visits; });
    }
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(visits, 6000);
}

TEST_F(ThreadsTest, NonsenseIsAnInternalError) {
  EXPECT_THROW(SetThreads(0), Error);
  EXPECT_THROW(ParallelFor(0, 1, 0, [](std::int64_t, std::int64_t) {}), Error);
  EXPECT_GE(AvailableCores(), 1);
}

}  // namespace
}  // namespace recforce::base
