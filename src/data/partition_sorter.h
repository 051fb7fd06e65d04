// SPDX-License-Identifier: Apache-2.0
// One partition of a log: its rows by user and time, one of several with the same item, in columns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "data/row_store.h"

namespace recforce::data {

// Which of several rows of one (user, item) stays.
enum class DuplicateRule { kLast, kFirst, kError, kKeep };

// Two rows of one (user, item) that may not stand in the same log.
struct Conflict {
  std::int32_t user = -1;
  std::int32_t item = -1;
  std::int64_t first_line = 0;  // the smaller one
  std::int64_t second_line = 0;
  bool in_two_parts = false;
  Part first_part = Part::kTrain;
  Part second_part = Part::kTrain;
};

// The columns of rows, and the bytes of an element of each.
enum RowColumn : std::size_t { kItem, kTime, kValue, kPropensity, kPosition, kPart, kContext, kRowColumns };
inline constexpr std::array<std::size_t, kRowColumns> kRowWidths = {4, 8, 4, 4, 4, 1, 4};

// One column of one partition.
struct ColumnPiece {
  std::vector<std::byte> bytes;
  std::int64_t offset = -1;  // in the spill file; negative: in memory
};
struct SortedPartition {
  std::int64_t rows = 0;
  std::array<ColumnPiece, kRowColumns> pieces;  // of columns that the log does not have, empty
};

// Sorts one partition at a time; what it needs for that is kept from one to the next.
class PartitionSorter {
 public:
  // No row, no place.
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  PartitionSorter(const RowLayout& layout, DuplicateRule rule, std::int32_t items)
      : layout_(layout), rule_(rule), place_(static_cast<std::size_t>(items), kNone) {}

  // `packed`: all rows of the partition in the order of the log; `users`: all its users, in the order in which their
  // rows are to come. Writes `sorted_rows` of these and nobody else.
  SortedPartition Sort(std::span<const std::byte> packed, std::span<const std::int32_t> users,
                       std::vector<std::int64_t>& sorted_rows);
  // Of all partitions so far: duplicates that did not stay, and the conflict of the user with the smallest number.
  [[nodiscard]] std::int64_t removed() const { return removed_; }
  [[nodiscard]] const std::optional<Conflict>& conflict() const { return conflict_; }

 private:
  [[nodiscard]] const std::byte* Row(std::uint32_t index) const { return packed_.data() + index * layout_.bytes; }
  [[nodiscard]] std::size_t LocalUser(std::uint32_t row) const {
    return static_cast<std::size_t>(Unpack<std::int32_t>(Row(row), layout_.user)) / kPartitions;
  }
  [[nodiscard]] bool SameItem(std::uint32_t a, std::uint32_t b) const {
    return Unpack<std::int32_t>(Row(a), layout_.item) == Unpack<std::int32_t>(Row(b), layout_.item);
  }
  void GroupByUser(std::span<const std::int32_t> users);
  void SortByTime(std::span<std::uint32_t> rows);
  void KeepSome(std::int32_t user, std::span<const std::uint32_t> rows);
  void NoteConflict(std::int32_t user, std::uint32_t a, std::uint32_t b);
  [[nodiscard]] SortedPartition Gather() const;

  const RowLayout& layout_;
  DuplicateRule rule_;
  std::span<const std::byte> packed_;
  std::vector<std::size_t> count_;  // of each local user
  std::vector<std::size_t> begin_;  // of each local user's rows in order_
  std::vector<std::size_t> next_;
  std::vector<std::uint32_t> order_;  // rows by user
  std::vector<std::pair<std::int64_t, std::uint32_t>> timed_;
  std::vector<std::uint32_t> kept_;   // rows that stay, in their final order
  std::vector<std::uint32_t> place_;  // in kept_, of each item when it was last seen
  std::int64_t removed_ = 0;
  std::optional<Conflict> conflict_;
};

}  // namespace recforce::data
