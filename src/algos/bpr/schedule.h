// SPDX-License-Identifier: Apache-2.0
// Which interactions may be learnt from at the same time (after Gemulla, Nijkamp, Haas, Sismanis, KDD 2011). Users and
// items are dealt into B blocks each, anew every epoch; round s pairs user block b with item block (b + s) mod B. The B
// cells of a round share no user and no item, so they may run side by side without a race, and what each computes does
// not depend on who runs it.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::algos {

struct Interaction {
  std::int32_t user;
  std::int32_t item;
};

// The cells of one epoch.
class Schedule {
 public:
  // B depends on the shape alone: at most 16 blocks, and at least 32 items a block.
  static std::int64_t BlocksFor(std::int64_t num_items);

  Schedule(data::CsrView rows, std::int64_t num_items, std::uint64_t seed, std::int64_t epoch);

  [[nodiscard]] std::int64_t blocks() const { return blocks_; }
  // Interactions of user block b with the item block that round `round` pairs it with, by user and time.
  [[nodiscard]] std::span<const Interaction> Cell(std::int64_t round, std::int64_t user_block) const;
  // Items of that item block.
  [[nodiscard]] std::span<const std::int32_t> Items(std::int64_t round, std::int64_t user_block) const;
  // The number of a cell, for naming random streams.
  [[nodiscard]] std::uint32_t CellNumber(std::int64_t round, std::int64_t user_block) const {
    return static_cast<std::uint32_t>(user_block * blocks_ + ItemBlock(round, user_block));
  }

 private:
  [[nodiscard]] std::int64_t ItemBlock(std::int64_t round, std::int64_t user_block) const {
    return (user_block + round) % blocks_;
  }
  std::int64_t blocks_;
  std::vector<std::int64_t> cell_offsets_;  // [B B + 1], cell (user block, item block) row-major
  std::vector<Interaction> interactions_;   // [nnz]
  std::vector<std::int64_t> item_offsets_;  // [B + 1]
  std::vector<std::int32_t> items_;         // [I], block after block
};

}  // namespace recforce::algos
