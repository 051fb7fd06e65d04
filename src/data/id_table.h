// SPDX-License-Identifier: Apache-2.0
// Text ids to numbers in order of first appearance. All texts lie in one block, so adding an id that is known
// allocates nothing. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace recforce::data {

class IdTable {
 public:
  IdTable() : slots_(std::size_t{1} << 10) {}

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(starts_.size() - 1); }
  [[nodiscard]] std::string_view operator[](std::int32_t id) const {
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(texts_).substr(starts_[i], starts_[i + 1] - starts_[i]);
  }
  [[nodiscard]] std::optional<std::int32_t> Find(std::string_view text) const {
    const Slot& slot = slots_[SlotOf(text, Hash(text))];
    return slot.id < 0 ? std::nullopt : std::optional(slot.id);
  }
  // The number of `text`, a new one when it was not seen before. REQUIRES: size() < 2^31 - 1.
  std::int32_t Add(std::string_view text) {
    const std::uint32_t hash = Hash(text);
    Slot& slot = slots_[SlotOf(text, hash)];
    if (slot.id >= 0) {
      return slot.id;
    }
    const std::int32_t id = size();
    slot = {hash, id};
    texts_ += text;
    starts_.push_back(texts_.size());
    if (starts_.size() * 2 > slots_.size()) {
      Grow();
    }
    return id;
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t id = -1;
  };

  static std::uint32_t Hash(std::string_view text) {
    return static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
  }
  // Where `text` is, or the free place where it belongs.
  [[nodiscard]] std::size_t SlotOf(std::string_view text, std::uint32_t hash) const {
    std::size_t slot = hash & (slots_.size() - 1);
    while (slots_[slot].id >= 0 && (slots_[slot].hash != hash || (*this)[slots_[slot].id] != text)) {
      slot = (slot + 1) & (slots_.size() - 1);
    }
    return slot;
  }
  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& moved : old) {
      if (moved.id >= 0) {
        std::size_t slot = moved.hash & (slots_.size() - 1);
        while (slots_[slot].id >= 0) {
          slot = (slot + 1) & (slots_.size() - 1);
        }
        slots_[slot] = moved;
      }
    }
  }

  std::string texts_;
  std::vector<std::size_t> starts_{0};
  std::vector<Slot> slots_;  // a power of two, at most half full
};

}  // namespace recforce::data
