// SPDX-License-Identifier: Apache-2.0
// Sorting and filtering partition by partition, several of them at a time on the threads of the pool.
#include "data/sorted_log.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "data/partition_sorter.h"
#include "recforce/base/threads.h"

namespace recforce::data {

std::optional<Conflict> SortedLog::Sort(RowStore& store, const std::vector<std::int32_t>& order, std::int32_t items,
                                        DuplicateRule rule, const std::function<void()>& check) {
  const RowLayout& layout = store.layout();
  has_ = {true,
          layout.time != RowLayout::kAbsent,
          layout.value != RowLayout::kAbsent,
          layout.propensity != RowLayout::kAbsent,
          layout.position != RowLayout::kAbsent,
          layout.part != RowLayout::kAbsent,
          layout.context != RowLayout::kAbsent};
  order_ = order;
  users_.resize(order.size());
  for (const std::int32_t user : order) {
    ++users_begin_[static_cast<std::size_t>(user) % kPartitions + 1];
  }
  std::partial_sum(users_begin_.begin(), users_begin_.end(), users_begin_.begin());
  auto next = users_begin_;
  for (const std::int32_t user : order) {
    users_[next[static_cast<std::size_t>(user) % kPartitions]++] = user;
  }
  sorted_rows_.assign(order.size(), 0);
  item_rows_.assign(static_cast<std::size_t>(items), 0);
  partitions_.resize(kPartitions);

  std::vector<PartitionSorter> sorters;
  std::int64_t unsorted = 0;
  for (std::size_t p = 0; p < kPartitions; ++p) {
    unsorted += store.memory_of(p);
  }
  for (std::size_t begin = 0; begin < kPartitions;) {
    check();
    // As many at a time as a part of the memory takes, with what sorting them needs beside.
    std::size_t end = begin;
    std::int64_t bytes = 0;
    const std::size_t most = 4 * static_cast<std::size_t>(base::Threads());
    do {
      bytes += store.rows(end) * static_cast<std::int64_t>(layout.bytes);
      unsorted -= store.memory_of(end);
      ++end;
    } while (end < kPartitions && end - begin < most &&
             bytes + store.rows(end) * static_cast<std::int64_t>(layout.bytes) <= memory_bytes_ / 8);
    while (sorters.size() < std::min<std::size_t>(end - begin, static_cast<std::size_t>(base::Threads()))) {
      sorters.emplace_back(layout, rule, items);
    }
    const auto stride = static_cast<std::int64_t>(sorters.size());
    base::ParallelFor(0, stride, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t s = first; s < last; ++s) {
        for (std::size_t p = begin + static_cast<std::size_t>(s); p < end; p += sorters.size()) {
          const std::vector<std::byte> packed = store.Take(p);
          partitions_[p] = sorters[static_cast<std::size_t>(s)].Sort(packed, UsersOf(p), sorted_rows_);
        }
      }
    });
    for (; begin < end; ++begin) {
      const std::vector<std::byte>& item_bytes = partitions_[begin].pieces[kItem].bytes;
      for (std::size_t i = 0; i < item_bytes.size(); i += sizeof(std::int32_t)) {
        ++item_rows_[static_cast<std::size_t>(Unpack<std::int32_t>(item_bytes.data(), i))];
      }
      Hold(partitions_[begin], unsorted);
    }
  }
  std::optional<Conflict> conflict;
  for (const PartitionSorter& sorter : sorters) {
    duplicates_removed_ += sorter.removed();
    if (sorter.conflict() && (!conflict || sorter.conflict()->user < conflict->user)) {
      conflict = sorter.conflict();
    }
  }
  return conflict;
}

