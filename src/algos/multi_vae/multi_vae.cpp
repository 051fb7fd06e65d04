// SPDX-License-Identifier: Apache-2.0
#include "algos/multi_vae/multi_vae.h"

#include "algos/common/one_phase_trainer.h"

namespace recforce::algos {
namespace {

AutoencoderShape ShapeOf(const MultiVaeConfig& config, std::int64_t num_items) {
  return {.items = num_items, .hidden = config.hidden, .latent = config.latent, .variational = true};
}

}  // namespace

const config::FieldTable& MultiVaeFields() {
  using C = MultiVaeConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the training users.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Int("hidden", &C::hidden, 1, 65536, "Width of the hidden layer of encoder and decoder.")
          .Alias("mlp_hidden_size")
          .Int("latent", &C::latent, 1, 65536, "Size of the latent code z.")
          .Alias("latent_dimension")
          .SearchChoices({"100", "200", "400"})
          .Real("dropout", &C::dropout, 0.0, 0.999, "Probability of hiding a click from the encoder in training.")
          .Alias("dropout_prob")
          .Search(0.2, 0.8)
          .Real("noise_std", &C::noise_std, 0.0, 100.0, "Deviation of z around its posterior mean, in sigmas.")
          .Real("kl_cap", &C::kl_cap, 0.0, 100.0, "Largest weight of the KL term (beta).")
          .Alias("anneal_cap")
          .Search(0.05, 1.0)
          .Int("kl_anneal_steps", &C::kl_anneal_steps, 0, 1000000000000,
               "The KL weight at step t is min(t / this, kl_cap); 0: kl_cap from the start.")
          .Alias("total_anneal_steps")
          .Search(1000, 200000, config::Scale::kLog)
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec MultiVaeSpec() {
  core::AlgorithmSpec spec;
  spec.name = "multi_vae";
  spec.summary = "Variational autoencoder with a multinomial likelihood.";
  spec.paper = "Liang et al., WWW 2018";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<MultiVaeConfig>("multi_vae", MultiVaeFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<MultiVaeConfig>();
    const ActorOptions options = {.shape = ShapeOf(config, view.num_items),
                                  .keep = 1.0 - config.dropout,
                                  .noise_std = config.noise_std,
                                  .learning_rate = config.learning_rate,
                                  .kl_cap = config.kl_cap,
                                  .kl_anneal_steps = config.kl_anneal_steps,
                                  .batch_size = config.batch_size};
    return MakeOnePhaseTrainer<ActorLearner>(view, options, context, config.epochs, config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadAutoencoder(ShapeOf(section.As<MultiVaeConfig>(), num_items), tensors, device);
  };
  return spec;
}

}  // namespace recforce::algos
