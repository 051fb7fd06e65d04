// SPDX-License-Identifier: Apache-2.0
// Open addressing, linear probing. Slots hold the key beside the number, four to a cache line.
#include "data/id_table.h"

#define XXH_INLINE_ALL  // NOLINT(readability-identifier-naming): the name is xxhash's
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace recforce::data {
namespace {

// The first eight bytes as a number that compares like the text; shorter texts come first.
std::uint64_t Prefix(std::string_view text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data(), std::min(text.size(), sizeof(word)));
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

}  // namespace

IdTable::IdTable() : slots_(std::size_t{1} << 10) {}

IdTable::Key IdTable::KeyOf(std::string_view text) {
  const std::size_t length = text.size();
  std::uint64_t word = 0;
  if (length > sizeof(word)) {
    word = XXH3_64bits(text.data(), length);
  } else if (length >= sizeof(std::uint32_t)) {  // two halves that overlap in the same bytes
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, text.data(), sizeof(low));
    std::memcpy(&high, text.data() + length - sizeof(high), sizeof(high));
    word = low | static_cast<std::uint64_t>(high) << (8 * (length - sizeof(high)));
  } else {
    for (std::size_t i = 0; i < length; ++i) {
      word |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i])) << (8 * i);
    }
  }
  return {word, static_cast<std::uint32_t>(length)};
}

std::size_t IdTable::FirstSlot(const Key& key) const {
  const std::uint64_t mixed = (key.word ^ key.length) * 0x9E3779B97F4A7C15U;  // 2^64 over the golden ratio, odd
  return static_cast<std::size_t>((mixed ^ mixed >> 32U) & (slots_.size() - 1));
}

std::size_t IdTable::SlotOf(std::string_view text, const Key& key) const {
  const auto is_other = [&](const Slot& slot) {
    return slot.word != key.word || slot.length != key.length ||
           (text.size() > sizeof(key.word) && (*this)[slot.id] != text);
  };
  std::size_t slot = FirstSlot(key);
  while (slots_[slot].id >= 0 && is_other(slots_[slot])) {
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

std::optional<std::int32_t> IdTable::Find(std::string_view text) const {
  const Slot& slot = slots_[SlotOf(text, KeyOf(text))];
  return slot.id < 0 ? std::nullopt : std::optional(slot.id);
}

std::int32_t IdTable::Add(std::string_view text) { return AddKeyed(text, KeyOf(text)); }

std::int32_t IdTable::AddKeyed(std::string_view text, const Key& key) {
  Slot& slot = slots_[SlotOf(text, key)];
  if (slot.id >= 0) {
    return slot.id;
  }
  const std::int32_t id = size();
  slot = {key.word, key.length, id};
  texts_ += text;
  starts_.push_back(texts_.size());
  if (starts_.size() * 3 > slots_.size() * 2) {
    Grow();
  }
  return id;
}

void IdTable::AddAll(std::span<const std::string_view> texts, std::span<std::int32_t> ids) {
  constexpr std::size_t kTogether = 32;
  std::array<Key, kTogether> keys{};
  for (std::size_t begin = 0; begin < texts.size(); begin += kTogether) {
    const std::size_t count = std::min(kTogether, texts.size() - begin);
    for (std::size_t i = 0; i < count; ++i) {
      keys[i] = KeyOf(texts[begin + i]);
      __builtin_prefetch(&slots_[FirstSlot(keys[i])]);
    }
    for (std::size_t i = 0; i < count; ++i) {
      ids[begin + i] = AddKeyed(texts[begin + i], keys[i]);
    }
  }
}

std::vector<std::int32_t> IdTable::InOrder() const {
  std::vector<std::pair<std::uint64_t, std::int32_t>> order;
  order.reserve(starts_.size());
  for (std::int32_t id = 0; id < size(); ++id) {
    order.emplace_back(Prefix((*this)[id]), id);
  }
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : (*this)[a.second] < (*this)[b.second];
  });
  std::vector<std::int32_t> ids;
  ids.reserve(order.size());
  for (const auto& [prefix, id] : order) {
    ids.push_back(id);
  }
  return ids;
}

void IdTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& moved : old) {
    if (moved.id >= 0) {
      std::size_t slot = FirstSlot({moved.word, moved.length});
      while (slots_[slot].id >= 0) {
        slot = (slot + 1) & (slots_.size() - 1);
      }
      slots_[slot] = moved;
    }
  }
}

}  // namespace recforce::data
