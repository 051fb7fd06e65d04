// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/item_agent.h"

#include <algorithm>
#include <cmath>

#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

constexpr double kMostCrrWeight = 20.0;

bool NeedsActor(AgentKind kind) {
  return kind == AgentKind::kSacDiscrete || kind == AgentKind::kBcqDiscrete || kind == AgentKind::kCrr;
}

// p log p, 0 where p is 0.
template <class T>
T PLogP(T p) {
  return p > T{0} ? p * std::log(p) : T{0};
}

template <class T>
void TakeLeast(std::span<T> a, std::span<const T> b) {
  std::transform(a.begin(), a.end(), b.begin(), a.begin(), [](T x, T y) { return std::min(x, y); });
}

// Sum of p v, where entries of p = 0 count as nothing even beside an infinite v.
template <class T>
T Expected(std::span<const T> p, std::span<const T> v) {
  T sum{0};
  for (std::size_t at = 0; at < p.size(); ++at) {
    sum += p[at] > T{0} ? p[at] * v[at] : T{0};
  }
  return sum;
}

}  // namespace

template <class T>
ItemAgent<T>::ItemAgent(const ItemAgentOptions& options, const ItemTable<T>& table)
    : options_(options),
      table_(table),
      has_actor_(NeedsActor(options.shape.kind)),
      actor_(options.shape, options.shape.dim()),
      critic_(options.shape, options.shape.dim() + 1),
      state_(options.shape.state),
      heads_(options.shape.twins() ? 2 : 1),
      logits_(MakeScores()),
      first_q_(MakeScores()),
      second_q_(MakeScores()) {}

template <class T>
const T* ItemAgent<T>::Head(std::int64_t number, const T* critic, const T* states, const T* users, std::int64_t rows) {
  return heads_[static_cast<std::size_t>(number)].Forward(critic_, critic + number * critic_.size, states, users, rows);
}

template <class T>
void ItemAgent<T>::Values(const T* head, const RowItems& legal, std::int64_t first, std::int64_t rows, Scores& scores) {
  const std::int64_t dim = options_.shape.dim();
  scores.Forward(head, dim + 1, first, rows, legal);
  for (std::int64_t r = 0; r < rows; ++r) {
    T shift = head[r * (dim + 1) + dim];
    const std::span<T> mine = scores.row(r);
    if (options_.dueling && scores.legal(r) > 0) {
      T sum{0};
      for (const T value : mine) {
        sum += std::isfinite(value) ? value : T{0};
      }
      shift -= sum / static_cast<T>(scores.legal(r));
    }
    std::for_each(mine.begin(), mine.end(), [shift](T& value) { value += shift; });
  }
}

template <class T>
void ItemAgent<T>::Rank(const AgentSide<T>& side, const T* states, const T* users, std::int64_t rows, T* out) {
  const AgentKind kind = options_.shape.kind;
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t items = table_.items;
  const bool by_policy = kind == AgentKind::kSacDiscrete || kind == AgentKind::kCrr;
  const T* f =
      by_policy ? policy_.Forward(actor_, side.actor, states, users, rows) : Head(0, side.critic, states, users, rows);
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, items, dim, {f, by_policy ? dim : dim + 1}, {table_.vectors, dim},
           T{0}, {out, items});
  if (kind != AgentKind::kBcqDiscrete) {
    return;
  }
  // Items that the log would hardly show come behind the others.
  const T* g = policy_.Forward(actor_, side.actor, states, users, rows);
  std::vector<T> logits(static_cast<std::size_t>(rows * items));
  nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, items, dim, {g, dim}, {table_.vectors, dim}, T{0},
           {logits.data(), items});
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* mine = logits.data() + r * items;
    T* scores = out + r * items;
    const T least = *std::min_element(scores, scores + items);
    const T likely = *std::max_element(mine, mine + items) + static_cast<T>(std::log(options_.threshold));
    for (std::int64_t item = 0; item < items; ++item) {
      scores[item] = mine[item] >= likely ? scores[item] : least - T{1} + (mine[item] - likely);
    }
  }
}