void SortedLog::Hold(SortedPartition& partition, std::int64_t other_memory) {
  std::int64_t bytes = 0;
  for (const ColumnPiece& piece : partition.pieces) {
    bytes += static_cast<std::int64_t>(piece.bytes.size());
  }
  if (held_bytes_ + other_memory + bytes <= memory_bytes_) {
    held_bytes_ += bytes;
    return;
  }
  for (ColumnPiece& piece : partition.pieces) {
    if (!piece.bytes.empty()) {
      piece.offset = spill_.Append(piece.bytes);
      std::vector<std::byte>().swap(piece.bytes);  // an assignment would keep the memory
    }
  }
}

std::vector<std::byte> SortedLog::Load(const ColumnPiece& piece, std::size_t bytes) const {
  std::vector<std::byte> loaded(bytes);
  spill_.Read(piece.offset, loaded);
  return loaded;
}

void SortedLog::DropRare(std::int64_t least_item, std::int64_t least_user) {
  least_item_ = least_item;
  kept_rows_ = sorted_rows_;
  item_is_used_.assign(item_rows_.size(), 0);
  if (least_item <= 1 && least_user <= 1) {
    std::transform(item_rows_.begin(), item_rows_.end(), item_is_used_.begin(),
                   [](std::int64_t rows) { return static_cast<std::uint8_t>(rows > 0); });
    return;
  }
  for (std::size_t p = 0; p < kPartitions; ++p) {
    const ColumnPiece& piece = partitions_[p].pieces[kItem];
    const std::vector<std::byte> loaded =
        piece.offset < 0 ? std::vector<std::byte>{}
                         : Load(piece, static_cast<std::size_t>(partitions_[p].rows) * kRowWidths[kItem]);
    const std::byte* items = piece.offset < 0 ? piece.bytes.data() : loaded.data();
    std::size_t begin = 0;
    for (const std::int32_t user : UsersOf(p)) {
      std::int64_t& kept = kept_rows_[static_cast<std::size_t>(user)];
      const std::size_t end = begin + static_cast<std::size_t>(kept);
      const auto rare = [&](std::size_t row) {
        return item_rows_[static_cast<std::size_t>(Unpack<std::int32_t>(items, 4 * row))] < least_item;
      };
      for (std::size_t row = begin; row < end; ++row) {
        kept -= rare(row) ? 1 : 0;
      }
      rows_of_rare_items_ += static_cast<std::int64_t>(end - begin) - kept;
      if (kept < least_user) {
        rows_of_rare_users_ += kept;
        kept = 0;
      }
      for (std::size_t row = begin; kept > 0 && row < end; ++row) {
        if (!rare(row)) {
          item_is_used_[static_cast<std::size_t>(Unpack<std::int32_t>(items, 4 * row))] = 1;
        }
      }
      begin = end;
    }
  }
}

std::int64_t SortedLog::rows() const { return std::accumulate(kept_rows_.begin(), kept_rows_.end(), std::int64_t{0}); }

// Reads one column of one partition from its beginning to its end.
class SortedLog::Cursor {
 public:
  Cursor() = default;
  Cursor(const SpillFile& spill, const ColumnPiece& piece, std::int64_t bytes)
      : spill_(&spill), piece_(&piece), left_(static_cast<std::size_t>(bytes)) {}

  // The next `bytes`, valid until the next call.
  std::span<const std::byte> Next(std::size_t bytes) {
    if (piece_->offset < 0) {
      place_ += bytes;
      return std::span(piece_->bytes).subspan(place_ - bytes, bytes);
    }
    if (end_ - begin_ < bytes) {
      Fill(bytes);
    }
    begin_ += bytes;
    return std::span(buffer_).subspan(begin_ - bytes, bytes);
  }

 private:
  void Fill(std::size_t bytes) {
    constexpr std::size_t kAhead = std::size_t{1} << 15;
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    const std::size_t wanted = std::min(std::max(bytes, kAhead) - end_, left_);
    buffer_.resize(std::max(buffer_.size(), end_ + wanted));
    spill_->Read(piece_->offset + static_cast<std::int64_t>(place_), std::span(buffer_).subspan(end_, wanted));
    place_ += wanted;
    left_ -= wanted;
    end_ += wanted;
  }

