// SPDX-License-Identifier: Apache-2.0
#include "sim/remembering_episodes.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::sim {
namespace {

constexpr const char* kClicks = "remembered";

class RememberingEpisodes final : public core::Episodes {
 public:
  RememberingEpisodes(std::unique_ptr<core::Episodes> inner, std::int64_t memory, std::vector<std::int32_t> clicks)
      : inner_(std::move(inner)), memory_(memory), clicks_(std::move(clicks)) {}

  [[nodiscard]] std::int64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::span<const std::int64_t> users() const override { return inner_->users(); }
  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {clicks_.data(), size(), memory_};
  }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return inner_->steps(); }
  [[nodiscard]] std::span<const std::uint8_t> left() const override { return inner_->left(); }
  void Utilities(base::MatrixView<float> out) const override { inner_->Utilities(out); }
  void Rewards(base::MatrixView<float> out) const override { inner_->Rewards(out); }
  void UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const override {
    inner_->UtilitiesAndRewards(utilities, rewards);
  }

  void Step(base::MatrixView<const std::int32_t> slates, core::Feedback& feedback) override {
    inner_->Step(slates, feedback);
    for (std::int64_t row = 0; row < size(); ++row) {
      if (const std::int32_t place = feedback.clicked[static_cast<std::size_t>(row)]; place >= 0) {
        const auto begin = clicks_.begin() + row * memory_;
        std::copy_backward(begin, begin + memory_ - 1, begin + memory_);
        *begin = slates.row(row)[static_cast<std::size_t>(place)];
      }
    }
  }

  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> rows,
                                                     std::uint64_t seed) const override {
    std::vector<std::int32_t> clicks;
    for (const std::int32_t row : rows) {
      const std::span<const std::int32_t> own = recent().row(row);
      clicks.insert(clicks.end(), own.begin(), own.end());
    }
    return std::make_unique<RememberingEpisodes>(inner_->Fork(rows, seed), memory_, std::move(clicks));
  }

  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet state = inner_->SaveState();
    state.AddOwned(kClicks, clicks_, {size(), memory_});
    return state;
  }
  void LoadState(const base::TensorSet& state) override {
    const base::TensorView& clicks = state.Get(kClicks);
    if (clicks.shape != std::vector<std::int64_t>{size(), memory_}) {
      throw base::Error(base::ErrorKind::kData, state.where() + ": " + kClicks +
                                                    ": clicks of other users, or another number of them; expected " +
                                                    std::to_string(size()) + " x " + std::to_string(memory_));
    }
    const std::span<const std::int32_t> values = clicks.As<std::int32_t>();
    inner_->LoadState(state);
    clicks_.assign(values.begin(), values.end());
  }

 private:
  std::unique_ptr<core::Episodes> inner_;
  std::int64_t memory_;
  std::vector<std::int32_t> clicks_;  // [B, memory]
};

}  // namespace

std::unique_ptr<core::Episodes> RememberClicks(std::unique_ptr<core::Episodes> episodes, std::int64_t memory) {
  RECFORCE_CHECK(memory >= episodes->recent().cols, "users remember less than their world");
  std::vector<std::int32_t> clicks(static_cast<std::size_t>(episodes->size() * memory), -1);
  return std::make_unique<RememberingEpisodes>(std::move(episodes), memory, std::move(clicks));
}

}  // namespace recforce::sim
