// SPDX-License-Identifier: Apache-2.0
// The columns that a step scores: the targets of its lanes, then items drawn for all of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/negative_sampler.h"
#include "recforce/data/csr.h"

namespace recforce::algos {

struct ColumnOptions {
  std::int64_t negatives = 2048;  // drawn each step, with replacement
  double exponent = 0.5;          // in proportion to how often an item is a target, to this power; 0: all alike
  double logq = 0.0;              // share of the correction for how often a column is expected
  bool expected_counts = true;    // of that correction: expected numbers of columns; else the counts themselves
};

class Columns {
 public:
  // How often items are targets of `events` decides how often they are drawn; items that never are count once.
  Columns(data::CsrView events, std::int64_t num_items, const ColumnOptions& options);

  // columns := targets, then the draws of step `step` of epoch `epoch`, from the stream (seed, kNegatives).
  void Draw(std::span<const std::int32_t> targets, std::uint64_t seed, std::uint64_t epoch, std::int64_t step,
            std::vector<std::int32_t>& columns) const;
  // shift := what is added to the scores of these columns, -logq times the logarithm of
  //   expected counts: how many of the columns are expected to hold the item: its share of all targets times their
  //     number, and its probability times the number of draws;
  //   counts: how often it is a target; of a drawn column, that to the power of the draws. The two kinds of columns
  //   then
  //     differ by a constant, as in the program of GRU4Rec's authors.
  // Empty without correction.
  void Shift(std::span<const std::int32_t> columns, std::int64_t targets, std::vector<float>& shift) const;

 private:
  ColumnOptions options_;
  std::vector<double> counts_;  // [I] how often an item is a target, at least once
  double total_ = 0.0;          // of all counts
  data::DrawingWeights weights_;
  double total_weight_ = 0.0;
};

}  // namespace recforce::algos
