// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/chunk_agent.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "algos/drr/bcq_agent.h"
#include "algos/drr/ranking_loss.h"
#include "nn/blas.h"
#include "recforce/base/rng.h"

namespace recforce::algos {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

ActorCriticOptions VectorOptions(const AgentOptions& options) {
  return {.shape = options.shape,
          .state_gradient = options.state_gradient,
          .least = options.least,
          .most = options.most,
          .noise_clip = options.shape.output == ActorOutput::kUnit
                            ? options.noise_clip / std::sqrt(static_cast<double>(options.shape.dim()))
                            : options.noise_clip,
          .q_weight = options.q_weight,
          .slope = options.slope};
}

ItemAgentOptions HeadOptions(const AgentOptions& options) {
  return {.shape = options.shape,
          .state_gradient = options.state_gradient,
          .least = options.least,
          .most = options.most,
          .double_q = options.double_q,
          .dueling = options.dueling,
          .threshold = options.threshold,
          .cql_weight = options.cql_weight,
          .crr_binary = options.crr_binary,
          .crr_beta = options.crr_beta,
          .slate = options.slate};
}

// -infinity where row `row` of `legal` does not allow an item.
void Mask(const RowItems& legal, std::int64_t row, std::span<float> scores) {
  if (legal.listed[static_cast<std::size_t>(row)] == 0) {
    for (const std::int32_t item : legal.row(row)) {
      scores[static_cast<std::size_t>(item)] = kNever;
    }
    return;
  }
  std::vector<float> kept(scores.size(), kNever);
  for (const std::int32_t item : legal.row(row)) {
    kept[static_cast<std::size_t>(item)] = scores[static_cast<std::size_t>(item)];
  }
  std::copy(kept.begin(), kept.end(), scores.begin());
}

// The places of the `count` largest finite values, largest first; the lower place among equals.
std::vector<std::int32_t> Best(std::span<const float> values, std::int64_t count) {
  std::vector<std::int32_t> places;
  const auto most = static_cast<std::size_t>(count);
  float least = kNever;  // of those kept, once they are enough
  for (std::size_t at = 0; at < values.size(); ++at) {
    const float value = values[at];
    if (!(value > least)) {
      continue;
    }
    const auto place = std::upper_bound(places.begin(), places.end(), value, [&](float v, std::int32_t other) {
      return v > values[static_cast<std::size_t>(other)];
    });
    places.insert(place, static_cast<std::int32_t>(at));
    if (places.size() > most) {
      places.pop_back();
    }
    least = places.size() == most ? values[static_cast<std::size_t>(places.back())] : kNever;
  }
  return places;
}

// DDPG, TD3, SAC and Wolpertinger.
class VectorAgent final : public ChunkAgent {
 public:
  VectorAgent(const AgentOptions& options, const ItemVectors& vectors)
      : options_(options), vectors_(vectors), losses_(VectorOptions(options)), state_(options.shape.state) {}

