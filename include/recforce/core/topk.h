// SPDX-License-Identifier: Apache-2.0
// The k best of a row of scores, by partial selection.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/data/csr.h"

namespace recforce::core {

// Who comes first among equal scores.
enum class Ties {
  kLowerIndexFirst,  // for recommending and for training targets
  kRelevantLast,     // for evaluation: the pessimistic order (relevant items last, then lower index first)
  kRelevantFirst,    // the optimistic order: only better items stand before a relevant one
};

// Selects from one row at a time; reuses its memory. Not thread-safe, one per thread.
class TopK {
 public:
  explicit TopK(std::int64_t num_items);

  // Indices of the k best items that are not in `masked`, best first; fewer when fewer are left. `relevant` is
  // not read with kLowerIndexFirst. NaN scores rank below all others. The result is valid until the next call.
  std::span<const std::int32_t> Select(std::span<const float> scores, std::int64_t k,
                                       std::span<const std::int32_t> masked, Ties ties = Ties::kLowerIndexFirst,
                                       std::span<const std::int32_t> relevant = {});

  // Whether `item` was in `relevant` of the last Select that read it.
  [[nodiscard]] bool IsRelevant(std::int32_t item) const { return (marks_[static_cast<std::size_t>(item)] & 2U) != 0; }

 private:
  struct Entry {
    float score;
    std::int32_t item;
    bool late;  // after the others of its score
  };
  std::vector<std::uint8_t> marks_;  // bit 0: masked, bit 1: relevant; valid after Select until the next one
  std::vector<std::int32_t> touched_;
  std::vector<Entry> candidates_;
  std::vector<std::int32_t> result_;
};

}  // namespace recforce::core
