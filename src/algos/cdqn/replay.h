// SPDX-License-Identifier: Apache-2.0
// What happened to the users of an environment, a ring of the last steps. A step of all users is a block of rows, so
// that what a user did next lies one block further, and returns of several steps need no queue of their own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/environment.h"

namespace recforce::algos {

// Transitions drawn from a Replay, of `steps` steps or less.
struct ReplayBatch {
  std::vector<std::int32_t> recent;   // [B, m]
  std::vector<std::int32_t> slates;   // [B, k]
  std::vector<std::int32_t> clicked;  // [B] places in the slate, -1: none
  std::vector<float> reward;          // [B] discounted sum
  std::vector<float> discount;        // [B] of what follows `after`; 0 where the user left
  std::vector<std::int32_t> after;    // [B, m]
};

class Replay {
 public:
  // Keeps the last `capacity` rows, rounded up to whole blocks of `users`.
  Replay(std::int64_t users, std::int64_t memory, std::int64_t slate, std::int64_t capacity);

  // A step of all users: what they had clicked before it, what they were shown, what came of it. shown: [users] 0 for
  // users who were shown nothing, having left. last: no step of these users follows.
  void Add(base::MatrixView<const std::int32_t> before, base::MatrixView<const std::int32_t> slates,
           const core::Feedback& feedback, std::span<const std::uint8_t> shown, const core::Episodes& after, bool last);

  [[nodiscard]] std::int64_t size() const { return blocks_ * users_; }  // rows, with those that were shown nothing
  [[nodiscard]] std::int64_t shown() const { return shown_count_; }     // rows that can be drawn
  [[nodiscard]] bool full() const { return blocks_ == capacity_; }  // whether the next step takes the oldest's place
  // `count` rows drawn with replacement from (seed, kReplay, update). A user who leaves ends the sum and is worth
  // nothing afterwards; the end of the horizon ends the sum and no more. REQUIRES: shown() > 0.
  void Draw(std::uint64_t seed, std::uint64_t update, std::int64_t count, std::int64_t steps, double discount,
            ReplayBatch& batch) const;

  // Views that live as long as this object and may not outlive its next Add.
  void Save(base::TensorSet& set, const std::string& prefix) const;
  // Error(Data) when the state is another's, or names items beyond `num_items`.
  void Load(const base::TensorSet& set, const std::string& prefix, std::int64_t num_items);

 private:
  void Append(std::int64_t row, std::int64_t steps, double discount, ReplayBatch& batch) const;

  std::int64_t users_, memory_, slate_, capacity_;  // capacity: blocks
  std::int64_t blocks_ = 0;                         // filled
  std::int64_t next_ = 0;                           // block to be written
  std::int64_t shown_count_ = 0;
  std::vector<std::int32_t> before_, after_, slates_, clicked_;
  std::vector<float> reward_;
  std::vector<std::uint8_t> shown_, left_;
  std::vector<std::uint8_t> last_;  // [blocks]
};

}  // namespace recforce::algos
