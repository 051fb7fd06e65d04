// SPDX-License-Identifier: Apache-2.0
// Batch-constrained Q learning for actions that are vectors (Fujimoto, Meger, Precup, ICML 2019): a variational
// autoencoder proposes actions like those of the log, a second network moves them a little to where Q is larger.
//   G(s): z ~ N(0, 1) clipped to +-0.5, decoded;  a = G(s) + reach tanh(xi(s, G(s)))
//   y = r + discount max over samples of (least min_j Q_j'(s', a) + (1 - least) max_j Q_j'(s', a))
//   L_G = mean (decoded - x)^2 + KL / 2,  L_xi = - mean Q_1(s, a)
// On the calling thread. T: float or double. Shapes: R rows, S, D: see agent.h; Z = 2 D.
#pragma once

#include <vector>

#include "algos/drr/actor_critic.h"

namespace recforce::algos {

struct BcqOptions {
  ActorCriticOptions base;
  double reach = 0.05;
  std::int64_t samples = 10;
  double least = 0.75;
};

// The networks that act, as one vector.
struct BcqLayout {
  explicit BcqLayout(const AgentShape& shape);
  std::int64_t latent;  // Z
  Mlp encoder;          // [S + D] to the means and the logarithms of the deviations of Z
  Mlp decoder;          // [S + Z] to D
  Mlp reach;            // xi, [S + D] to D
  std::int64_t size = 0;
  std::vector<nn::FlatMatrix> matrices;
};

template <class T>
class Bcq {
 public:
  explicit Bcq(const BcqOptions& options);

  [[nodiscard]] const BcqLayout& layout() const { return layout_; }
  [[nodiscard]] const CriticLayout& critic() const { return losses_.critic(); }

  // The best of several samples by Q_1. noise: [samples, Z] standard normal, the same for every row. out: [R, D].
  void Act(const AgentSide<T>& side, const T* states, std::int64_t rows, const T* noise, T* out);
  // y: [R]. noise: [R, samples, Z].
  void Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows, const T* noise,
               T* y);
  // As ActorCritic::Gradients; states are trained by the critic alone. noise: [R, 2 Z], for the autoencoder and for xi.
  void Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, std::int64_t batch, const T* noise,
                 const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals);

 private:
  // out: [rows, D] decoded from z [rows, Z] in states [rows, S].
  const T* Decode(const T* actor, const T* states, const T* z, std::int64_t rows);
  // actions: [rows, D], moved where they lie.
  void Move(const T* actor, const T* states, std::int64_t rows, T* actions);
  const T* Join(const T* states, const T* right, std::int64_t width, std::int64_t rows, std::vector<T>& to) const;
  double AutoencoderLoss(const T* actor, const AgentRows<T>& rows, T scale, const T* noise, T* gradient);
  double ReachLoss(const AgentSide<T>& learning, std::int64_t count, T scale, const T* noise, T* gradient);
  // The proposals of `count` rows, `samples` each: states_ repeated in repeated_, actions in proposed_.
  void Propose(const T* decoder, const T* reach, const T* states, std::int64_t count, const T* z);

  BcqOptions options_;
  BcqLayout layout_;
  ActorCritic<T> losses_;
  StatePass<T> state_;
  MlpPass<T> encoder_, decoder_, reach_, value_;
  std::vector<T> states_, repeated_, proposed_, joined_, decoder_in_, reach_in_, z_, q1_, q2_, d_out_, d_in_, d_code_;
};

extern template class Bcq<float>;
extern template class Bcq<double>;

}  // namespace recforce::algos
