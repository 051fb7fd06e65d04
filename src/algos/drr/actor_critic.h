// SPDX-License-Identifier: Apache-2.0
// Losses of agents that act by a vector: DDPG (Lillicrap et al., ICLR 2016), TD3 (Fujimoto et al., ICML 2018), SAC
// (Haarnoja et al., 2018) and Wolpertinger (Dulac-Arnold et al., 2015). Forward and backward by hand, on the calling
// thread. T: float or double.
//   y   = clamp(r + discount clamp(V(s')))
//         DDPG  V = Q'(s', pi'(s'))                       TD3  V = min_j Q_j'(s', pi'(s') + clipped noise)
//         SAC   V = min_j Q_j'(s', a') - alpha log pi(a') Wolpertinger  V = max over the items nearest to pi'(s') of Q'
//   L_Q = mean of w (Q_j(s, x) - y)^2, x: what was shown
//   L_pi = - mean of Q_1(s, pi(s)), of SAC alpha log pi(a) - min_j Q_j(s, a)
// SAC draws within a box, by tanh; with output=unit its actions are the directions of what it draws, as critics that
// were shown directions alone say anything of other lengths. log pi is that of the draw. Shapes: R rows, S, D: see
// agent.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "algos/drr/agent.h"

namespace recforce::algos {

struct ActorCriticOptions {
  AgentShape shape;
  StateGradient state_gradient = StateGradient::kCritic;
  double least = -std::numeric_limits<double>::infinity();  // of y
  double most = std::numeric_limits<double>::infinity();
  double noise_clip = 0.5;  // of TD3's noise, which is drawn outside
  double q_weight = 1.0;    // of Q in L_pi
  bool slope = true;        // false: L_pi has no Q(s, pi(s)), see ItemsLoss
};

// The numbers of one side, learning or target.
template <class T>
struct AgentSide {
  const T* state;
  const T* actor;
  const T* critic;
};

// Where gradients are added; those of rows are overwritten. Null: not asked for.
template <class T>
struct AgentGradient {
  T* state = nullptr;
  T* actor = nullptr;
  T* critic = nullptr;
  T* users = nullptr;  // [R, D]
  T* items = nullptr;  // [R, N, D]
};

template <class T>
struct AgentRows {
  StateRows<T> before, after;
  const T* taken;     // [R, D] x
  const T* reward;    // [R]
  const T* discount;  // [R]
  const T* weight;    // [R]
};

// Sums over rows, for the log.
struct AgentTotals {
  double loss = 0.0;  // w (Q - y)^2
  double q = 0.0;     // of x
  double most_q = -std::numeric_limits<double>::infinity();
  double policy_q = 0.0;  // of pi(s)
  double log_pi = 0.0;    // of SAC
  double action_norm = 0.0;
  double other = 0.0;  // the ranking loss, that of BCQ's autoencoder, what CQL adds, or what clones the log

  void Add(const AgentTotals& more) {
    loss += more.loss;
    q += more.q;
    most_q = std::max(most_q, more.most_q);
    policy_q += more.policy_q;
    log_pi += more.log_pi;
    action_norm += more.action_norm;
    other += more.other;
  }
};

template <class T>
class ActorCritic {
 public:
  explicit ActorCritic(const ActorCriticOptions& options);

  [[nodiscard]] const ActorLayout& actor() const { return actor_; }
  [[nodiscard]] const CriticLayout& critic() const { return critic_; }

  // What is done in states [R, S] of users [R, D]. out: [R, D]. noise: [R, D] added to actions, of SAC standard normal;
  // null: none.
  void Act(const T* actor, const T* states, const T* users, std::int64_t rows, const T* noise, T* out);
  // V of the best items near to actions [R, D] in states [R, S]. out: [R].
  using Nearest = std::function<void(const T* states, const T* actions, std::int64_t rows, T* out)>;
  // y: [R]. noise: [R, D] standard normal, scaled for TD3; null for others. alpha: of SAC. nearest: of Wolpertinger.
  void Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows, const T* noise,
               T alpha, const Nearest& nearest, T* y);
  // Adds to d_actions [R, D] the gradient of another loss of the actor's actions [R, D] in states [R, S].
  using OtherLoss = std::function<void(const T* states, const T* actions, std::int64_t rows, T* d_actions)>;
  // Gradients of L_Q and, if `moves_actor`, of L_pi, over `batch` rows of which these are some. deltas: [R] := Q_1(s,
  // x) - y, of twins the one that is farther from 0.
  void Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, std::int64_t batch,
                 bool moves_actor, const T* noise, T alpha, const OtherLoss& other, const AgentGradient<T>& gradient,
                 T* deltas, AgentTotals& totals);
  // What stands in place of the slope of Q at an action that is no item: the action is taken for the logits
  // c <a, e_i> of a policy over K items, and - weight sum_i p_i Q_1(s, x_i) falls, where p is their softmax and Q_1 is
  // cut to what rewards allow: who overshoots most is not the best item.
  // raw: [K, D] e, unit: [K, D] x. Adds `scale` times the gradient to d_actions [R, D]; returns the sum of sum_i p_i
  // Q_i.
  double ItemsLoss(const T* critic, const T* states, const T* actions, std::int64_t rows, const T* raw, const T* unit,
                   std::int64_t items, T c, T scale, T* d_actions);
  // Q of network `number` for actions [R, D] in states [R, S]. out: [R].
  void Values(const T* critic, std::size_t number, const T* states, const T* actions, std::int64_t rows, T* out);

 private:
  // Adds noise to actions and brings them back to where actions are.
  void Disturb(const T* noise, std::int64_t rows, T* actions) const;
  const T* Join(const T* states, const T* actions, std::int64_t rows);
  // Q_1 of every item in every state. out: [R, K].
  void PairValues(const T* critic, const T* states, std::int64_t rows, const T* unit, std::int64_t items, T* out);
  void Form(const T* raw, const T* noise, std::int64_t rows, T* out, T* log_pi);
  // d_raw := gradient by what Form was given; d: [R, D] by its `out`. alpha: 0 unless log_pi is part of the loss.
  void FormBackward(const T* raw, const T* out, const T* noise, T alpha, T scale, std::int64_t rows, const T* d,
                    T* d_raw);
  void CriticLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, T scale,
                  const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals);
  // Adds the gradient of - q_weight Q(s, a) to d_actions_ and, if asked for, to d_states_.
  void SlopeLoss(const AgentSide<T>& learning, std::int64_t count, T scale, bool to_state, AgentTotals& totals);
  void ActorLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, T scale, const T* noise, T alpha,
                 const OtherLoss& other, const AgentGradient<T>& gradient, AgentTotals& totals);

  ActorCriticOptions options_;
  ActorLayout actor_;
  CriticLayout critic_;
  StatePass<T> state_;
  ActorPass<T> policy_;
  std::vector<MlpPass<T>> values_;
  std::vector<T> states_, d_states_, joined_, d_joined_, actions_, d_actions_, d_raw_, log_pi_, d_q_, q_, squashed_;
  std::vector<T> of_states_, of_items_, pair_, deeper_, pairs_, logits_;  // of ItemsLoss
};

// log of the density of tanh(x), x = mean + exp(log_deviation) noise, of one coordinate.
template <class T>
T LogSquashedNormal(T x, T log_deviation, T noise);

inline constexpr double kLeastLogDeviation = -5.0;  // of SAC
inline constexpr double kMostLogDeviation = 2.0;

extern template class ActorCritic<float>;
extern template class ActorCritic<double>;

}  // namespace recforce::algos