template <class T>
void ItemAgent<T>::Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows,
                           const RowItems& legal, std::int64_t first, T alpha, T* y) {
  const AgentKind kind = options_.shape.kind;
  const std::int64_t count = rows.after.count;
  T* states = Sized(states_, count * options_.shape.state.size());
  state_.Forward(target.state, rows.after, states);
  Values(Head(0, target.critic, states, rows.after.users, count), legal, first, count, first_q_);
  if (heads_.size() > 1) {
    Values(Head(1, target.critic, states, rows.after.users, count), legal, first, count, second_q_);
  }
  if (has_actor_) {
    // As with SAC there is no target of the policy; CRR has one.
    const T* actor = kind == AgentKind::kCrr ? target.actor : learning.actor;
    logits_.Forward(policy_.Forward(actor_, actor, states, rows.after.users, count), options_.shape.dim(), first, count,
                    legal);
  }
  const bool looks_twice = options_.double_q && !options_.shape.twins() && kind != AgentKind::kCrr;
  if (looks_twice) {
    state_.Forward(learning.state, rows.after, states);
    Values(Head(0, learning.critic, states, rows.after.users, count), legal, first, count, second_q_);
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const std::span<T> q = first_q_.row(r);
    T value{0};
    if (first_q_.legal(r) == 0) {
      value = T{0};
    } else if (kind == AgentKind::kSacDiscrete || kind == AgentKind::kCrr) {
      const std::span<T> pi = logits_.row(r);
      SoftmaxInPlace(pi);
      if (heads_.size() > 1) {
        TakeLeast(q, std::span<const T>(second_q_.row(r)));
      }
      value = Expected(std::span<const T>(pi), std::span<const T>(q));
      for (std::size_t at = 0; kind == AgentKind::kSacDiscrete && at < pi.size(); ++at) {
        value -= alpha * PLogP(pi[at]);
      }
    } else {
      const std::span<T> by = looks_twice ? second_q_.row(r) : q;
      if (kind == AgentKind::kBcqDiscrete) {
        const std::span<T> g = logits_.row(r);
        const T likely = *std::max_element(g.begin(), g.end()) + static_cast<T>(std::log(options_.threshold));
        for (std::size_t at = 0; at < g.size(); ++at) {
          by[at] = g[at] >= likely ? by[at] : -std::numeric_limits<T>::infinity();
        }
      }
      value = q[static_cast<std::size_t>(std::max_element(by.begin(), by.end()) - by.begin())];
    }
    y[r] = BoundedReturn(rows.reward[r], rows.discount[r], value, options_.least, options_.most);
  }
}

