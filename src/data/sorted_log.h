// SPDX-License-Identifier: Apache-2.0
// The rows of a log by user and time, in columns: partition by partition sorted, rid of duplicates, filtered, and at
// last handed out as the columns of a dataset, one user after the other. Columns lie in memory as long as they fit,
// then in the spill file; every user's part of a column is read in one direction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/partition_sorter.h"
#include "data/row_store.h"
#include "data/spill_file.h"
#include "recforce/base/tensor_file.h"

namespace recforce::data {

class SortedLog {
 public:
  // Columns hold about `memory_bytes`, as long as `store` holds nothing any more.
  SortedLog(std::int64_t memory_bytes, SpillFile& spill) : memory_bytes_(memory_bytes), spill_(spill) {}

  // Sorts all of `store`. `order`: every user once, in the order in which they will be written. Calls `check`
  // now and then, which may throw to stop. Returns the conflict of the user with the smallest number, if there is one:
  // then nothing else may be asked of this object.
  std::optional<Conflict> Sort(RowStore& store, const std::vector<std::int32_t>& order, std::int32_t items,
                               DuplicateRule rule, const std::function<void()>& check);
  [[nodiscard]] std::int64_t duplicates_removed() const { return duplicates_removed_; }

  // Drops the rows of items with fewer than `least_item` rows, then of users with fewer than `least_user` rows left.
  void DropRare(std::int64_t least_item, std::int64_t least_user);
  [[nodiscard]] std::int64_t rows_of_rare_items() const { return rows_of_rare_items_; }
  [[nodiscard]] std::int64_t rows_of_rare_users() const { return rows_of_rare_users_; }

  // After DropRare(). By number of the user or item: rows that are left, and whether any are.
  [[nodiscard]] const std::vector<std::int64_t>& rows_of_user() const { return kept_rows_; }
  [[nodiscard]] const std::vector<std::uint8_t>& item_is_used() const { return item_is_used_; }
  [[nodiscard]] std::int64_t rows() const;

  // By the numbers that the log's tables gave.
  struct NewNumbers {
    const std::vector<std::int32_t>& item;
    const std::vector<std::int32_t>& context;
  };
  // The columns that the log has, as tensors: users in the order given to Sort(), items and contexts under their new
  // numbers. They refer to this object and to `numbers`.
  [[nodiscard]] base::StreamedTensors Columns(const NewNumbers& numbers) const;

 private:
  class Cursor;

  void Hold(SortedPartition& partition, std::int64_t other_memory);
  [[nodiscard]] std::vector<std::byte> Load(const ColumnPiece& piece, std::size_t bytes) const;
  void Give(RowColumn column, const NewNumbers& numbers, const base::TakeBytes& take) const;
  [[nodiscard]] std::span<const std::int32_t> UsersOf(std::size_t partition) const {
    return std::span(users_).subspan(users_begin_[partition], users_begin_[partition + 1] - users_begin_[partition]);
  }

  std::int64_t memory_bytes_;
  SpillFile& spill_;
  std::array<bool, kRowColumns> has_{};
  std::vector<SortedPartition> partitions_;
  std::vector<std::int32_t> order_;
  std::vector<std::int32_t> users_;  // those of each partition, in the order of order_
  std::array<std::size_t, kPartitions + 1> users_begin_{};
  std::vector<std::int64_t> sorted_rows_;  // of each user, after duplicates
  std::vector<std::int64_t> kept_rows_;    // of each user, after all filters
  std::vector<std::int64_t> item_rows_;    // after duplicates
  std::vector<std::uint8_t> item_is_used_;
  std::int64_t least_item_ = 0;
  std::int64_t held_bytes_ = 0;
  std::int64_t duplicates_removed_ = 0;
  std::int64_t rows_of_rare_items_ = 0;
  std::int64_t rows_of_rare_users_ = 0;
};

}  // namespace recforce::data
