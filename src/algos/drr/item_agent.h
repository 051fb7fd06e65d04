// SPDX-License-Identifier: Apache-2.0
// Losses of agents that score every item: DQN (Mnih et al., 2015; double: van Hasselt et al., AAAI 2016; dueling: Wang
// et al., ICML 2016), discrete SAC (Christodoulou, 2019), discrete BCQ (Fujimoto et al., 2019), CQL (Kumar et al.,
// NeurIPS 2020) and CRR (Wang et al., NeurIPS 2020). Heads are linear in the items' vectors, so that a state costs one
// matrix product whatever the catalogue. On the calling thread. T: float or double.
//   Q(s, i) = V(s) + f(s) . e_i,  dueling: - mean over legal j of f(s) . e_j;   logits of a policy: h(s) . e_i
//   y = clamp(r + discount clamp(V(s'))), sums over legal items i of s':
//     dqn, cql      V = Q'(s', argmax_i Q''(s', i)), Q'': learning network if double_q, else Q'
//     bcq_discrete  the same over items with G(i|s') / max_j G(j|s') >= threshold
//     sac_discrete  V = sum_i pi(i|s') (min_j Q_j'(s', i) - alpha log pi(i|s'))
//     crr           V = sum_i pi'(i|s') Q'(s', i)
//   L_Q = mean of w (Q(s, x) - y)^2, x the mean of the vectors shown;  cql: + cql_weight (logsumexp_i Q(s, i) - Q(s,
//   x)) L_pi  sac_discrete: sum_i pi(i|s) (alpha log pi(i|s) - min_j Q_j(s, i));  bcq_discrete: - log G(x|s)
//         crr: - w' log pi(x|s), w' = 1[A > 0] or min(exp(A / beta), 20), A = Q(s, x) - sum_i pi(i|s) Q(s, i)
// log pi(x|s) of several items shown is the mean of theirs.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "algos/drr/actor_critic.h"
#include "algos/drr/item_scores.h"

namespace recforce::algos {

struct ItemAgentOptions {
  AgentShape shape;
  StateGradient state_gradient = StateGradient::kCritic;
  double least = -std::numeric_limits<double>::infinity();  // of y
  double most = std::numeric_limits<double>::infinity();
  bool double_q = true;
  bool dueling = false;
  double threshold = 0.3;  // bcq_discrete
  double cql_weight = 1.0;
  bool crr_binary = true;
  double crr_beta = 1.0;
  std::int64_t slate = 1;
};

template <class T>
struct ItemTable {
  const T* vectors;    // [I, D]
  const T* sum;        // [D] of them
  std::int64_t items;  // I
};

template <class T>
class ItemAgent {
 public:
  ItemAgent(const ItemAgentOptions& options, const ItemTable<T>& table);

  [[nodiscard]] bool has_actor() const { return has_actor_; }
  [[nodiscard]] const ActorLayout& actor() const { return actor_; }
  [[nodiscard]] const ActorLayout& critic() const { return critic_; }  // of one network
  [[nodiscard]] std::int64_t critics() const { return static_cast<std::int64_t>(heads_.size()); }

  // out: [R, I] what items are ranked by in states [R, S] of users [R, D].
  void Rank(const AgentSide<T>& side, const T* states, const T* users, std::int64_t rows, T* out);
  // y: [R]. `legal` holds what may be recommended in s' of the rows from number `first` on.
  void Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows,
               const RowItems& legal, std::int64_t first, T alpha, T* y);
  // As ActorCritic::Gradients. rows.taken: [R, D] x. slates: [R, k]. `legal`: in s.
  void Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const std::int32_t* slates,
                 const RowItems& legal, std::int64_t first, const T* y, std::int64_t batch, bool moves_actor, T alpha,
                 const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals);

 private:
  using Scores = ItemScores<T>;
  [[nodiscard]] Scores MakeScores() const { return {table_.vectors, table_.items, options_.shape.dim(), table_.sum}; }
  const T* Head(std::int64_t number, const T* critic, const T* states, const T* users, std::int64_t rows);
  // scores := Q(s, i) of one network.
  void Values(const T* head, const RowItems& legal, std::int64_t first, std::int64_t rows, Scores& scores);
  void CriticLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const RowItems& legal, std::int64_t first,
                  const T* y, T scale, const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals);
  void ActorLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const std::int32_t* slates,
                 const RowItems& legal, std::int64_t first, T scale, T alpha, const AgentGradient<T>& gradient,
                 AgentTotals& totals);
  // Of one row: pi becomes its gradient by the logits.
  void SoftLoss(std::span<T> pi, std::span<const T> q, T alpha, T scale, AgentTotals& totals) const;
  T ClonedLoss(std::span<T> pi, std::int64_t r, const std::int32_t* slate, T weight, const Scores& scores) const;
  [[nodiscard]] T Advantage(const Scores& scores, std::int64_t r, std::span<const T> pi, std::span<const T> q,
                            const std::int32_t* slate) const;
  [[nodiscard]] bool Shown(std::int32_t item, const std::int32_t* slate) const;

  ItemAgentOptions options_;
  ItemTable<T> table_;
  bool has_actor_;
  ActorLayout actor_;
  ActorLayout critic_;
  StatePass<T> state_;
  ActorPass<T> policy_;
  std::vector<ActorPass<T>> heads_;
  Scores logits_, first_q_, second_q_;
  std::vector<T> states_, d_states_, d_head_, d_below_;
};

extern template class ItemAgent<float>;
extern template class ItemAgent<double>;

}  // namespace recforce::algos
