// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/actor_critic.h"

#include <algorithm>
#include <cmath>

#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

constexpr double kTinyNorm = 1e-12;

template <class T>
T Norm(const T* v, std::int64_t count) {
  return std::sqrt(nn::LaneSum<T>(count, [&](std::int64_t at) { return v[at] * v[at]; })) + static_cast<T>(kTinyNorm);
}

template <class T>
T LogDeviation(T raw) {
  return std::clamp(raw, static_cast<T>(kLeastLogDeviation), static_cast<T>(kMostLogDeviation));
}

std::int64_t ActorWidth(const AgentShape& shape) { return (shape.kind == AgentKind::kSac ? 2 : 1) * shape.dim(); }

}  // namespace

template <class T>
T LogSquashedNormal(T x, T log_deviation, T noise) {
  constexpr double kHalfLogTwoPi = 0.918938533204672741780329736406;
  constexpr double kLogTwo = 0.693147180559945309417232121458;
  // log(1 - tanh(x)^2) = 2 (log 2 - x - log(1 + exp(-2 x))), of |x| to keep the exponential small.
  const T size = std::abs(x);
  const T slope = T{2} * (static_cast<T>(kLogTwo) - size - std::log1p(std::exp(T{-2} * size)));
  return T{-0.5} * noise * noise - log_deviation - static_cast<T>(kHalfLogTwoPi) - slope;
}

template <class T>
ActorCritic<T>::ActorCritic(const ActorCriticOptions& options)
    : options_(options),
      actor_(options.shape, ActorWidth(options.shape)),
      critic_(options.shape, options.shape.state.size() + options.shape.dim(), 1),
      state_(options.shape.state),
      values_(critic_.networks.size()) {}

template <class T>
const T* ActorCritic<T>::Join(const T* states, const T* actions, std::int64_t rows) {
  const std::int64_t size = options_.shape.state.size();
  const std::int64_t dim = options_.shape.dim();
  T* joined = Sized(joined_, rows * (size + dim));
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(states + r * size, size, joined + r * (size + dim));
    std::copy_n(actions + r * dim, dim, joined + r * (size + dim) + size);
  }
  return joined;
}

template <class T>
void ActorCritic<T>::Values(const T* critic, std::size_t number, const T* states, const T* actions, std::int64_t rows,
                            T* out) {
  const T* q = values_[number].Forward(critic_.networks[number], critic, Join(states, actions, rows), rows);
  std::copy_n(q, rows, out);
}

// From the actor's last layer to actions. SAC: raw holds means and logarithms of deviations; without noise the mean.
template <class T>
void ActorCritic<T>::Form(const T* raw, const T* noise, std::int64_t rows, T* out, T* log_pi) {
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t width = actor_.mlp.out();
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* from = raw + r * width;
    T* to = out + r * dim;
    if (options_.shape.kind == AgentKind::kSac) {
      T sum{0};
      for (std::int64_t at = 0; at < dim; ++at) {
        const T log_deviation = LogDeviation(from[dim + at]);
        const T drawn = noise == nullptr ? T{0} : noise[r * dim + at];
        const T x = from[at] + std::exp(log_deviation) * drawn;
        to[at] = std::tanh(x);
        sum += noise == nullptr ? T{0} : LogSquashedNormal(x, log_deviation, drawn);
      }
      if (log_pi != nullptr) {
        log_pi[r] = sum;
      }
      if (options_.shape.output == ActorOutput::kUnit) {
        const T norm = Norm(to, dim);
        std::for_each(to, to + dim, [norm](T& value) { value /= norm; });
      }
    } else if (options_.shape.output == ActorOutput::kUnit) {
      const T norm = Norm(from, dim);
      std::transform(from, from + dim, to, [norm](T value) { return value / norm; });
    } else if (options_.shape.output == ActorOutput::kTanh) {
      std::transform(from, from + dim, to, [](T value) { return nn::FastTanh(value); });
    } else {
      std::copy_n(from, dim, to);
    }
  }
}

