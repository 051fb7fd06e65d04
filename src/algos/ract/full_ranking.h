// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace recforce::algos {

// All items of a row by score, highest first, equal scores by item: a radix sort, which keeps the order of equals.
// Sorts one row after another in the same memory; not thread-safe.
class FullRanking {
 public:
  explicit FullRanking(std::int64_t items)
      : from_(static_cast<std::size_t>(items)), to_(from_.size()), ranking_(from_.size()) {}

  // marks: not 0 for items that are left out. The result is valid until the next call.
  std::span<const std::int32_t> Sort(std::span<const float> scores, std::span<const std::uint8_t> marks) {
    std::array<std::array<std::uint32_t, kDigits>, 3> place{};
    std::size_t size = 0;
    for (std::size_t item = 0; item < scores.size(); ++item) {
      const std::uint32_t key = Key(scores[item]);
      from_[size] = std::uint64_t{key} << 32U | item;
      if (marks[item] == 0) {
        ++size;
        for (std::size_t pass = 0; pass < place.size(); ++pass) {
          ++place[pass][key >> (kBits * pass) & (kDigits - 1)];
        }
      }
    }
    for (std::size_t pass = 0; pass < place.size(); ++pass) {
      std::exclusive_scan(place[pass].begin(), place[pass].end(), place[pass].begin(), std::uint32_t{0});
      for (std::size_t at = 0; at < size; ++at) {
        to_[place[pass][from_[at] >> (32 + kBits * pass) & (kDigits - 1)]++] = from_[at];
      }
      from_.swap(to_);
    }
    for (std::size_t at = 0; at < size; ++at) {
      ranking_[at] = static_cast<std::int32_t>(from_[at] & 0xFFFFFFFFU);
    }
    return std::span(ranking_).first(size);
  }

 private:
  static constexpr std::size_t kBits = 11;
  static constexpr std::size_t kDigits = std::size_t{1} << kBits;

  // Ascends where the score descends.
  static std::uint32_t Key(float score) {
    const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 and 0 are equal
    return bits >> 31U != 0 ? bits : ~bits & 0x7FFFFFFFU;
  }

  std::vector<std::uint64_t> from_, to_;  // [I] key, item
  std::vector<std::int32_t> ranking_;     // [I]
};

}  // namespace recforce::algos
