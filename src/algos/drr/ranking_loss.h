// SPDX-License-Identifier: Apache-2.0
// A supervised loss beside those of reinforcement learning (as in Xin et al., SIGIR 2020, there next to a Q head): the
// item that was liked should win against items drawn at random.
//   L = - log ( exp(c <a, e_l>) / (exp(c <a, e_l>) + sum over negatives n of exp(c <a, e_n>)) )
#pragma once

#include <cstdint>
#include <span>

#include "algos/drr/item_vectors.h"

namespace recforce::algos {

struct RankingLoss {
  double weight = 0.0;
  double scale = 10.0;  // c

  // d_actions [R, D] += weight / batch times the gradient, of rows whose liked item [R] is not -1. d_liked: [R, D]
  // := the gradient by e_l, d_negatives: [negatives, D] += that by e_n; both may be null. Returns the sum of L.
  double AddGradient(const ItemVectors& vectors, std::span<const std::int32_t> liked,
                     std::span<const std::int32_t> negatives, std::int64_t batch, const float* actions,
                     float* d_actions, float* d_liked, float* d_negatives) const;
};

}  // namespace recforce::algos
