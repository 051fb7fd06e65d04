// SPDX-License-Identifier: Apache-2.0
// A trained model as everyone outside `algos` sees it: plain numbers, no tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "recforce/base/matrix_view.h"
#include "recforce/core/choice.h"
#include "recforce/data/csr.h"

namespace recforce::core {

// What is known of some users.
struct UserBatch {
  data::CsrView history;                    // [B] rows over the catalogue, time order, items distinct
  data::CsrView sequence = {};              // [B] the same with repeated items; no rows: nothing is repeated
  std::span<const std::int32_t> rows = {};  // [B] the user's row in training, -1 for a stranger; empty: all strangers
  // [B] what is known of the requests, numbered as in training (TrainView::contexts), -1: nothing; empty: of none.
  std::span<const std::int32_t> contexts = {};

  [[nodiscard]] std::int64_t size() const { return history.rows(); }
  // What a sequence model reads.
  [[nodiscard]] const data::CsrView& events() const { return sequence.rows() == 0 ? history : sequence; }
  [[nodiscard]] std::int32_t TrainRow(std::int64_t user) const {
    return rows.empty() ? -1 : rows[static_cast<std::size_t>(user)];
  }
};

// Scores items for users. Implementations are immutable and safe to call from several threads, and a user's
// scores do not depend on who else is in the batch beyond the rounding of BLAS.
class Recommender {
 public:
  virtual ~Recommender() = default;
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;
  // out: [B, NumItems()], higher is better, all finite. Seen items are scored too: masking is the caller's.
  // The caller owns `out`. REQUIRES: every history item in [0, NumItems()). A model with a vector for each training
  // user scores a stranger by its history (folding in) and says how in its document.
  virtual void ScoreBatch(const UserBatch& users, base::MatrixView<float> out) const = 0;
  // Of user models: how scores, which are utilities then, become clicks.
  [[nodiscard]] virtual std::optional<ChoiceRule> choice() const { return std::nullopt; }
};

}  // namespace recforce::core