  void Update(const AgentChunk& chunk, const AgentGradient<float>& gradient, float* deltas,
              AgentTotals& totals) override {
    const std::int64_t count = chunk.rows.before.count;
    const AgentKind kind = options_.shape.kind;
    const bool draws = kind == AgentKind::kTd3 || kind == AgentKind::kSac;
    float* y = Sized(y_, count);
    ActorCritic<float>::Nearest nearest;
    if (kind != AgentKind::kWolpertinger && options_.values_shown) {
      nearest = [&](const float* states, const float* actions, std::int64_t rows, float* out) {
        ValueShown(chunk, states, actions, rows, out);
      };
    }
    if (kind == AgentKind::kWolpertinger) {
      nearest = [&](const float* states, const float* actions, std::int64_t rows, float* out) {
        const std::vector<std::vector<std::int32_t>> near =
            Near(actions, rows, *chunk.after, chunk.first, options_.neighbours);
        for (std::int64_t r = 0; r < rows; ++r) {
          const Found found =
              Judge(chunk.target.critic, states + r * options_.shape.state.size(), near[static_cast<std::size_t>(r)]);
          out[r] = found.q.empty() ? 0.0F : *std::max_element(found.q.begin(), found.q.end());
        }
      };
    }
    losses_.Targets(chunk.target, chunk.learning, chunk.rows, draws ? Noise(chunk, 0, count) : nullptr, chunk.alpha,
                    nearest, y);
    const RankingLoss ranking{options_.ranking_weight, options_.ranking_scale};
    ActorCritic<float>::OtherLoss other;
    if (options_.ranking_weight > 0.0 || !options_.slope) {
      other = [&](const float* states, const float* actions, std::int64_t rows, float* d_actions) {
        if (!options_.slope) {
          totals.policy_q += FollowItems(chunk, states, actions, rows, d_actions);
        }
        if (options_.ranking_weight > 0.0) {
          totals.other += ranking.AddGradient(vectors_, {chunk.liked, static_cast<std::size_t>(rows)}, chunk.negatives,
                                              chunk.batch, actions, d_actions, chunk.d_liked, chunk.d_negatives);
        }
      };
    }
    losses_.Gradients(chunk.learning, chunk.rows, y, chunk.batch, chunk.moves_actor,
                      kind == AgentKind::kSac ? Noise(chunk, 1, count) : nullptr, chunk.alpha, other, gradient, deltas,
                      totals);
  }

  void Score(const AgentScene& scene, base::MatrixView<float> out, float* actions) override {
    const std::int64_t count = scene.rows.count;
    const std::int64_t dim = options_.shape.dim();
    float* states = Sized(states_, count * options_.shape.state.size());
    state_.Forward(scene.side.state, scene.rows, states);
    float* acts = actions != nullptr ? actions : Sized(actions_, count * dim);
    losses_.Act(scene.side.actor, states, scene.rows.users, count, scene.noise, acts);
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, count, out.cols, dim, {acts, dim}, {vectors_.raw.data(), dim}, 0.0F,
             {out.data, out.cols});
    for (std::int64_t r = 0; options_.shape.kind == AgentKind::kWolpertinger && r < count; ++r) {
      Lift(scene, states + r * options_.shape.state.size(), r, out.row(r));
    }
  }

