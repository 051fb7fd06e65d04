// SPDX-License-Identifier: Apache-2.0
// The ranking of one user: of the catalogue without masked items, or of the user's candidates. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/core/topk.h"

namespace recforce::eval {

// What is ranked for a user.
struct Question {
  std::span<const float> scores;          // of the whole catalogue
  std::span<const std::int32_t> masked;   // left out
  std::span<const std::int32_t> targets;  // distinct, none masked
  // All that is ranked; an item that stands there several times takes as many places. Empty: the whole catalogue.
  std::span<const std::int32_t> candidates;
};

// Ranks one user at a time; reuses its memory. Not thread-safe, one per thread.
class Ranker {
 public:
  Ranker(std::int64_t num_items, core::Ties ties);

  // The first `depth` places, best first; fewer when fewer items are ranked. NaN ranks below every number.
  std::span<const std::int32_t> Rank(const Question& question, std::int64_t depth);
  // Ranks of the targets, ascending, in what Rank returned last.
  std::span<const std::int32_t> hits() const { return hits_; }
  // The share of (target, other item) pairs in which the target has the higher score; ties count half. 1 when there
  // is no other item.
  double Auc(const Question& question);

 private:
  std::span<const std::int32_t> RankCandidates(const Question& question, std::int64_t depth);

  // What the targets lose: half pairs, and against how many items.
  struct Losses {
    std::int64_t others = 0;
    std::int64_t half_pairs = 0;
  };
  [[nodiscard]] Losses CompareItems(const Question& question) const;
  Losses CompareRows(const Question& question);

  struct Entry {
    float score;
    std::int32_t item;
    bool is_target;
  };
  core::TopK top_;
  core::Ties ties_;
  std::vector<std::uint8_t> marks_;  // [items] bit 0: masked, bit 1: target; zero between calls
  std::vector<Entry> entries_;
  std::vector<std::int32_t> ranking_;
  std::vector<std::int32_t> hits_;
  std::vector<float> target_scores_;  // ascending
};

}  // namespace recforce::eval