template <class T>
void ItemAgent<T>::CriticLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const RowItems& legal,
                              std::int64_t first, const T* y, T scale, const AgentGradient<T>& gradient, T* deltas,
                              AgentTotals& totals) {
  const std::int64_t count = rows.before.count;
  const std::int64_t dim = options_.shape.dim();
  const bool conservative = options_.shape.kind == AgentKind::kCql;
  const bool to_state = CriticTrainsState(options_.state_gradient) && gradient.state != nullptr;
  for (std::size_t number = 0; number < heads_.size(); ++number) {
    const auto at = static_cast<std::int64_t>(number);
    const T* head = Head(at, learning.critic, states_.data(), rows.before.users, count);
    T* d_head = Sized(d_head_, count * (dim + 1));
    std::fill_n(d_head, count * (dim + 1), T{0});
    if (conservative || options_.dueling) {
      first_q_.Forward(head, dim + 1, first, count, legal);
    }
    std::vector<T> mean(static_cast<std::size_t>(dim));
    for (std::int64_t r = 0; r < count; ++r) {
      const T* f = head + r * (dim + 1);
      T* d = d_head + r * (dim + 1);
      std::copy_n(rows.taken + r * dim, dim, mean.data());
      if (options_.dueling) {
        first_q_.AddMean(r, T{-1}, mean.data());
      }
      const T q =
          f[dim] + nn::LaneSum<T>(dim, [&](std::int64_t c) { return f[c] * mean[static_cast<std::size_t>(c)]; });
      const T delta = q - y[r];
      const T slope = T{2} * scale * rows.weight[r] * delta;
      const T pull = conservative ? scale * static_cast<T>(options_.cql_weight) : T{0};
      AddScaled(mean.data(), dim, slope, d);
      AddScaled(rows.taken + r * dim, dim, -pull, d);
      d[dim] = slope;
      deltas[r] = number == 0 || std::abs(delta) > std::abs(deltas[r]) ? delta : deltas[r];
      totals.loss += static_cast<double>(rows.weight[r] * delta * delta);
      totals.q += number == 0 ? static_cast<double>(q) : 0.0;
      totals.most_q = std::max(totals.most_q, static_cast<double>(q));
      if (conservative && first_q_.legal(r) > 0) {
        const std::span<T> p = first_q_.row(r);
        // Whatever a head adds to all items alike cancels between the two.
        const T taken = nn::LaneSum<T>(dim, [&](std::int64_t c) { return f[c] * rows.taken[r * dim + c]; });
        totals.other += static_cast<double>(SoftmaxInPlace(p) - taken);
        std::for_each(p.begin(), p.end(), [pull](T& value) { value *= pull; });
      }
    }
    if (conservative) {
      first_q_.Backward(d_head, dim + 1);
    }
    T* d_below = to_state ? Sized(d_below_, count * options_.shape.state.size()) : nullptr;
    heads_[number].Backward(critic_, learning.critic + at * critic_.size, count, d_head,
                            gradient.critic == nullptr ? nullptr : gradient.critic + at * critic_.size, d_below,
                            to_state ? gradient.users : nullptr);
    if (to_state) {
      AddScaled(d_below, count * options_.shape.state.size(), T{1}, d_states_.data());
    }
  }
}

// pi := d/d logits of scale sum pi (alpha log pi - q).
template <class T>
void ItemAgent<T>::SoftLoss(std::span<T> pi, std::span<const T> q, T alpha, T scale, AgentTotals& totals) const {
  T mean{0};
  T entropy{0};
  for (std::size_t at = 0; at < pi.size(); ++at) {
    mean += pi[at] > T{0} ? pi[at] * (alpha * std::log(pi[at]) - q[at]) : T{0};
    entropy -= PLogP(pi[at]);
  }
  totals.log_pi -= static_cast<double>(entropy);
  totals.policy_q += static_cast<double>(Expected(std::span<const T>(pi), q));
  for (std::size_t at = 0; at < pi.size(); ++at) {
    pi[at] = pi[at] > T{0} ? scale * pi[at] * (alpha * std::log(pi[at]) - q[at] - mean) : T{0};
  }
}

template <class T>
bool ItemAgent<T>::Shown(std::int32_t item, const std::int32_t* slate) const {
  return std::find(slate, slate + options_.slate, item) != slate + options_.slate;
}

// pi := d/d logits of - weight log pi(x|s), which is returned without the weight.
template <class T>
T ItemAgent<T>::ClonedLoss(std::span<T> pi, std::int64_t r, const std::int32_t* slate, T weight,
                           const Scores& scores) const {
  const T share = T{1} / static_cast<T>(options_.slate);
  T loss{0};
  for (std::size_t at = 0; at < pi.size(); ++at) {
    const bool shown = Shown(scores.item(r, static_cast<std::int64_t>(at)), slate);
    loss -= shown ? share * std::log(pi[at]) : T{0};
    pi[at] = weight * (pi[at] - (shown ? share : T{0}));
  }
  return loss;
}

template <class T>
T ItemAgent<T>::Advantage(const Scores& scores, std::int64_t r, std::span<const T> pi, std::span<const T> q,
                          const std::int32_t* slate) const {
  T taken{0};
  for (std::size_t at = 0; at < q.size(); ++at) {
    if (Shown(scores.item(r, static_cast<std::int64_t>(at)), slate)) {
      taken += q[at] / static_cast<T>(options_.slate);
    }
  }
  return taken - Expected(pi, q);
}

