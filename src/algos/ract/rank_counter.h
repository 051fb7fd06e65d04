// SPDX-License-Identifier: Apache-2.0
// Where the hidden clicks of a user stand, without making a ranking: the rank of one is 1 plus the number of unseen
// items that beat it, and all ranks of a row are counted in one sweep. Most of a row is rejected a block at a time,
// because only items that beat the lowest hidden click of the top k count; as soon as k items beat that one, the next
// higher takes its place.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "recforce/base/error.h"

namespace recforce::algos {

// Scores of one user: logits [I] plus bias [I].
struct ScoreRow {
  const float* logits;
  const float* bias;
  std::int64_t items;
  float operator()(std::int64_t item) const { return logits[item] + bias[item]; }
};

// Larger for who stands first: higher scores, then lower items; NaN below -infinity; both zeros are equal.
inline std::int64_t OrderKey(float score, std::int64_t item) {
  const auto bits = std::bit_cast<std::int32_t>(score + 0.0F);
  const std::int32_t ordered = bits < 0 ? bits ^ 0x7FFFFFFF : bits;
  const std::int64_t high = std::isnan(score) ? std::numeric_limits<std::int32_t>::min() : ordered;
  return high * (std::int64_t{1} << 32) + (0x7FFFFFFF - item);
}

inline std::int64_t ItemOf(std::int64_t key) { return 0x7FFFFFFF - (key & 0xFFFFFFFF); }

// Ranks of hidden clicks, one row at a time; reuses its memory. Not thread-safe.
class RankCounter {
 public:
  // Those that are at most k, ascending; valid until the next call.
  std::span<const std::int64_t> Ranks(const ScoreRow& row, std::span<const std::int32_t> seen,
                                      std::span<const std::int32_t> hidden, std::int64_t k);

 private:
  static constexpr int kLanes = 16;
  static constexpr int kBlock = 32;            // rejected together
  static constexpr std::size_t kFill = 32;     // thresholds are compared in groups of this size
  static constexpr std::size_t kGather = 32;   // items that are placed together: then their latencies overlap
  static constexpr std::size_t kSearch = 128;  // more thresholds than this are searched, not compared one by one

  void SetThresholds(std::span<const std::int32_t> hidden);
  // How many of the active thresholds stand before the item, itself included.
  [[nodiscard]] std::size_t Place(float score, std::int64_t key) const;
  void GatherBlock(std::int64_t begin);
  void Sweep();
  // Counts what was gathered and gives up the thresholds that k items beat.
  void CountGathered();

