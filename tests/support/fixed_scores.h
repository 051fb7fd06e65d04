// SPDX-License-Identifier: Apache-2.0
// A recommender without a model.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "recforce/core/recommender.h"

namespace recforce::test {

// The same scores for everyone, whatever they did.
class FixedScores final : public core::Recommender {
 public:
  explicit FixedScores(std::vector<float> scores) : scores_(std::move(scores)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(scores_.size()); }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override {
    for (std::int64_t user = 0; user < users.size(); ++user) {
      std::copy(scores_.begin(), scores_.end(), out.row(user).begin());
    }
  }

 private:
  std::vector<float> scores_;
};

}  // namespace recforce::test
