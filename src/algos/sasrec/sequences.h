// SPDX-License-Identifier: Apache-2.0
// Sequences of some users laid end to end: no padding is stored, and none is computed on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::algos {

// N positions of U users; user u has positions offsets[u] .. offsets[u + 1].
struct Sequences {
  std::vector<std::int64_t> offsets{0};  // [U + 1]
  std::vector<std::int32_t> inputs;      // [N] items
  std::vector<std::int32_t> targets;     // [N] the item that follows; empty when there is nothing to learn
  std::vector<std::uint32_t> users;      // [U] rows of the training matrix: names of random streams
  // Sampled items that are not the answer; K a user (shared by its positions) or K a position. -1: none was found.
  std::vector<std::int32_t> negatives;
  std::int64_t negatives_each = 0;  // K

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  [[nodiscard]] std::int64_t positions() const { return offsets.back(); }
  [[nodiscard]] std::int64_t begin(std::int64_t user) const { return offsets[static_cast<std::size_t>(user)]; }
  [[nodiscard]] std::int64_t length(std::int64_t user) const {
    return offsets[static_cast<std::size_t>(user) + 1] - offsets[static_cast<std::size_t>(user)];
  }
  // The last `max_length` events.
  void AddInput(std::span<const std::int32_t> events, std::int64_t max_length);
  // The last `max_length` pairs of an event and the one that follows.
  void AddPairs(std::span<const std::int32_t> events, std::int64_t max_length, std::uint32_t user);
};

// Pairs that AddPairs would add.
std::int64_t PairsOf(std::span<const std::int32_t> events, std::int64_t max_length);

enum class SasrecLoss { kFullCrossEntropy, kSampledCrossEntropy, kBinaryCrossEntropy };

// Draws negatives uniformly, from the stream (seed, kNegatives, epoch, user): `each` a user for sampled cross-entropy,
// whatever they are; `each` a position for binary cross-entropy, none of them among the user's `events`.
void DrawNegatives(Sequences& sequences, SasrecLoss loss, std::int64_t each, std::int64_t num_items,
                   data::CsrView events, std::uint64_t seed, std::uint64_t epoch);

// What dropout keeps: bytes 0 or 1.
struct KeepMasks {
  double keep = 1.0;                // probability
  std::vector<std::uint8_t> input;  // [N, D]
  struct Block {
    std::vector<std::uint8_t> weights;  // of each user [heads, L, L], lower triangles
    std::vector<std::uint8_t> mixed;    // [N, D] output of the attention
    std::vector<std::uint8_t> fed;      // [N, D] output of the feed-forward layers
  };
  std::vector<Block> blocks;
};

struct MaskShape {
  std::int64_t hidden, blocks, heads;
};

// Masks of every user from the stream (seed, kDropout, epoch, user): they do not depend on who shares the batch.
void DrawMasks(const Sequences& sequences, MaskShape shape, double keep, std::uint64_t seed, std::uint64_t epoch,
               KeepMasks& masks);

}  // namespace recforce::algos