template <class T>
void ActorCritic<T>::FormBackward(const T* raw, const T* out, const T* noise, T alpha, T scale, std::int64_t rows,
                                  const T* d, T* d_raw) {
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t width = actor_.mlp.out();
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* a = out + r * dim;
    const T* from = d + r * dim;
    const T* x = raw + r * width;
    T* to = d_raw + r * width;
    if (options_.shape.kind == AgentKind::kSac) {
      T norm{1}, along{0};
      T* squashed = Sized(squashed_, dim);
      for (std::int64_t at = 0; at < dim; ++at) {
        squashed[at] = std::tanh(x[at] + std::exp(LogDeviation(x[dim + at])) * noise[r * dim + at]);
      }
      if (options_.shape.output == ActorOutput::kUnit) {
        norm = Norm(squashed, dim);
        along = nn::LaneSum<T>(dim, [&](std::int64_t at) { return a[at] * from[at]; });
      }
      for (std::int64_t at = 0; at < dim; ++at) {
        // - log(1 - tanh(x)^2) has slope 2 tanh(x).
        const T t = squashed[at];
        const T d_x = (from[at] - along * a[at]) / norm * (T{1} - t * t) + scale * alpha * T{2} * t;
        const bool inside =
            x[dim + at] > static_cast<T>(kLeastLogDeviation) && x[dim + at] < static_cast<T>(kMostLogDeviation);
        to[at] = d_x;
        to[dim + at] = inside ? d_x * std::exp(x[dim + at]) * noise[r * dim + at] - scale * alpha : T{0};
      }
    } else if (options_.shape.output == ActorOutput::kUnit) {
      const T norm = Norm(x, dim);
      const T along = nn::LaneSum<T>(dim, [&](std::int64_t at) { return a[at] * from[at]; });
      for (std::int64_t at = 0; at < dim; ++at) {
        to[at] = (from[at] - along * a[at]) / norm;
      }
    } else if (options_.shape.output == ActorOutput::kTanh) {
      std::transform(from, from + dim, a, to, [](T slope, T value) { return slope * (T{1} - value * value); });
    } else {
      std::copy_n(from, dim, to);
    }
  }
}

template <class T>
void ActorCritic<T>::Disturb(const T* noise, std::int64_t rows, T* actions) const {
  const std::int64_t dim = options_.shape.dim();
  for (std::int64_t r = 0; r < rows; ++r) {
    T* a = actions + r * dim;
    AddScaled(noise + r * dim, dim, T{1}, a);
    if (options_.shape.output == ActorOutput::kUnit) {
      const T norm = Norm(a, dim);
      std::for_each(a, a + dim, [norm](T& value) { value /= norm; });
    } else if (options_.shape.output == ActorOutput::kTanh) {
      std::for_each(a, a + dim, [](T& value) { value = std::clamp(value, T{-1}, T{1}); });
    }
  }
}

template <class T>
void ActorCritic<T>::Act(const T* actor, const T* states, const T* users, std::int64_t rows, const T* noise, T* out) {
  const bool soft = options_.shape.kind == AgentKind::kSac;
  Form(policy_.Forward(actor_, actor, states, users, rows), soft ? noise : nullptr, rows, out, nullptr);
  if (noise != nullptr && !soft) {
    Disturb(noise, rows, out);
  }
}