  const SpillFile* spill_ = nullptr;
  const ColumnPiece* piece_ = nullptr;
  std::size_t place_ = 0;  // in the piece
  std::size_t left_ = 0;   // of a spilled piece, not yet read
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

void SortedLog::Give(RowColumn column, const NewNumbers& numbers, const base::TakeBytes& take) const {
  constexpr std::size_t kTogether = std::size_t{1} << 20;
  const std::size_t width = kRowWidths[column];
  std::vector<Cursor> items(kPartitions);
  std::vector<Cursor> values(kPartitions);
  for (std::size_t p = 0; p < kPartitions; ++p) {
    const SortedPartition& partition = partitions_[p];
    items[p] = Cursor(spill_, partition.pieces[kItem], partition.rows * static_cast<std::int64_t>(kRowWidths[kItem]));
    values[p] = Cursor(spill_, partition.pieces[column], partition.rows * static_cast<std::int64_t>(width));
  }
  const bool filtered = rows_of_rare_items_ + rows_of_rare_users_ > 0;
  std::vector<std::byte> out;
  out.reserve(kTogether);
  for (const std::int32_t user : order_) {
    const std::size_t p = static_cast<std::size_t>(user) % kPartitions;
    const auto rows = static_cast<std::size_t>(sorted_rows_[static_cast<std::size_t>(user)]);
    const auto kept = static_cast<std::size_t>(kept_rows_[static_cast<std::size_t>(user)]);
    const std::span<const std::byte> bytes = values[p].Next(rows * width);
    const bool some = kept != rows;
    const std::span<const std::byte> item_bytes = filtered && column != kItem ? items[p].Next(rows * 4) : bytes;
    if (kept == 0) {
      continue;
    }
    const std::size_t begin = out.size();
    out.resize(begin + kept * width);
    std::byte* next = out.data() + begin;
    const bool as_they_are = column != kItem && column != kContext;
    if (!some && as_they_are) {
      std::copy(bytes.begin(), bytes.end(), next);
    }
    for (std::size_t row = 0; row < rows && (some || !as_they_are); ++row) {
      // Where nothing is filtered, the items lie in no other column's bytes.
      const bool knows_items = filtered || column == kItem;
      const auto item =
          knows_items ? static_cast<std::size_t>(Unpack<std::int32_t>(item_bytes.data(), 4 * row)) : std::size_t{0};
      if (some && item_rows_[item] < least_item_) {
        continue;
      }
      if (column == kItem) {
        std::memcpy(next, &numbers.item[item], sizeof(std::int32_t));
      } else if (column == kContext) {
        const auto context = Unpack<std::int32_t>(bytes.data(), row * width);
        const std::int32_t number = context < 0 ? -1 : numbers.context[static_cast<std::size_t>(context)];
        std::memcpy(next, &number, sizeof(number));
      } else {
        std::memcpy(next, bytes.data() + row * width, width);
      }
      next += width;
    }
    if (out.size() >= kTogether) {
      take(out);
      out.clear();
    }
  }
  take(out);
}

base::StreamedTensors SortedLog::Columns(const NewNumbers& numbers) const {
  constexpr std::array<const char*, kRowColumns> kNames = {"items",     "times", "values",  "propensities",
                                                           "positions", "parts", "contexts"};
  constexpr std::array<base::DType, kRowColumns> kTypes = {base::DType::kI32, base::DType::kI64, base::DType::kF32,
                                                           base::DType::kF32, base::DType::kI32, base::DType::kU8,
                                                           base::DType::kI32};
  base::StreamedTensors columns;
  for (std::size_t c = 0; c < kRowColumns; ++c) {
    if (has_[c]) {
      columns[kNames[c]] = {kTypes[c], {rows()}, [this, c, &numbers](const base::TakeBytes& take) {
                              Give(static_cast<RowColumn>(c), numbers, take);
                            }};
    }
  }
  return columns;
}

}  // namespace recforce::data
