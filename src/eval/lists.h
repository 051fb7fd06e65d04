// SPDX-License-Identifier: Apache-2.0
// Metrics of recommended lists that ask not whether they are right but what they are made of. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/data/csr.h"
#include "recforce/eval/evaluator.h"

namespace recforce::eval {

// How often training users have items, and have them together. Immutable, safe from several threads.
class TrainingStatistics {
 public:
  TrainingStatistics(data::CsrView train, std::int64_t num_items);

  // Training users that have the item.
  [[nodiscard]] std::int64_t Count(std::int32_t item) const {
    return offsets_[static_cast<std::size_t>(item) + 1] - offsets_[static_cast<std::size_t>(item)];
  }
  [[nodiscard]] std::int64_t num_users() const { return num_users_; }
  // The cosine of two items' columns: users that have both over the geometric mean of their counts; 0 when either
  // has none.
  [[nodiscard]] double Cosine(std::int32_t a, std::int32_t b) const;

 private:
  [[nodiscard]] std::span<const std::int32_t> Users(std::int32_t item) const;
  [[nodiscard]] std::int64_t Common(std::int32_t a, std::int32_t b) const;

  std::int64_t num_users_;
  std::int64_t words_;                   // of a bitset of users
  std::vector<std::int64_t> offsets_;    // [items + 1]
  std::vector<std::int32_t> users_;      // of each item, ascending
  std::vector<std::int64_t> bitset_of_;  // [items] index of the item's bitset, or -1: few enough to merge lists
  std::vector<std::uint64_t> bits_;      // [bitsets, words]
};

// The value of a metric of scope kList. list: the user's first items, history: what the model was shown.
double ListValue(const Metric& metric, std::span<const std::int32_t> list, std::span<const std::int32_t> history,
                 const TrainingStatistics& training);

// A metric of scope kSet with its interval. lists: [rows, length], -1 fills.
SetMetric MeasureSet(const Metric& metric, std::span<const std::int32_t> lists, std::int64_t length,
                     std::int64_t num_items, std::uint64_t seed);

}  // namespace recforce::eval
