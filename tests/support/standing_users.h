// SPDX-License-Identifier: Apache-2.0
// Users who stand where a test puts them: for asking a policy what it would show in given states.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "recforce/core/environment.h"

namespace recforce::test {

// Nothing happens to them. Utilities and Rewards are those of `environment`, where there is one.
class StandingUsers final : public core::Episodes {
 public:
  StandingUsers(std::vector<std::int32_t> recent, std::int64_t memory, const core::Environment* environment = nullptr)
      : recent_(std::move(recent)),
        memory_(memory),
        environment_(environment),
        numbers_(recent_.size() / static_cast<std::size_t>(memory), 0),
        steps_(numbers_.size(), 0),
        left_(numbers_.size(), 0) {}
  void Leave(std::vector<std::uint8_t> left) { left_ = std::move(left); }

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(numbers_.size()); }
  [[nodiscard]] std::span<const std::int64_t> users() const override { return numbers_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {recent_.data(), size(), memory_};
  }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> left() const override { return left_; }
  void Utilities(base::MatrixView<float> out) const override { environment_->UtilitiesAfter(recent(), out); }
  void Rewards(base::MatrixView<float> out) const override { environment_->RewardsAfter(recent(), out); }
  void Step(base::MatrixView<const std::int32_t> /*slates*/, core::Feedback& /*feedback*/) override {}
  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> /*rows*/,
                                                     std::uint64_t /*seed*/) const override {
    return nullptr;
  }
  [[nodiscard]] base::TensorSet SaveState() const override { return {}; }
  void LoadState(const base::TensorSet& /*state*/) override {}

 private:
  std::vector<std::int32_t> recent_;
  std::int64_t memory_;
  const core::Environment* environment_;
  std::vector<std::int64_t> numbers_;
  std::vector<std::int32_t> steps_;
  std::vector<std::uint8_t> left_;
};

}  // namespace recforce::test
