// SPDX-License-Identifier: Apache-2.0
#include "algos/bpr/schedule.h"

#include <algorithm>
#include <numeric>

#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kMostBlocks = 16;
constexpr std::int64_t kLeastItems = 32;  // in a block: negatives come from the block of the positive
constexpr std::uint32_t kUserStream = 0;
constexpr std::uint32_t kItemStream = 1;

// 0 .. count - 1 in random order. Position p belongs to block p B / count.
std::vector<std::int32_t> Deal(std::int64_t count, std::uint64_t seed, std::int64_t epoch, std::uint32_t stream) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  base::Rng rng(seed, base::Stream::kShuffle, static_cast<std::uint64_t>(epoch), stream);
  rng.Shuffle(std::span(order));
  return order;
}

std::vector<std::int32_t> BlockOf(std::span<const std::int32_t> order, std::int64_t blocks) {
  std::vector<std::int32_t> block(order.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    block[static_cast<std::size_t>(order[at])] =
        static_cast<std::int32_t>(static_cast<std::int64_t>(at) * blocks / static_cast<std::int64_t>(order.size()));
  }
  return block;
}

}  // namespace

std::int64_t Schedule::BlocksFor(std::int64_t num_items) {
  return std::clamp(num_items / kLeastItems, std::int64_t{1}, kMostBlocks);
}

Schedule::Schedule(data::CsrView rows, std::int64_t num_items, std::uint64_t seed, std::int64_t epoch)
    : blocks_(BlocksFor(num_items)),
      cell_offsets_(static_cast<std::size_t>(blocks_ * blocks_) + 1, 0),
      interactions_(static_cast<std::size_t>(rows.nnz())),
      item_offsets_(static_cast<std::size_t>(blocks_) + 1, 0),
      items_(Deal(num_items, seed, epoch, kItemStream)) {
  const std::vector<std::int32_t> item_block = BlockOf(items_, blocks_);
  for (const std::int32_t block : item_block) {
    ++item_offsets_[static_cast<std::size_t>(block) + 1];
  }
  std::partial_sum(item_offsets_.begin(), item_offsets_.end(), item_offsets_.begin());
  const std::vector<std::int32_t> user_block = BlockOf(Deal(rows.rows(), seed, epoch, kUserStream), blocks_);
  const auto for_each = [&](auto&& body) {
    for (std::int64_t user = 0; user < rows.rows(); ++user) {
      const std::int64_t first = user_block[static_cast<std::size_t>(user)] * blocks_;
      for (const std::int32_t item : rows.row(user)) {
        body(static_cast<std::size_t>(first + item_block[static_cast<std::size_t>(item)]),
             Interaction{static_cast<std::int32_t>(user), item});
      }
    }
  };
  for_each([&](std::size_t cell, Interaction) { ++cell_offsets_[cell + 1]; });
  std::partial_sum(cell_offsets_.begin(), cell_offsets_.end(), cell_offsets_.begin());
  std::vector<std::int64_t> next(cell_offsets_.begin(), cell_offsets_.end() - 1);
  for_each([&](std::size_t cell, Interaction interaction) {
    interactions_[static_cast<std::size_t>(next[cell]++)] = interaction;
  });
}

std::span<const Interaction> Schedule::Cell(std::int64_t round, std::int64_t user_block) const {
  const std::size_t cell = CellNumber(round, user_block);
  const auto begin = static_cast<std::size_t>(cell_offsets_[cell]);
  return std::span(interactions_).subspan(begin, static_cast<std::size_t>(cell_offsets_[cell + 1]) - begin);
}

std::span<const std::int32_t> Schedule::Items(std::int64_t round, std::int64_t user_block) const {
  const auto block = static_cast<std::size_t>(ItemBlock(round, user_block));
  const auto begin = static_cast<std::size_t>(item_offsets_[block]);
  return std::span(items_).subspan(begin, static_cast<std::size_t>(item_offsets_[block + 1]) - begin);
}

}  // namespace recforce::algos
