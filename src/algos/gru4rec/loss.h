// SPDX-License-Identifier: Apache-2.0
// Losses of the next item against a set of columns that all lanes share: the targets of the batch, then sampled items.
// The target of lane b stands in column b; every other column is a negative of it. Shapes: B lanes, C >= B columns.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace recforce::algos {

enum class SessionLossKind { kCrossEntropy, kBpr, kTop1, kBprMax, kTop1Max };
SessionLossKind ParseSessionLoss(const std::string& name);

struct SessionLoss {
  SessionLossKind kind = SessionLossKind::kCrossEntropy;
  double bpreg = 1.0;      // kBprMax: weight of the negatives' squared scores
  double elu = 0.0;        // scores pass through elu of this size; 0: as they are. Not with cross-entropy
  bool mask_hits = false;  // columns that hold the target again are no negatives of it
};

// One lane. scores: [C] of this lane, overwritten by `weight` times the gradient of its loss. columns: [C] items.
// shift: [C] added to scores first, or empty (cross-entropy: minus the logarithm of how often a column is expected).
// Returns the loss. For scores r, target i, and negatives j with s = softmax over the negatives alone, f the logistic
// function (Hidasi and Karatzoglou 2018, section 3):
//   cross-entropy  -log softmax(r)_i
//   bpr            -mean_j log f(r_i - r_j)
//   top1           mean_j f(r_j - r_i) + f(r_j^2)
//   bpr-max        -log sum_j s_j f(r_i - r_j) + bpreg sum_j s_j r_j^2
//   top1-max       sum_j s_j (f(r_j - r_i) + f(r_j^2))
// T: float, or double for gradient checks.
template <class T>
double SessionLossRow(const SessionLoss& loss, std::span<const std::int32_t> columns, std::span<const T> shift,
                      std::int64_t target, T weight, T* scores);

}  // namespace recforce::algos