template <class T>
void ItemAgent<T>::ActorLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const std::int32_t* slates,
                             const RowItems& legal, std::int64_t first, T scale, T alpha,
                             const AgentGradient<T>& gradient, AgentTotals& totals) {
  const AgentKind kind = options_.shape.kind;
  const std::int64_t count = rows.before.count;
  const std::int64_t dim = options_.shape.dim();
  logits_.Forward(policy_.Forward(actor_, learning.actor, states_.data(), rows.before.users, count), dim, first, count,
                  legal);
  if (kind != AgentKind::kBcqDiscrete) {
    Values(Head(0, learning.critic, states_.data(), rows.before.users, count), legal, first, count, first_q_);
  }
  if (kind == AgentKind::kSacDiscrete) {
    Values(Head(1, learning.critic, states_.data(), rows.before.users, count), legal, first, count, second_q_);
  }
  for (std::int64_t r = 0; r < count; ++r) {
    if (logits_.legal(r) == 0) {
      continue;
    }
    const std::span<T> pi = logits_.row(r);
    const std::int32_t* slate = slates + r * options_.slate;
    SoftmaxInPlace(pi);
    if (kind == AgentKind::kSacDiscrete) {
      TakeLeast(first_q_.row(r), std::span<const T>(second_q_.row(r)));
      SoftLoss(pi, first_q_.row(r), alpha, scale, totals);
    } else if (kind == AgentKind::kBcqDiscrete) {
      totals.other += static_cast<double>(ClonedLoss(pi, r, slate, scale, logits_));
    } else {
      const T advantage = Advantage(logits_, r, pi, first_q_.row(r), slate);
      const T weight = options_.crr_binary ? static_cast<T>(advantage > T{0} ? 1 : 0)
                                           : std::min(static_cast<T>(kMostCrrWeight),
                                                      std::exp(advantage / static_cast<T>(options_.crr_beta)));
      totals.policy_q += static_cast<double>(Expected(std::span<const T>(pi), std::span<const T>(first_q_.row(r))));
      totals.other += static_cast<double>(weight * ClonedLoss(pi, r, slate, scale * weight, logits_));
    }
  }
  T* d_f = Sized(d_head_, count * dim);
  std::fill_n(d_f, count * dim, T{0});
  logits_.Backward(d_f, dim);
  const bool to_state = ActorTrainsState(options_.state_gradient) && gradient.state != nullptr;
  T* d_below = to_state ? Sized(d_below_, count * options_.shape.state.size()) : nullptr;
  policy_.Backward(actor_, learning.actor, count, d_f, gradient.actor, d_below, to_state ? gradient.users : nullptr);
  if (to_state) {
    AddScaled(d_below, count * options_.shape.state.size(), T{1}, d_states_.data());
  }
}

template <class T>
void ItemAgent<T>::Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const std::int32_t* slates,
                             const RowItems& legal, std::int64_t first, const T* y, std::int64_t batch,
                             bool moves_actor, T alpha, const AgentGradient<T>& gradient, T* deltas,
                             AgentTotals& totals) {
  const std::int64_t count = rows.before.count;
  const std::int64_t size = options_.shape.state.size();
  const T scale = T{1} / static_cast<T>(batch);
  state_.Forward(learning.state, rows.before, Sized(states_, count * size));
  std::fill_n(Sized(d_states_, count * size), count * size, T{0});
  if (gradient.users != nullptr) {
    std::fill_n(gradient.users, count * options_.shape.dim(), T{0});
    std::fill_n(gradient.items, count * options_.shape.state.memory * options_.shape.dim(), T{0});
  }
  CriticLoss(learning, rows, legal, first, y, scale, gradient, deltas, totals);
  if (has_actor_ && moves_actor) {
    ActorLoss(learning, rows, slates, legal, first, scale, alpha, gradient, totals);
  }
  if (gradient.state != nullptr) {
    state_.Backward(learning.state, rows.before, d_states_.data(), gradient.state, gradient.users, gradient.items);
  }
}

template class ItemAgent<float>;
template class ItemAgent<double>;

}  // namespace recforce::algos