 private:
  double FollowItems(const AgentChunk& chunk, const float* states, const float* actions, std::int64_t rows,
                     float* d_actions) {
    const std::int64_t dim = options_.shape.dim();
    const auto count = static_cast<std::int64_t>(chunk.judged.size());
    float* raw = Sized(copies_, count * dim);
    float* unit = Sized(shown_, count * dim);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t item = chunk.judged[static_cast<std::size_t>(i)];
      std::copy_n(vectors_.raw.data() + item * dim, dim, raw + i * dim);
      std::copy_n(vectors_.unit.data() + item * dim, dim, unit + i * dim);
    }
    const auto scale = static_cast<float>(options_.q_weight / static_cast<double>(chunk.batch));
    return losses_.ItemsLoss(chunk.learning.critic, states, actions, rows, raw, unit, count,
                             static_cast<float>(options_.ranking_scale), scale, d_actions);
  }

  struct Found {
    std::vector<std::int32_t> items;
    std::vector<float> q;
  };

  // Of each row the legal items nearest to its action, `most` of them. Rows are those from number `first` on of
  // `legal`.
  std::vector<std::vector<std::int32_t>> Near(const float* actions, std::int64_t rows, const RowItems& legal,
                                              std::int64_t first, std::int64_t most) {
    const std::int64_t dim = options_.shape.dim();
    const std::int64_t items = vectors_.items();
    std::vector<std::vector<std::int32_t>> near(static_cast<std::size_t>(rows));
    const bool lists = std::find(legal.listed.begin(), legal.listed.end(), 1) != legal.listed.end();
    if (vectors_.index != nullptr && !lists) {
      const std::int64_t count = std::min(most, items);
      std::vector<std::int32_t> found(static_cast<std::size_t>(rows * count));
      vectors_.index->Search({actions, rows, dim}, count, [&](std::int64_t row) { return legal.row(first + row); },
                             {found.data(), rows, count});
      for (std::int64_t row = 0; row < rows; ++row) {
        const auto begin = found.begin() + row * count;
        near[static_cast<std::size_t>(row)].assign(begin, std::find(begin, begin + count, -1));
      }
      return near;
    }
    float* scores = Sized(scores_, rows * items);
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, rows, items, dim, {actions, dim}, {vectors_.raw.data(), dim}, 0.0F,
             {scores, items});
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::span<float> mine(scores + row * items, static_cast<std::size_t>(items));
      Mask(legal, first + row, mine);
      near[static_cast<std::size_t>(row)] = Best(mine, most);
    }
    return near;
  }

  // Q' of the slates that actions would show, as critics are told of slates; of two critics the lesser. A critic never
  // learns what vectors between the items are worth, and an actor goes where it errs most.
  void ValueShown(const AgentChunk& chunk, const float* states, const float* actions, std::int64_t rows, float* out) {
    const std::int64_t dim = options_.shape.dim();
    const std::vector<std::vector<std::int32_t>> near = Near(actions, rows, *chunk.after, chunk.first, options_.slate);
    float* shown = Sized(shown_, rows * dim);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<std::int32_t>& slate = near[static_cast<std::size_t>(r)];
      MeanOfSlates(vectors_.unit, dim, {slate.data(), 1, static_cast<std::int64_t>(slate.size())}, shown + r * dim);
    }
    losses_.Values(chunk.target.critic, 0, states, shown, rows, out);
    if (options_.shape.twins()) {
      float* other = Sized(copies_, rows);
      losses_.Values(chunk.target.critic, 1, states, shown, rows, other);
      std::transform(out, out + rows, other, out, [](float a, float b) { return std::min(a, b); });
    }
  }

  // Items and their Q in a state.
  Found Judge(const float* critic, const float* state, std::vector<std::int32_t> items) {
    const std::int64_t dim = options_.shape.dim();
    const std::int64_t size = options_.shape.state.size();
    const auto count = static_cast<std::int64_t>(items.size());
    float* copies = Sized(copies_, count * size);
    float* shown = Sized(shown_, count * dim);
    for (std::int64_t at = 0; at < count; ++at) {
      std::copy_n(state, size, copies + at * size);
      std::copy_n(vectors_.unit.data() + items[static_cast<std::size_t>(at)] * dim, dim, shown + at * dim);
    }
    Found found{std::move(items), std::vector<float>(static_cast<std::size_t>(count))};
    if (count > 0) {
      losses_.Values(critic, 0, copies, shown, count, found.q.data());
    }
    return found;
  }

  // Puts the nearest items above all others, in the order of their Q.
  void Lift(const AgentScene& scene, const float* state, std::int64_t row, std::span<float> scores) {
    std::vector<float> masked(scores.begin(), scores.end());
    if (scene.legal != nullptr) {
      Mask(*scene.legal, row, masked);
    }
    const Found found = Judge(scene.side.critic, state, Best(masked, options_.neighbours));
    if (found.items.empty()) {
      return;
    }
    std::vector<std::size_t> order(found.items.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return found.q[a] > found.q[b]; });
    const float top = *std::max_element(scores.begin(), scores.end());
    const float step = std::max(1.0F, std::abs(top) * 1e-5F);  // steps that a float of this size can tell apart
    for (std::size_t at = 0; at < order.size(); ++at) {
      scores[static_cast<std::size_t>(found.items[order[at]])] = top + step * static_cast<float>(order.size() - at);
    }
  }

  const float* Noise(const AgentChunk& chunk, std::uint32_t use, std::int64_t count) {
    const std::int64_t dim = options_.shape.dim();
    float* noise = Sized(noise_, count * dim);
    const double scale = options_.shape.kind == AgentKind::kSac ? 1.0
                         : options_.shape.output == ActorOutput::kUnit
                             ? options_.target_noise / std::sqrt(static_cast<double>(dim))
                             : options_.target_noise;
    for (std::int64_t r = 0; r < count; ++r) {
      base::Rng rng(chunk.seed, base::Stream::kNoise, chunk.update,
                    2 * static_cast<std::uint32_t>(chunk.first + r) + use);
      std::generate_n(noise + r * dim, dim, [&] { return static_cast<float>(scale * rng.Normal()); });
    }
    return noise;
  }

  AgentOptions options_;
  const ItemVectors& vectors_;
  ActorCritic<float> losses_;
  StatePass<float> state_;
  std::vector<float> y_, states_, actions_, noise_, scores_, copies_, shown_;
};

