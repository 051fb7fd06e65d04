// SPDX-License-Identifier: Apache-2.0
// Rows of a log on their way to being sorted: packed, in partitions by user, in memory until a partition's buffer is
// full and then in the spill file. A partition is later taken as a whole, in the order of the log.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/readers.h"
#include "data/spill_file.h"

namespace recforce::data {

// User u belongs to partition u % kPartitions. The rows of one partition have to fit memory.
inline constexpr std::size_t kPartitions = 256;

// The members of a packed row, one after the other without holes.
class RowLayout {
 public:
  static constexpr std::size_t kAbsent = ~std::size_t{0};

  RowLayout() = default;
  RowLayout(const LogContent& content, bool with_line);

  std::size_t user = 0;
  std::size_t item = sizeof(std::int32_t);
  std::size_t time = kAbsent;
  std::size_t value = kAbsent;
  std::size_t propensity = kAbsent;
  std::size_t position = kAbsent;
  std::size_t part = kAbsent;
  std::size_t context = kAbsent;
  std::size_t line = kAbsent;
  std::size_t bytes = 2 * sizeof(std::int32_t);
};

template <class T>
T Unpack(const std::byte* row, std::size_t offset) {
  T value;
  std::memcpy(&value, row + offset, sizeof(T));
  return value;
}

class RowStore {
 public:
  // Buffers hold `memory_bytes` in all, at least a row a partition.
  RowStore(const RowLayout& layout, std::int64_t memory_bytes, SpillFile& spill);

  // A place of layout().bytes for the next row of this user, which the caller fills. Error(Io).
  std::byte* Add(std::int32_t user) {
    Buffer& buffer = buffers_[static_cast<std::size_t>(user) % kPartitions];
    if (buffer.size + layout_.bytes > buffer.capacity) {
      Grow(buffer);
    }
    std::byte* place = buffer.bytes.get() + buffer.size;
    buffer.size += layout_.bytes;
    ++buffer.rows;
    return place;
  }

  // Packed rows of a partition in the order they came. Gives its memory back. Each partition once, from any thread.
  std::vector<std::byte> Take(std::size_t partition);
  [[nodiscard]] std::int64_t rows(std::size_t partition) const { return buffers_[partition].rows; }
  [[nodiscard]] std::int64_t memory_of(std::size_t partition) const {
    return static_cast<std::int64_t>(buffers_[partition].size);
  }
  [[nodiscard]] const RowLayout& layout() const { return layout_; }

 private:
  struct Segment {
    std::int64_t offset;
    std::size_t size;
  };
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::int64_t rows = 0;  // spilled ones too
    std::vector<Segment> spilled;
  };
  // Makes room for one more row.
  void Grow(Buffer& buffer);

  RowLayout layout_;
  std::size_t most_bytes_;  // of a buffer, whole rows
  SpillFile& spill_;
  std::array<Buffer, kPartitions> buffers_;
};

}  // namespace recforce::data
