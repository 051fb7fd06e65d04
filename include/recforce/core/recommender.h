// SPDX-License-Identifier: Apache-2.0
// A trained model as everyone outside `algos` sees it: plain numbers, no tensors.
#pragma once

#include <cstdint>

#include "recforce/base/matrix_view.h"
#include "recforce/data/csr.h"

namespace recforce::core {

// What is known of some users. Sequence and slate models will read further members.
struct UserBatch {
  data::CsrView history;  // [B] rows over the catalogue, time order
  [[nodiscard]] std::int64_t size() const { return history.rows(); }
};

// Scores items for users. Implementations are immutable and safe to call from several threads, and a user's
// scores do not depend on who else is in the batch beyond the rounding of BLAS.
class Recommender {
 public:
  virtual ~Recommender() = default;
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;
  // out: [B, NumItems()], higher is better, all finite. Seen items are scored too: masking is the caller's.
  // The caller owns `out`. REQUIRES: every history item in [0, NumItems()).
  virtual void ScoreBatch(const UserBatch& users, base::MatrixView<float> out) const = 0;
};

}  // namespace recforce::core