  ScoreRow row_{};
  std::int64_t k_ = 0;
  std::vector<std::int64_t> keys_;    // of the hidden clicks, best first, after one larger than all
  std::vector<float> scores_;         // theirs; filled up with -infinity
  std::size_t active_ = 0;            // the first of them may still be among the top k
  std::vector<std::int64_t> counts_;  // [p]: items from the hidden click of place p - 1, itself included, to that of p
  float bar_ = 0.0F;                  // the score of the last active threshold
  std::array<std::int64_t, kGather + kBlock> gathered_{};
  std::size_t num_gathered_ = 0;
  std::vector<std::int64_t> ranks_;
};

inline void RankCounter::SetThresholds(std::span<const std::int32_t> hidden) {
  keys_.assign(1, std::numeric_limits<std::int64_t>::max());
  for (const std::int32_t item : hidden) {
    RECFORCE_CHECK(item >= 0 && item < row_.items, "an item outside the catalogue");
    keys_.push_back(OrderKey(row_(item), item));
  }
  std::sort(keys_.begin() + 1, keys_.end(), std::greater<>());
  // Whoever stands after k other hidden clicks is not among the top k.
  active_ = static_cast<std::size_t>(std::min(k_, static_cast<std::int64_t>(hidden.size())));
  scores_.assign((active_ + kFill - 1) / kFill * kFill, -std::numeric_limits<float>::infinity());
  for (std::size_t place = 0; place < active_; ++place) {
    scores_[place] = row_(ItemOf(keys_[place + 1]));
  }
}

inline std::size_t RankCounter::Place(float score, std::int64_t key) const {
  const std::int64_t* keys = keys_.data() + 1;
  if (active_ > kSearch) {
    return static_cast<std::size_t>(std::lower_bound(keys, keys + active_, key, std::greater_equal<>()) - keys);
  }
  const float* scores = scores_.data();
  const std::size_t filled = (active_ + kFill - 1) / kFill * kFill;
  std::int32_t above = 0;
  for (std::size_t at = 0; at < filled; ++at) {
    above += static_cast<std::int32_t>(scores[at] > score);
  }
  // Those past active_ may be thresholds that were given up. Equal scores are told apart by the keys.
  std::size_t place = std::min(static_cast<std::size_t>(above), active_);
  while (place < active_ && keys[place] >= key) {
    ++place;
  }
  return place;
}

inline void RankCounter::CountGathered() {
  for (const std::int64_t item : std::span(gathered_).first(num_gathered_)) {
    const float score = row_(item);
    const std::int64_t key = OrderKey(score, item);
    const std::size_t place = Place(score, key);
    // Hidden clicks are in the counts from the start. keys_[place] is the key of place - 1.
    counts_[place] += static_cast<std::int64_t>(keys_[place] != key);
  }
  num_gathered_ = 0;
  std::int64_t better = 0;
  for (std::size_t place = 0; place < active_; ++place) {
    better += counts_[place];
    if (better >= k_) {
      active_ = place;
      bar_ = place == 0 ? bar_ : scores_[place - 1];
    }
  }
}

// Written so that NaN passes on both sides: the keys decide.
inline void RankCounter::GatherBlock(std::int64_t begin) {
  const float* logits = row_.logits + begin;
  const float* bias = row_.bias + begin;
  unsigned any = 0;
  for (int at = 0; at < kBlock; ++at) {
    any |= static_cast<unsigned>(!(logits[at] + bias[at] < bar_));
  }
  if (any == 0) {
    return;
  }
  for (int first = 0; first < kBlock; first += kLanes) {
    unsigned mask = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      mask |= !(logits[first + lane] + bias[first + lane] < bar_) ? 1U << static_cast<unsigned>(lane) : 0U;
    }
    for (; mask != 0; mask &= mask - 1) {
      gathered_[num_gathered_++] = begin + first + std::countr_zero(mask);
    }
  }
}

inline void RankCounter::Sweep() {
  num_gathered_ = 0;
  std::int64_t at = 0;
  for (; at + kBlock <= row_.items; at += kBlock) {
    GatherBlock(at);
    if (num_gathered_ >= kGather) {
      CountGathered();
      if (active_ == 0) {
        return;
      }
    }
  }
  for (; at < row_.items; ++at) {
    if (!(row_(at) < bar_)) {
      gathered_[num_gathered_++] = at;
    }
  }
  CountGathered();
}

inline std::span<const std::int64_t> RankCounter::Ranks(const ScoreRow& row, std::span<const std::int32_t> seen,
                                                        std::span<const std::int32_t> hidden, std::int64_t k) {
  row_ = row;
  k_ = k;
  ranks_.clear();
  SetThresholds(hidden);
  if (active_ == 0) {
    return ranks_;
  }
  counts_.assign(active_ + 1, 1);
  counts_[0] = 0;
  // The sweep meets seen items too. Taken off beforehand, counts never exceed the truth on the way.
  for (const std::int32_t item : seen) {
    RECFORCE_CHECK(item >= 0 && item < row_.items, "an item outside the catalogue");
    --counts_[Place(row_(item), OrderKey(row_(item), item))];
  }
  bar_ = scores_[active_ - 1];
  Sweep();
  std::int64_t better = 0;
  for (std::size_t place = 0; place < active_; ++place) {
    better += counts_[place];
    ranks_.push_back(better + 1);
  }
  return ranks_;
}

}  // namespace recforce::algos
