// SPDX-License-Identifier: Apache-2.0
// Buffers double until they have their share of the memory; then each fills and is written as one piece, again and
// again.
#include "data/row_store.h"

#include <algorithm>

namespace recforce::data {

RowLayout::RowLayout(const LogContent& content, bool with_line) {
  const auto add = [&](bool present, std::size_t& member, std::size_t size) {
    if (present) {
      member = bytes;
      bytes += size;
    }
  };
  add(content.time, time, sizeof(std::int64_t));
  add(content.value, value, sizeof(float));
  add(content.propensity, propensity, sizeof(float));
  add(content.position, position, sizeof(std::int32_t));
  add(content.part, part, sizeof(std::uint8_t));
  add(content.context, context, sizeof(std::int32_t));
  add(with_line, line, sizeof(std::int64_t));
}

RowStore::RowStore(const RowLayout& layout, std::int64_t memory_bytes, SpillFile& spill)
    : layout_(layout),
      most_bytes_(std::max<std::size_t>(static_cast<std::size_t>(memory_bytes) / kPartitions / layout.bytes, 1) *
                  layout.bytes),
      spill_(spill) {}

void RowStore::Grow(Buffer& buffer) {
  if (buffer.capacity == most_bytes_) {
    buffer.spilled.push_back({spill_.Append({buffer.bytes.get(), buffer.size}), buffer.size});
    buffer.size = 0;
    return;
  }
  constexpr std::size_t kFirstRows = 16;
  const std::size_t capacity = std::min(std::max(2 * buffer.capacity, kFirstRows * layout_.bytes), most_bytes_);
  auto bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::copy_n(buffer.bytes.get(), buffer.size, bytes.get());
  buffer.bytes = std::move(bytes);
  buffer.capacity = capacity;
}

std::vector<std::byte> RowStore::Take(std::size_t partition) {
  Buffer& buffer = buffers_[partition];
  std::vector<std::byte> rows(static_cast<std::size_t>(buffer.rows) * layout_.bytes);
  std::size_t place = 0;
  for (const Segment& segment : buffer.spilled) {
    spill_.Read(segment.offset, std::span(rows).subspan(place, segment.size));
    place += segment.size;
  }
  std::copy_n(buffer.bytes.get(), buffer.size, rows.begin() + static_cast<std::ptrdiff_t>(place));
  buffer.bytes.reset();
  buffer.size = buffer.capacity = 0;
  return rows;
}

}  // namespace recforce::data
