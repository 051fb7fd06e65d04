// SPDX-License-Identifier: Apache-2.0
// What SASRec learns from: the item that follows each position, against the whole catalogue or against sampled items.
// On the calling thread, one block of positions at a time: never more than a block's scores exist.
#pragma once

#include <cstdint>
#include <vector>

#include "algos/sasrec/sequences.h"

namespace recforce::algos {

// Keeps its memory between calls. T: float, or double for gradient checks.
template <class T>
class NextItemLoss {
 public:
  explicit NextItemLoss(SasrecLoss kind) : kind_(kind) {}

  // Returns the sum over positions of the loss. d_hidden := gradient of weight times that sum by hidden; d_items gains
  // the gradient by items. hidden: [N, D], items: [I, D]. The losses, for scores s = hidden items':
  //   full cross-entropy     -log softmax(s)[target]
  //   sampled cross-entropy  the same over the target and the user's negatives; those that equal the target are
  //                          left out
  //   binary cross-entropy   -log sigmoid(s[target]) - mean over the position's negatives of log sigmoid(-s)
  double Backward(const Sequences& sequences, const T* hidden, const T* items, std::int64_t num_items,
                  std::int64_t width, T weight, T* d_hidden, T* d_items);

 private:
  struct Problem {
    const Sequences& sequences;
    const T* hidden;
    const T* items;
    std::int64_t num_items, width;
    T weight;
    T* d_hidden;
    T* d_items;
  };
  double Full(const Problem& problem);
  double Sampled(const Problem& problem);
  static double Binary(const Problem& problem);

  SasrecLoss kind_;
  std::vector<T> scores_, scaled_, rows_, row_gradient_;
};

}  // namespace recforce::algos
