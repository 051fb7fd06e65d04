// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/actors.h"

#include "algos/common/actor_learner.h"
#include "algos/common/recvae_learner.h"
#include "nn/device.h"

namespace recforce::algos {
namespace {

AutoencoderShape ShapeOf(const RactConfig& config, std::int64_t num_items) {
  const std::string& name = config.actor;
  const bool linear = name == "linear_vae" || name == "wmf";
  return {.items = num_items,
          .hidden = linear ? 0 : config.hidden,
          .latent = config.latent,
          .variational = name != "multi_dae" && name != "wmf",
          .linear = linear,
          .input_scale = config.input_scale};
}

ActorOptions OptionsOf(const RactConfig& config, std::int64_t num_items) {
  const bool square = config.actor != "multi_vae" && config.actor != "multi_dae";
  return {.shape = ShapeOf(config, num_items),
          .keep = 1.0 - config.dropout,
          .noise_std = config.noise_std,
          .learning_rate = config.learning_rate,
          .l2 = config.l2,
          .kl_cap = config.kl_cap,
          .kl_anneal_steps = config.kl_anneal_steps,
          .batch_size = config.batch_size,
          .error = square ? RowErrorKind::kSquare : RowErrorKind::kMultinomial,
          .positive_weight = config.positive_weight,
          .xavier_normal = config.init == "xavier_normal"};
}

RecvaeShape RecvaeShapeOf(const RactConfig& config, std::int64_t num_items) {
  return {.items = num_items, .hidden = config.hidden, .latent = config.latent};
}

}  // namespace

const std::vector<std::string>& RactActorNames() {
  static const std::vector<std::string> names = {"multi_vae",  "multi_dae", "gaussian_vae",
                                                 "linear_vae", "wmf",       "recvae"};
  return names;
}

std::unique_ptr<RowActor> MakeRactActor(const RactConfig& config, const core::TrainView& view,
                                        const core::TrainerContext& context) {
  if (config.actor == "recvae") {
    const RecvaeOptions options = {.shape = RecvaeShapeOf(config, view.num_items),
                                   .learning_rate = config.learning_rate,
                                   .gamma = config.gamma,
                                   .keep = 1.0 - config.dropout,
                                   .batch_size = config.batch_size};
    return std::make_unique<RecvaeLearner>(view, options, context);
  }
  return std::make_unique<ActorLearner>(view, OptionsOf(config, view.num_items), context);
}

std::unique_ptr<core::Recommender> LoadRactActor(const RactConfig& config, const base::TensorSet& tensors,
                                                 std::int64_t num_items, const std::string& device) {
  if (config.actor == "recvae") {
    return LoadRecvae(RecvaeShapeOf(config, num_items), tensors, device);
  }
  return LoadAutoencoder(ShapeOf(config, num_items), tensors, device);
}

}  // namespace recforce::algos
