// SPDX-License-Identifier: Apache-2.0
// Minibatches of sparse user rows, with the random mask that hides part of each row from the encoder.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "recforce/data/csr.h"

namespace recforce::nn {

// The same non-zeros by item: entry e of touched item t lies in row rows[e], offsets[t] <= e < offsets[t + 1].
// Rows of an item ascend, so sums over them do not depend on threads.
struct ItemMajor {
  std::vector<std::int32_t> items;    // touched items, ascending
  std::vector<std::int64_t> offsets;  // [touched + 1]
  std::vector<std::int32_t> rows;     // [nnz]
};

// Users of one step. x: [B, I] binary rows; b: the mask. H1 = x b is what the encoder sees, H0 = x (1 - b).
struct RowBatch {
  data::Csr full;            // x
  data::Csr seen;            // H1
  data::Csr unseen;          // H0
  std::vector<float> scale;  // [B] 1 / (|x|_2 q), q: the row's keep; the value of each seen entry (RaCT spec, 1.2)
  ItemMajor seen_by_item;
  std::vector<std::uint32_t> ids;  // row numbers in the training matrix: names of random streams
  [[nodiscard]] std::int64_t rows() const { return full.rows(); }
};

// Which items a row shows: each item is kept with the same probability, from the stream (seed, kDropout, epoch, row).
// It is `keep` or, where keep_most is above it, the first number of that stream, even in [keep, keep_most]. 1 shows
// all.
struct MaskOptions {
  double keep = 0.5;  // above 0
  std::uint64_t seed = 1;
  std::uint64_t epoch = 0;
  double keep_most = 0.0;  // not above keep: all rows keep the same share
};

// Rows `order` of `rows`. Empty rows are allowed; their scale is 0.
RowBatch MakeRowBatch(data::CsrView rows, std::span<const std::int32_t> order, const MaskOptions& mask,
                      std::int64_t num_items);

// Non-zeros by item. O(nnz + num_items).
ItemMajor ByItem(data::CsrView rows, std::int64_t num_items);

// 0 .. rows - 1 shuffled by (seed, kShuffle, epoch).
std::vector<std::int32_t> EpochOrder(std::int64_t rows, std::uint64_t seed, std::uint64_t epoch);

// out: [B, latent] standard normal numbers; row u from the stream (seed, kLatent, epoch, ids[u]).
void FillLatentNoise(std::span<const std::uint32_t> ids, std::uint64_t seed, std::uint64_t epoch, std::int64_t latent,
                     std::span<float> out);

}  // namespace recforce::nn
