// SPDX-License-Identifier: Apache-2.0
// No step with a sampled softmax may hold a score for every state and item: that is what it is there to avoid. Every
// tensor's memory is asked of one allocator, which is watched here.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "algos/topk_reinforce/learner.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kItems = 50000;
constexpr std::int64_t kLanes = 64;
constexpr std::int64_t kSteps = 4;
constexpr std::size_t kOneStep = kLanes * kItems * sizeof(float);  // scores of all items for one step's states

// While it lives, notes the largest tensor that was made.
class WatchedMemory final : public c10::Allocator {
 public:
  WatchedMemory() : before_(c10::GetAllocator(c10::DeviceType::CPU)) { c10::SetAllocator(c10::DeviceType::CPU, this); }
  ~WatchedMemory() override { c10::SetAllocator(c10::DeviceType::CPU, before_); }
  c10::DataPtr allocate(std::size_t bytes) const override {
    std::size_t most = largest_.load();
    while (most < bytes && !largest_.compare_exchange_weak(most, bytes)) {
    }
    return before_->allocate(bytes);
  }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return before_->raw_deleter(); }
  [[nodiscard]] std::size_t largest() const { return largest_; }

 private:
  c10::Allocator* before_;
  mutable std::atomic<std::size_t> largest_ = 0;
};

// The largest tensor of an epoch of one step of all lanes.
std::size_t LargestOf(const std::function<void(PolicyOptions&)>& change) {
  data::Csr rows;
  for (std::int64_t user = 0; user < kLanes; ++user) {
    base::Rng rng(9, base::Stream::kTest, static_cast<std::uint64_t>(user));
    std::vector<std::int32_t> row;
    for (std::int64_t event = 0; event + 1 < kSteps; ++event) {
      row.push_back(static_cast<std::int32_t>(rng.Below(kItems)));
    }
    rows.AddRow(row);
  }
  PolicyOptions options;
  options.shape = {.items = kItems, .embedding = 8, .hidden = 8};
  options.lanes = kLanes;
  options.steps = kSteps;
  options.sampled = true;
  options.negatives = 500;
  change(options);
  PolicyLearner learner({.interactions = rows.view(), .num_items = kItems}, options, {});
  const WatchedMemory memory;
  learner.Epoch({.epoch = 0});
  return memory.largest();
}

TEST(PolicyMemoryTest, SampledStepsHoldNoScoreForEveryStateAndItem) {
  // Drawn columns of the states of all steps, half a megabyte, and what the tables are gathered to.
  const std::size_t drawn = LargestOf([](PolicyOptions& options) { options.exact_weights = false; });
  EXPECT_LE(drawn, kLanes * kSteps * 500 * sizeof(float));
  // Exact weights read all scores, a block of the catalogue at a time.
  const std::size_t exact = LargestOf([](PolicyOptions&) {});
  EXPECT_LT(exact, kOneStep);
  EXPECT_GT(exact, drawn);
}

// The exact softmax is computed in blocks, too, where all of its scores are more than are kept; autograd keeps them.
TEST(PolicyMemoryTest, TheWatchSeesWhatOthersHold) {
  const std::size_t autograd = LargestOf([](PolicyOptions& options) {
    options.sampled = false;
    options.autograd = true;
  });
  EXPECT_GE(autograd, kSteps * kOneStep * 3 / 4);
}

}  // namespace
}  // namespace recforce::algos