template <class T>
void ActorCritic<T>::Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows,
                             const T* noise, T alpha, const Nearest& nearest, T* y) {
  const AgentKind kind = options_.shape.kind;
  const std::int64_t count = rows.after.count;
  const std::int64_t dim = options_.shape.dim();
  T* states = Sized(states_, count * options_.shape.state.size());
  state_.Forward(target.state, rows.after, states);
  T* actions = Sized(actions_, count * dim);
  T* log_pi = Sized(log_pi_, count);
  std::fill_n(log_pi, count, T{0});
  // SAC has no target of its policy (Haarnoja et al. 2018, algorithm 1).
  const T* actor = kind == AgentKind::kSac ? learning.actor : target.actor;
  const T* raw = policy_.Forward(actor_, actor, states, rows.after.users, count);
  Form(raw, kind == AgentKind::kSac ? noise : nullptr, count, actions, log_pi);
  if (kind == AgentKind::kTd3) {
    const auto clip = static_cast<T>(options_.noise_clip);
    T* clipped = Sized(d_actions_, count * dim);
    std::transform(noise, noise + count * dim, clipped, [clip](T value) { return std::clamp(value, -clip, clip); });
    Disturb(clipped, count, actions);
  }
  if (nearest) {
    nearest(states, actions, count, y);
  } else {
    Values(target.critic, 0, states, actions, count, y);
    if (critic_.networks.size() > 1) {
      T* other = Sized(q_, count);
      Values(target.critic, 1, states, actions, count, other);
      std::transform(y, y + count, other, y, [](T a, T b) { return std::min(a, b); });
    }
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const T value = y[r] - alpha * log_pi[r];
    y[r] = BoundedReturn(rows.reward[r], rows.discount[r], value, options_.least, options_.most);
  }
}

template <class T>
void ActorCritic<T>::CriticLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, T scale,
                                const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals) {
  const std::int64_t count = rows.before.count;
  const std::int64_t size = options_.shape.state.size();
  const std::int64_t width = size + options_.shape.dim();
  const bool to_state = CriticTrainsState(options_.state_gradient) && gradient.state != nullptr;
  const T* joined = Join(states_.data(), rows.taken, count);
  T* d_q = Sized(d_q_, count);
  for (std::size_t number = 0; number < critic_.networks.size(); ++number) {
    const Mlp& mlp = critic_.networks[number];
    const T* q = values_[number].Forward(mlp, learning.critic, joined, count);
    for (std::int64_t r = 0; r < count; ++r) {
      const T delta = q[r] - y[r];
      d_q[r] = T{2} * scale * rows.weight[r] * delta;
      deltas[r] = number == 0 || std::abs(delta) > std::abs(deltas[r]) ? delta : deltas[r];
      totals.loss += static_cast<double>(rows.weight[r] * delta * delta);
      totals.q += number == 0 ? static_cast<double>(q[r]) : 0.0;
      totals.most_q = std::max(totals.most_q, static_cast<double>(q[r]));
    }
    T* d_joined = to_state ? Sized(d_joined_, count * width) : nullptr;
    values_[number].Backward(mlp, learning.critic, count, d_q,
                             gradient.critic == nullptr ? nullptr : gradient.critic + mlp.begin(), d_joined);
    for (std::int64_t r = 0; to_state && r < count; ++r) {
      AddScaled(d_joined + r * width, size, T{1}, d_states_.data() + r * size);
    }
  }
}

template <class T>
void ActorCritic<T>::SlopeLoss(const AgentSide<T>& learning, std::int64_t count, T scale, bool to_state,
                               AgentTotals& totals) {
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t size = options_.shape.state.size();
  const T* joined = Join(states_.data(), actions_.data(), count);
  const std::size_t networks = options_.shape.kind == AgentKind::kSac ? critic_.networks.size() : 1;
  std::vector<const T*> q;
  for (std::size_t number = 0; number < networks; ++number) {
    q.push_back(values_[number].Forward(critic_.networks[number], learning.critic, joined, count));
  }
  T* d_joined = Sized(d_joined_, count * (size + dim));
  T* d_q = Sized(d_q_, count);
  for (std::size_t number = 0; number < networks; ++number) {
    for (std::int64_t r = 0; r < count; ++r) {
      const bool least = networks == 1 || (number == 0) == (q[0][r] <= q[1][r]);
      d_q[r] = least ? -scale * static_cast<T>(options_.q_weight) : T{0};
      totals.policy_q += least ? static_cast<double>(q[number][r]) : 0.0;
    }
    values_[number].Backward(critic_.networks[number], learning.critic, count, d_q, nullptr, d_joined);
    for (std::int64_t r = 0; r < count; ++r) {
      AddScaled(d_joined + r * (size + dim) + size, dim, T{1}, d_actions_.data() + r * dim);
      if (to_state) {
        AddScaled(d_joined + r * (size + dim), size, T{1}, d_states_.data() + r * size);
      }
    }
  }
}

