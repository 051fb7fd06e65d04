// SPDX-License-Identifier: Apache-2.0
// Text ids to numbers in order of first appearance. All texts lie in one block, so adding an id that is known
// allocates nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace recforce::data {

class IdTable {
 public:
  IdTable();

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(starts_.size() - 1); }
  [[nodiscard]] std::string_view operator[](std::int32_t id) const {
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(texts_).substr(starts_[i], starts_[i + 1] - starts_[i]);
  }
  [[nodiscard]] std::optional<std::int32_t> Find(std::string_view text) const;
  // The number of `text`, a new one when it was not seen before. REQUIRES: size() < 2^31 - 1.
  std::int32_t Add(std::string_view text);
  // The same for all of `texts` in their order, with the waits for memory overlapped. REQUIRES: ids.size() ==
  // texts.size(), size() + texts.size() < 2^31 - 1.
  void AddAll(std::span<const std::string_view> texts, std::span<std::int32_t> ids);
  // All numbers, in bytewise order of their texts.
  [[nodiscard]] std::vector<std::int32_t> InOrder() const;

 private:
  // What tells texts apart before they are looked at: those of at most eight bytes are their own key, so that the text
  // need not be read.
  struct Key {
    std::uint64_t word = 0;
    std::uint32_t length = 0;
  };
  struct Slot {
    std::uint64_t word = 0;
    std::uint32_t length = 0;
    std::int32_t id = -1;
  };

  static Key KeyOf(std::string_view text);
  [[nodiscard]] std::size_t FirstSlot(const Key& key) const;
  // Where `text` is, or the free place where it belongs.
  [[nodiscard]] std::size_t SlotOf(std::string_view text, const Key& key) const;
  std::int32_t AddKeyed(std::string_view text, const Key& key);
  void Grow();

  std::string texts_;
  std::vector<std::size_t> starts_{0};
  std::vector<Slot> slots_;  // a power of two, at most two thirds full
};

}  // namespace recforce::data
