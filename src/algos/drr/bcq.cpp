// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/bcq.h"

#include <algorithm>
#include <cmath>

#include "nn/vector_math.h"

namespace recforce::algos {
namespace {

constexpr double kLatentClip = 0.5;
constexpr double kLeastLog = -4.0;  // of the encoder's deviations
constexpr double kMostLog = 15.0;

template <class T>
T Clipped(T z) {
  return std::clamp(z, static_cast<T>(-kLatentClip), static_cast<T>(kLatentClip));
}

}  // namespace

BcqLayout::BcqLayout(const AgentShape& shape)
    : latent(2 * shape.dim()),
      encoder(MlpWidths(shape.state.size() + shape.dim(), shape.hidden, 2 * latent), 0),
      decoder(MlpWidths(shape.state.size() + latent, shape.hidden, shape.dim()), encoder.end()),
      reach(MlpWidths(shape.state.size() + shape.dim(), shape.hidden, shape.dim()), decoder.end()),
      size(reach.end()) {
  encoder.AddMatrices(matrices);
  decoder.AddMatrices(matrices);
  reach.AddMatrices(matrices);
}

template <class T>
Bcq<T>::Bcq(const BcqOptions& options)
    : options_(options), layout_(options.base.shape), losses_(options.base), state_(options.base.shape.state) {}

template <class T>
const T* Bcq<T>::Join(const T* states, const T* right, std::int64_t width, std::int64_t rows,
                      std::vector<T>& to) const {
  const std::int64_t size = options_.base.shape.state.size();
  T* joined = Sized(to, rows * (size + width));
  for (std::int64_t r = 0; r < rows; ++r) {
    std::copy_n(states + r * size, size, joined + r * (size + width));
    std::copy_n(right + r * width, width, joined + r * (size + width) + size);
  }
  return joined;
}

template <class T>
const T* Bcq<T>::Decode(const T* actor, const T* states, const T* z, std::int64_t rows) {
  return decoder_.Forward(layout_.decoder, actor, Join(states, z, layout_.latent, rows, decoder_in_), rows);
}

template <class T>
void Bcq<T>::Move(const T* actor, const T* states, std::int64_t rows, T* actions) {
  const std::int64_t dim = options_.base.shape.dim();
  const T* by = reach_.Forward(layout_.reach, actor, Join(states, actions, dim, rows, reach_in_), rows);
  const auto reach = static_cast<T>(options_.reach);
  for (std::int64_t cell = 0; cell < rows * dim; ++cell) {
    actions[cell] += reach * nn::FastTanh(by[cell]);
  }
}

template <class T>
void Bcq<T>::Propose(const T* decoder, const T* reach, const T* states, std::int64_t count, const T* z) {
  const std::int64_t size = options_.base.shape.state.size();
  const std::int64_t dim = options_.base.shape.dim();
  const std::int64_t rows = count * options_.samples;
  T* repeated = Sized(repeated_, rows * size);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::copy_n(states + row / options_.samples * size, size, repeated + row * size);
  }
  const T* decoded = Decode(decoder, repeated, z, rows);
  std::copy_n(decoded, rows * dim, Sized(proposed_, rows * dim));
  Move(reach, repeated, rows, proposed_.data());
}

template <class T>
void Bcq<T>::Act(const AgentSide<T>& side, const T* states, std::int64_t rows, const T* noise, T* out) {
  const std::int64_t dim = options_.base.shape.dim();
  const std::int64_t width = options_.samples * layout_.latent;
  T* z = Sized(z_, rows * width);
  for (std::int64_t r = 0; r < rows; ++r) {
    std::transform(noise, noise + width, z + r * width, Clipped<T>);
  }
  Propose(side.actor, side.actor, states, rows, z);
  T* q = Sized(q1_, rows * options_.samples);
  losses_.Values(side.critic, 0, repeated_.data(), proposed_.data(), rows * options_.samples, q);
  for (std::int64_t r = 0; r < rows; ++r) {
    const T* mine = q + r * options_.samples;
    const std::int64_t best = std::max_element(mine, mine + options_.samples) - mine;
    std::copy_n(proposed_.data() + (r * options_.samples + best) * dim, dim, out + r * dim);
  }
}

template <class T>
void Bcq<T>::Targets(const AgentSide<T>& target, const AgentSide<T>& learning, const AgentRows<T>& rows, const T* noise,
                     T* y) {
  const std::int64_t count = rows.after.count;
  const std::int64_t proposals = count * options_.samples;
  T* states = Sized(states_, count * options_.base.shape.state.size());
  state_.Forward(target.state, rows.after, states);
  T* z = Sized(z_, proposals * layout_.latent);
  std::transform(noise, noise + proposals * layout_.latent, z, Clipped<T>);
  Propose(learning.actor, target.actor, states, count, z);
  T* a = Sized(q1_, proposals);
  T* b = Sized(q2_, proposals);
  losses_.Values(target.critic, 0, repeated_.data(), proposed_.data(), proposals, a);
  losses_.Values(target.critic, 1, repeated_.data(), proposed_.data(), proposals, b);
  const auto least = static_cast<T>(options_.least);
  for (std::int64_t r = 0; r < count; ++r) {
    T best = -std::numeric_limits<T>::infinity();
    for (std::int64_t at = r * options_.samples; at < (r + 1) * options_.samples; ++at) {
      best = std::max(best, least * std::min(a[at], b[at]) + (T{1} - least) * std::max(a[at], b[at]));
    }
    y[r] = BoundedReturn(rows.reward[r], rows.discount[r], best, options_.base.least, options_.base.most);
  }
}

