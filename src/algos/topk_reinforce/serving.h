// SPDX-License-Identifier: Apache-2.0
// The learnt policy in an environment: slates of which some places are certain and the others drawn.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "recforce/core/recommender.h"
#include "recforce/core/served_slate.h"
#include "recforce/core/slate_policy.h"

namespace recforce::algos {

class DrawingPolicy final : public core::SlatePolicy {
 public:
  // logits: scores that are log probabilities up to a constant.
  DrawingPolicy(std::unique_ptr<core::Recommender> logits, core::ServingRule rule)
      : logits_(std::move(logits)), rule_(rule) {}
  [[nodiscard]] std::int64_t memory() const override { return kMemory; }
  // Error(Usage) for more items than there are.
  void Choose(const core::Episodes& episodes, std::uint64_t seed, base::MatrixView<std::int32_t> slates) const override;

 private:
  static constexpr std::int64_t kMemory = 50;  // clicks, as recommenders read in environments
  std::unique_ptr<core::Recommender> logits_;
  core::ServingRule rule_;
};

}  // namespace recforce::algos