template <class T>
void ActorCritic<T>::ActorLoss(const AgentSide<T>& learning, const AgentRows<T>& rows, T scale, const T* noise, T alpha,
                               const OtherLoss& other, const AgentGradient<T>& gradient, AgentTotals& totals) {
  const std::int64_t count = rows.before.count;
  const std::int64_t dim = options_.shape.dim();
  const std::int64_t size = options_.shape.state.size();
  const bool soft = options_.shape.kind == AgentKind::kSac;
  const bool to_state = ActorTrainsState(options_.state_gradient) && gradient.state != nullptr;
  const T* raw = policy_.Forward(actor_, learning.actor, states_.data(), rows.before.users, count);
  T* actions = Sized(actions_, count * dim);
  T* log_pi = Sized(log_pi_, count);
  Form(raw, soft ? noise : nullptr, count, actions, log_pi);
  T* d_actions = Sized(d_actions_, count * dim);
  std::fill_n(d_actions, count * dim, T{0});
  if (options_.slope) {
    SlopeLoss(learning, count, scale, to_state, totals);
  }
  for (std::int64_t r = 0; r < count; ++r) {
    totals.log_pi += soft ? static_cast<double>(log_pi[r]) : 0.0;
    totals.action_norm += static_cast<double>(Norm(actions + r * dim, dim));
  }
  if (other) {
    other(states_.data(), actions, count, d_actions);
  }
  T* d_raw = Sized(d_raw_, count * actor_.mlp.out());
  FormBackward(raw, actions, noise, soft ? alpha : T{0}, scale, count, d_actions, d_raw);
  T* d_below = to_state ? Sized(joined_, count * size) : nullptr;
  policy_.Backward(actor_, learning.actor, count, d_raw, gradient.actor, d_below, to_state ? gradient.users : nullptr);
  if (to_state) {
    AddScaled(d_below, count * size, T{1}, d_states_.data());
  }
}

template <class T>
void ActorCritic<T>::Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, std::int64_t batch,
                               bool moves_actor, const T* noise, T alpha, const OtherLoss& other,
                               const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals) {
  const std::int64_t count = rows.before.count;
  const std::int64_t size = options_.shape.state.size();
  const std::int64_t dim = options_.shape.dim();
  const T scale = T{1} / static_cast<T>(batch);
  state_.Forward(learning.state, rows.before, Sized(states_, count * size));
  std::fill_n(Sized(d_states_, count * size), count * size, T{0});
  if (gradient.users != nullptr) {
    std::fill_n(gradient.users, count * dim, T{0});
    std::fill_n(gradient.items, count * options_.shape.state.memory * dim, T{0});
  }
  CriticLoss(learning, rows, y, scale, gradient, deltas, totals);
  if (moves_actor) {
    ActorLoss(learning, rows, scale, noise, alpha, other, gradient, totals);
  }
  if (gradient.state != nullptr) {
    state_.Backward(learning.state, rows.before, d_states_.data(), gradient.state, gradient.users, gradient.items);
  }
}

template float LogSquashedNormal<float>(float x, float log_deviation, float noise);
template double LogSquashedNormal<double>(double x, double log_deviation, double noise);
template class ActorCritic<float>;
template class ActorCritic<double>;

}  // namespace recforce::algos
