// SPDX-License-Identifier: Apache-2.0
// Rows are grouped by counting, then each user's rows are sorted if they are not in order already.
#include "data/partition_sorter.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "recforce/base/error.h"

namespace recforce::data {
namespace {

// The `kWidth` bytes at `offset` of each of `rows`, one after the other.
template <std::size_t kWidth>
void Copy(const std::vector<std::uint32_t>& rows, const std::byte* packed, std::size_t row_bytes, std::byte* out) {
  for (const std::uint32_t row : rows) {
    std::memcpy(out, packed + row * row_bytes, kWidth);
    out += kWidth;
  }
}

}  // namespace

SortedPartition PartitionSorter::Sort(std::span<const std::byte> packed, std::span<const std::int32_t> users,
                                      std::vector<std::int64_t>& sorted_rows) {
  packed_ = packed;
  GroupByUser(users);
  kept_.clear();
  kept_.reserve(order_.size());
  for (const std::int32_t user : users) {
    const std::size_t local = static_cast<std::size_t>(user) / kPartitions;
    const std::size_t begin = kept_.size();
    const auto rows = std::span(order_).subspan(begin_[local], count_[local]);
    SortByTime(rows);
    KeepSome(user, rows);
    sorted_rows[static_cast<std::size_t>(user)] = static_cast<std::int64_t>(kept_.size() - begin);
  }
  return Gather();
}

// Row numbers by user, in the order of the log: order_[begin_[local] ..].
void PartitionSorter::GroupByUser(std::span<const std::int32_t> users) {
  const std::size_t rows = packed_.size() / layout_.bytes;
  if (rows >= kNone) {
    throw base::Error(base::ErrorKind::kData, "conversion: too many rows of too few users: " + std::to_string(rows) +
                                                  " in one partition; expected fewer than 4294967295");
  }
  count_.assign(users.size() + 1, 0);  // the local numbers of a partition are 0, 1, ...
  begin_.assign(users.size() + 1, 0);
  for (std::size_t row = 0; row < rows; ++row) {
    ++count_[LocalUser(static_cast<std::uint32_t>(row))];
  }
  std::size_t begin = 0;
  for (const std::int32_t user : users) {
    const std::size_t local = static_cast<std::size_t>(user) / kPartitions;
    begin_[local] = begin;
    begin += count_[local];
  }
  order_.resize(rows);
  next_ = begin_;
  for (std::size_t row = 0; row < rows; ++row) {
    order_[next_[LocalUser(static_cast<std::uint32_t>(row))]++] = static_cast<std::uint32_t>(row);
  }
}

void PartitionSorter::SortByTime(std::span<std::uint32_t> rows) {
  if (layout_.time == RowLayout::kAbsent) {
    return;
  }
  timed_.clear();
  bool sorted = true;
  for (const std::uint32_t row : rows) {
    timed_.emplace_back(Unpack<std::int64_t>(Row(row), layout_.time), row);
    sorted = sorted && (timed_.size() < 2 || timed_[timed_.size() - 2].first <= timed_.back().first);
  }
  if (sorted) {
    return;
  }
  std::sort(timed_.begin(), timed_.end());  // row numbers rise: equal times keep the order of the log
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = timed_[i].second;
  }
}

// Appends the user's rows to kept_, one of those that have the same item.
void PartitionSorter::KeepSome(std::int32_t user, std::span<const std::uint32_t> rows) {
  if (rule_ == DuplicateRule::kKeep) {
    kept_.insert(kept_.end(), rows.begin(), rows.end());
    return;
  }
  const std::size_t begin = kept_.size();
  bool holes = false;
  for (const std::uint32_t row : rows) {
    std::uint32_t& seen = place_[static_cast<std::size_t>(Unpack<std::int32_t>(Row(row), layout_.item))];
    const auto next = static_cast<std::uint32_t>(kept_.size());
    // A place of another user, or of another partition, holds another row.
    if (seen == kNone || seen < begin || seen >= next || kept_[seen] == kNone || !SameItem(kept_[seen], row)) {
      seen = next;
      kept_.push_back(row);
      continue;
    }
    ++removed_;
    NoteConflict(user, kept_[seen], row);
    if (rule_ == DuplicateRule::kLast) {
      kept_[seen] = kNone;  // the later row takes a later place
      holes = true;
      seen = next;
      kept_.push_back(row);
    }
  }
  if (holes) {
    kept_.erase(std::remove(kept_.begin() + static_cast<std::ptrdiff_t>(begin), kept_.end(), kNone), kept_.end());
  }
}

void PartitionSorter::NoteConflict(std::int32_t user, std::uint32_t a, std::uint32_t b) {
  const auto part = [&](std::uint32_t row) {
    return layout_.part == RowLayout::kAbsent ? Part::kTrain
                                              : static_cast<Part>(Unpack<std::uint8_t>(Row(row), layout_.part));
  };
  const bool in_two_parts = part(a) != part(b);
  if ((rule_ != DuplicateRule::kError && !in_two_parts) || (conflict_ && conflict_->user <= user)) {
    return;
  }
  auto first = Unpack<std::int64_t>(Row(a), layout_.line);
  auto second = Unpack<std::int64_t>(Row(b), layout_.line);
  Part first_part = part(a);
  Part second_part = part(b);
  if (first > second) {
    std::swap(first, second);
    std::swap(first_part, second_part);
  }
  conflict_ =
      Conflict{user, Unpack<std::int32_t>(Row(a), layout_.item), first, second, in_two_parts, first_part, second_part};
}

SortedPartition PartitionSorter::Gather() const {
  SortedPartition sorted;
  sorted.rows = static_cast<std::int64_t>(kept_.size());
  const std::array<std::size_t, kRowColumns> offsets = {
      layout_.item, layout_.time, layout_.value, layout_.propensity, layout_.position, layout_.part, layout_.context};
  for (std::size_t column = 0; column < kRowColumns; ++column) {
    if (offsets[column] == RowLayout::kAbsent || kept_.empty()) {
      continue;
    }
    std::vector<std::byte>& bytes = sorted.pieces[column].bytes;
    bytes.resize(kept_.size() * kRowWidths[column]);
    const std::byte* packed = packed_.data() + offsets[column];
    switch (kRowWidths[column]) {
      case 8:
        Copy<8>(kept_, packed, layout_.bytes, bytes.data());
        break;
      case 4:
        Copy<4>(kept_, packed, layout_.bytes, bytes.data());
        break;
      default:
        Copy<1>(kept_, packed, layout_.bytes, bytes.data());
        break;
    }
  }
  return sorted;
}

}  // namespace recforce::data
