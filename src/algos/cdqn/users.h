// SPDX-License-Identifier: Apache-2.0
// The users that CDQN learns from: many at once, replaced by others when their horizon is over.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "algos/cdqn/replay.h"
#include "recforce/base/rng.h"
#include "recforce/core/trainer.h"

namespace recforce::algos {

// Sums over slates shown.
struct ShownTotals {
  double reward = 0.0;  // the environment's, whatever is learnt from
  std::int64_t shown = 0;
  std::int64_t clicks = 0;
};

class CdqnUsers {
 public:
  // Users have the numbers from `first` on; each round takes `count` numbers of its own.
  CdqnUsers(const core::Environment& environment, core::EpisodePlan plan, std::int64_t count, std::int64_t first,
            std::uint64_t seed);

  // Users who can be shown something: others, where the last ones are through.
  const core::Episodes& Current();
  // What decides about the next slate of a user.
  [[nodiscard]] base::Rng Draws(std::int64_t row) const;
  // Shows [count, k] items and adds the step to `replay`. click_reward: +1 and -1 instead of the environment's.
  void Show(base::MatrixView<const std::int32_t> slates, bool click_reward, Replay& replay, ShownTotals& totals);

  void Save(base::TensorSet& set, const std::string& prefix) const;
  void Load(const base::TensorSet& set, const std::string& prefix);  // Error(Data)

 private:
  [[nodiscard]] bool Through() const;
  void Start();

  const core::Environment& environment_;
  core::EpisodePlan plan_;
  std::int64_t count_, first_;
  std::uint64_t seed_;
  std::unique_ptr<core::Episodes> episodes_;
  std::int64_t rounds_ = 0;  // started
  std::int64_t step_ = 0;    // of the round
};

// The items that slates are made of, for catalogues that are too large: by their best rank among the rewards of `count`
// users who were shown a few random slates, every user's first item before every user's second. Ascending; empty, which
// means all, when there are no more than `length` or length is 0.
std::vector<std::int32_t> RewardShortlist(const core::Environment& environment, std::int64_t length, std::int64_t slate,
                                          std::int64_t count, std::uint64_t seed);

}  // namespace recforce::algos