template <class T>
double Bcq<T>::AutoencoderLoss(const T* actor, const AgentRows<T>& rows, T scale, const T* noise, T* gradient) {
  const std::int64_t count = rows.before.count;
  const std::int64_t dim = options_.base.shape.dim();
  const std::int64_t size = options_.base.shape.state.size();
  const std::int64_t latent = layout_.latent;
  const T* code =
      encoder_.Forward(layout_.encoder, actor, Join(states_.data(), rows.taken, dim, count, joined_), count);
  T* z = Sized(z_, count * latent);
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t at = 0; at < latent; ++at) {
      const T log_deviation =
          std::clamp(code[r * 2 * latent + latent + at], static_cast<T>(kLeastLog), static_cast<T>(kMostLog));
      z[r * latent + at] = code[r * 2 * latent + at] + std::exp(log_deviation) * noise[r * 2 * latent + at];
    }
  }
  const T* decoded = Decode(actor, states_.data(), z, count);
  T* d = Sized(d_out_, count * dim);
  double loss = 0.0;
  for (std::int64_t cell = 0; cell < count * dim; ++cell) {
    const T miss = decoded[cell] - rows.taken[cell];
    loss += static_cast<double>(miss * miss) / static_cast<double>(dim);
    d[cell] = T{2} * scale * miss / static_cast<T>(dim);
  }
  T* d_in = Sized(d_in_, count * (size + latent));
  decoder_.Backward(layout_.decoder, actor, count, d, gradient + layout_.decoder.begin(), d_in);
  T* d_code = Sized(d_code_, count * 2 * latent);
  const T prior = scale * T{0.5} / static_cast<T>(latent);
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t at = 0; at < latent; ++at) {
      const T mean = code[r * 2 * latent + at];
      const T raw = code[r * 2 * latent + latent + at];
      const T log_deviation = std::clamp(raw, static_cast<T>(kLeastLog), static_cast<T>(kMostLog));
      const T deviation = std::exp(log_deviation);
      const T d_z = d_in[r * (size + latent) + size + at];
      const bool inside = raw == log_deviation;
      loss += 0.25 * static_cast<double>(mean * mean + deviation * deviation - T{1} - T{2} * log_deviation) /
              static_cast<double>(latent);
      d_code[r * 2 * latent + at] = d_z + prior * mean;
      d_code[r * 2 * latent + latent + at] =
          inside ? d_z * deviation * noise[r * 2 * latent + at] + prior * (deviation * deviation - T{1}) : T{0};
    }
  }
  encoder_.Backward(layout_.encoder, actor, count, d_code, gradient + layout_.encoder.begin(), nullptr);
  return loss;
}

template <class T>
double Bcq<T>::ReachLoss(const AgentSide<T>& learning, std::int64_t count, T scale, const T* noise, T* gradient) {
  const std::int64_t dim = options_.base.shape.dim();
  const std::int64_t size = options_.base.shape.state.size();
  const std::int64_t latent = layout_.latent;
  T* z = Sized(z_, count * latent);
  for (std::int64_t r = 0; r < count; ++r) {
    std::transform(noise + r * 2 * latent + latent, noise + (r + 1) * 2 * latent, z + r * latent, Clipped<T>);
  }
  const T* decoded = Decode(learning.actor, states_.data(), z, count);
  T* actions = Sized(proposed_, count * dim);
  std::copy_n(decoded, count * dim, actions);
  Move(learning.actor, states_.data(), count, actions);
  const Mlp& critic = losses_.critic().networks[0];
  const T* q = value_.Forward(critic, learning.critic, Join(states_.data(), actions, dim, count, joined_), count);
  double sum = 0.0;
  for (std::int64_t r = 0; r < count; ++r) {
    sum += static_cast<double>(q[r]);
  }
  std::fill_n(Sized(q1_, count), count, -scale);
  T* d_in = Sized(d_in_, count * (size + dim));
  value_.Backward(critic, learning.critic, count, q1_.data(), nullptr, d_in);
  T* d = Sized(d_out_, count * dim);
  const auto reach = static_cast<T>(options_.reach);
  for (std::int64_t r = 0; r < count; ++r) {
    for (std::int64_t at = 0; at < dim; ++at) {
      const T moved = (actions[r * dim + at] - decoded[r * dim + at]) / reach;
      d[r * dim + at] = d_in[r * (size + dim) + size + at] * reach * (T{1} - moved * moved);
    }
  }
  reach_.Backward(layout_.reach, learning.actor, count, d, gradient + layout_.reach.begin(), nullptr);
  return sum;
}

template <class T>
void Bcq<T>::Gradients(const AgentSide<T>& learning, const AgentRows<T>& rows, const T* y, std::int64_t batch,
                       const T* noise, const AgentGradient<T>& gradient, T* deltas, AgentTotals& totals) {
  losses_.Gradients(learning, rows, y, batch, false, nullptr, T{0}, {}, gradient, deltas, totals);
  const std::int64_t count = rows.before.count;
  const T scale = T{1} / static_cast<T>(batch);
  state_.Forward(learning.state, rows.before, Sized(states_, count * options_.base.shape.state.size()));
  totals.other += AutoencoderLoss(learning.actor, rows, scale, noise, gradient.actor);
  if (options_.reach > 0.0) {
    totals.policy_q += ReachLoss(learning, count, scale, noise, gradient.actor);
  }
}

template class Bcq<float>;
template class Bcq<double>;

}  // namespace recforce::algos