// DQN, discrete SAC, discrete BCQ, CQL and CRR.
class HeadsAgent final : public ChunkAgent {
 public:
  HeadsAgent(const AgentOptions& options, const ItemVectors& vectors)
      : options_(options),
        losses_(HeadOptions(options), {vectors.raw.data(), vectors.sum.data(), vectors.items()}),
        state_(options.shape.state) {}

  void Update(const AgentChunk& chunk, const AgentGradient<float>& gradient, float* deltas,
              AgentTotals& totals) override {
    float* y = Sized(y_, chunk.rows.before.count);
    losses_.Targets(chunk.target, chunk.learning, chunk.rows, *chunk.after, chunk.first, chunk.alpha, y);
    losses_.Gradients(chunk.learning, chunk.rows, chunk.slates, *chunk.before, chunk.first, y, chunk.batch,
                      chunk.moves_actor, chunk.alpha, gradient, deltas, totals);
  }

  void Score(const AgentScene& scene, base::MatrixView<float> out, float* /*actions*/) override {
    float* states = Sized(states_, scene.rows.count * options_.shape.state.size());
    state_.Forward(scene.side.state, scene.rows, states);
    losses_.Rank(scene.side, states, scene.rows.users, scene.rows.count, out.data);
  }

 private:
  AgentOptions options_;
  ItemAgent<float> losses_;
  StatePass<float> state_;
  std::vector<float> y_, states_;
};

}  // namespace

AgentNetworks InitNetworks(const AgentShape& shape, std::uint64_t seed) {
  constexpr std::uint64_t kActor = 1100;
  constexpr std::uint64_t kCritic = 1200;
  AgentNetworks networks;
  if (shape.kind == AgentKind::kBcq) {
    return InitBcq(shape, seed);
  }
  if (!ScoresItems(shape.kind)) {
    const ActorCritic<float> losses({.shape = shape});
    networks.actor = losses.actor().Init<float>(seed, kActor);
    networks.critic = losses.critic().Init<float>(seed, kCritic);
    networks.actor_matrices = losses.actor().matrices;
    networks.critic_matrices = losses.critic().matrices;
    return networks;
  }
  const ItemAgent<float> losses({.shape = shape}, {nullptr, nullptr, 0});
  if (losses.has_actor()) {
    networks.actor = losses.actor().Init<float>(seed, kActor);
    networks.actor_matrices = losses.actor().matrices;
  }
  for (std::int64_t number = 0; number < losses.critics(); ++number) {
    const std::vector<float> one = losses.critic().Init<float>(seed, kCritic + static_cast<std::uint64_t>(number));
    for (nn::FlatMatrix matrix : losses.critic().matrices) {
      matrix.offset += number * losses.critic().size;
      networks.critic_matrices.push_back(matrix);
    }
    networks.critic.insert(networks.critic.end(), one.begin(), one.end());
  }
  return networks;
}

std::unique_ptr<ChunkAgent> MakeChunkAgent(const AgentOptions& options, const ItemVectors& vectors) {
  if (options.shape.kind == AgentKind::kBcq) {
    return MakeBcqAgent(options, vectors);
  }
  if (ScoresItems(options.shape.kind)) {
    return std::make_unique<HeadsAgent>(options, vectors);
  }
  return std::make_unique<VectorAgent>(options, vectors);
}

}  // namespace recforce::algos
