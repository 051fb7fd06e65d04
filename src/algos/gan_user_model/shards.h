// SPDX-License-Identifier: Apache-2.0
// Which rows of which tables a few users' choices read: index arrays for the network, nothing padded but the last m
// clicks. What never changes is worked out once; building a shard is a handful of copies a choice.
#pragma once

#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "algos/gan_user_model/choice_gradient.h"
#include "algos/gan_user_model/shape.h"
#include "recforce/data/display_set.h"

namespace recforce::algos {

// The clicks of the users of a display set. Keeps a reference.
class ClickIndex {
 public:
  // no_click: whether choosing nothing is learnt from; else such displays are passed over.
  ClickIndex(const data::DisplaySet& displays, std::int64_t num_items, bool no_click);

  [[nodiscard]] const data::DisplaySet& displays() const { return displays_; }
  [[nodiscard]] std::int64_t num_items() const { return num_items_; }
  [[nodiscard]] std::int64_t num_users() const { return displays_.num_users(); }
  // Whether a display is learnt from.
  [[nodiscard]] bool counts(std::int64_t display) const {
    return no_click_ || displays_.choice[static_cast<std::size_t>(display)] >= 0;
  }
  // Displays that are learnt from, of all users and of one.
  [[nodiscard]] std::int64_t choices() const {
    return std::accumulate(choices_.begin(), choices_.end(), std::int64_t{0});
  }
  [[nodiscard]] std::int64_t choices_of(std::int64_t user) const { return choices_[static_cast<std::size_t>(user)]; }
  // Places in displays().items of what a user clicked, in time order.
  [[nodiscard]] std::span<const std::int64_t> clicks_of(std::int64_t user) const {
    const auto u = static_cast<std::size_t>(user);
    return std::span(clicks_).subspan(static_cast<std::size_t>(click_offsets_[u]),
                                      static_cast<std::size_t>(click_offsets_[u + 1] - click_offsets_[u]));
  }
  // [I] items that some display shows.
  [[nodiscard]] const std::vector<std::uint8_t>& shown() const { return shown_; }

 private:
  const data::DisplaySet& displays_;
  std::int64_t num_items_;
  bool no_click_;
  std::vector<std::int64_t> choices_;        // [U]
  std::vector<std::int64_t> click_offsets_;  // [U + 1]
  std::vector<std::int64_t> clicks_;
  std::vector<std::uint8_t> shown_;
};

// E choices that show R items, N of them distinct. Local items are places in `items`; -1 stands for a row of zeros.
struct Shard {
  std::vector<std::int32_t> items;         // [N] distinct
  std::vector<std::int64_t> offsets;       // [E + 1] rows of each choice
  std::vector<std::int32_t> choice;        // [E]
  std::vector<std::int64_t> row_item;      // [R] local item
  std::vector<std::int64_t> row_choice;    // [R]
  std::vector<std::int64_t> row_lag;       // repeats: [R] clicks since the last one on the item, -1: not among m
  std::vector<std::int64_t> recent;        // positions: [E, m] local items, newest first, -1 where there is none
  std::vector<std::int64_t> step_items;    // lstm: [L] local items, all first clicks, then all second ones ...
  std::vector<std::int64_t> step_counts;   // [T] sequences that are at least so long; their sum is L
  std::vector<std::int64_t> choice_state;  // [E] place among the L states, -1: no click yet

  [[nodiscard]] std::int64_t choices() const { return static_cast<std::int64_t>(choice.size()); }
  [[nodiscard]] ChoiceSets sets() const { return {offsets, choice}; }
};

// Builds shards. Keeps its memory between calls; one a thread.
class ShardBuilder {
 public:
  ShardBuilder(const ClickIndex& index, const UserShape& shape);
  // All choices of some users.
  void Build(std::span<const std::int32_t> users, Shard& shard);

 private:
  // The place of an item among the shard's.
  std::int64_t Local(std::int32_t item, Shard& shard);
  void AddUser(std::int64_t user, Shard& shard);
  // `clicks`: of the user before, oldest first.
  void AddDisplay(std::int64_t display, std::span<const std::int64_t> clicks, Shard& shard);
  [[nodiscard]] std::int64_t Lag(std::span<const std::int64_t> clicks, std::int64_t item) const;
  void AddRecent(std::span<const std::int64_t> clicks, Shard& shard) const;
  void FinishSequences(Shard& shard);

  // Clicks begin .. end of clicks_, read by an LSTM from zero.
  struct Sequence {
    std::int64_t begin, length;
  };

  const ClickIndex& index_;
  UserShape shape_;
  std::vector<std::int64_t> local_;   // [I] local item, -1
  std::vector<std::int64_t> clicks_;  // local items of the clicks of all users so far
  std::vector<Sequence> sequences_;
  std::vector<std::int64_t> sequence_;  // [E] the sequence whose state a choice has, -1
  std::vector<std::int64_t> length_;    // [E] how far into it
};

}  // namespace recforce::algos
