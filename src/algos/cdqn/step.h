// SPDX-License-Identifier: Apache-2.0
// The gradient of one update. On the CPU a batch is cut into shards of rows, each with a gradient of its own, added in
// order: any number of threads gives the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "algos/cdqn/networks.h"
#include "algos/cdqn/pass.h"
#include "recforce/base/idle_list.h"

namespace recforce::algos {

enum class CdqnLoss : std::uint8_t { kSquared, kHuber };

class CdqnStep {
 public:
  // summed: the Q of a slate is the sum over its slots, and has one target. aten: by autograd, as on other devices than
  // the CPU, where there is no choice.
  CdqnStep(CdqnLoss loss, bool summed, bool aten = false) : loss_(loss), summed_(summed), aten_(aten) {}

  // targets: [S, B], or [1, B] when summed. Returns the mean over rows of the sum over slots of the loss, and leaves
  // its gradient, with a norm of at most `clip` (0: any), in gradient().
  double Run(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets, double clip);
  [[nodiscard]] const torch::Tensor& gradient() const { return gradient_; }

 private:
  double ByLoops(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets);
  double ByAten(const CdqnParams& params, const CdqnRows& rows, std::span<const float> targets);
  // The loss of rows [begin, end) of a batch, whose slope goes to dq [S, end - begin].
  double Slope(const float* q, const CdqnRows& rows, std::int64_t begin, std::int64_t end,
               std::span<const float> targets, float* dq) const;
  void Clip(double clip);

  struct Worker {
    CdqnPass<float> pass;
    std::vector<float> dq;
  };
  CdqnLoss loss_;
  bool summed_;
  bool aten_;
  torch::Tensor gradient_;       // as the parameters
  std::vector<float> partial_;   // [shards, layers]
  std::vector<float> d_states_;  // [B, n D]
  std::vector<float> d_items_;   // [B, S, D]
  base::IdleList<Worker> workers_;
};

}  // namespace recforce::algos
