// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/bcq_agent.h"

#include <algorithm>

#include "algos/drr/bcq.h"
#include "nn/blas.h"

namespace recforce::algos {
namespace {

constexpr std::uint64_t kNumber = 1300;  // of its networks

BcqOptions BcqOptionsOf(const AgentOptions& options) {
  return {.base = {.shape = options.shape,
                   .state_gradient = options.state_gradient,
                   .least = options.least,
                   .most = options.most},
          .reach = options.bcq_reach,
          .samples = options.bcq_samples,
          .least = options.bcq_least};
}

class BcqAgent final : public ChunkAgent {
 public:
  BcqAgent(const AgentOptions& options, const ItemVectors& vectors)
      : options_(options), vectors_(vectors), losses_(BcqOptionsOf(options)), state_(options.shape.state) {
    base::Rng rng(0, base::Stream::kNoise);
    acting_.resize(static_cast<std::size_t>(options.bcq_samples * losses_.layout().latent));
    std::generate(acting_.begin(), acting_.end(), [&] { return static_cast<float>(rng.Normal()); });
  }

  void Update(const AgentChunk& chunk, const AgentGradient<float>& gradient, float* deltas,
              AgentTotals& totals) override {
    const std::int64_t count = chunk.rows.before.count;
    const std::int64_t latent = losses_.layout().latent;
    float* y = Sized(y_, count);
    losses_.Targets(chunk.target, chunk.learning, chunk.rows, Noise(chunk, 0, options_.bcq_samples * latent), y);
    losses_.Gradients(chunk.learning, chunk.rows, y, chunk.batch, Noise(chunk, 1, 2 * latent), gradient, deltas,
                      totals);
  }

  void Score(const AgentScene& scene, base::MatrixView<float> out, float* actions) override {
    const std::int64_t count = scene.rows.count;
    const std::int64_t dim = options_.shape.dim();
    float* states = Sized(states_, count * options_.shape.state.size());
    state_.Forward(scene.side.state, scene.rows, states);
    float* acts = actions != nullptr ? actions : Sized(actions_, count * dim);
    losses_.Act(scene.side, states, count, acting_.data(), acts);
    if (scene.noise != nullptr) {
      AddScaled(scene.noise, count * dim, 1.0F, acts);
    }
    nn::Gemm(nn::Op::kPlain, nn::Op::kTransposed, count, out.cols, dim, {acts, dim}, {vectors_.raw.data(), dim}, 0.0F,
             {out.data, out.cols});
  }

 private:
  const float* Noise(const AgentChunk& chunk, std::uint32_t use, std::int64_t width) {
    const std::int64_t count = chunk.rows.before.count;
    float* noise = Sized(noise_, count * width);
    for (std::int64_t r = 0; r < count; ++r) {
      base::Rng rng(chunk.seed, base::Stream::kNoise, chunk.update,
                    2 * static_cast<std::uint32_t>(chunk.first + r) + use);
      std::generate_n(noise + r * width, width, [&] { return static_cast<float>(rng.Normal()); });
    }
    return noise;
  }

  AgentOptions options_;
  const ItemVectors& vectors_;
  Bcq<float> losses_;
  StatePass<float> state_;
  std::vector<float> acting_, y_, states_, actions_, noise_;
};

}  // namespace

AgentNetworks InitBcq(const AgentShape& shape, std::uint64_t seed) {
  const Bcq<float> losses({.base = {.shape = shape}});
  AgentNetworks networks;
  networks.actor.resize(static_cast<std::size_t>(losses.layout().size));
  losses.layout().encoder.Init(networks.actor.data(), false, seed, kNumber);
  losses.layout().decoder.Init(networks.actor.data(), false, seed, kNumber + 1);
  losses.layout().reach.Init(networks.actor.data(), false, seed, kNumber + 2);
  networks.critic = losses.critic().Init<float>(seed, kNumber + 3);
  networks.actor_matrices = losses.layout().matrices;
  networks.critic_matrices = losses.critic().matrices;
  return networks;
}

std::unique_ptr<ChunkAgent> MakeBcqAgent(const AgentOptions& options, const ItemVectors& vectors) {
  return std::make_unique<BcqAgent>(options, vectors);
}

}  // namespace recforce::algos
