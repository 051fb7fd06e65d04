// SPDX-License-Identifier: Apache-2.0
#include "algos/multi_dae/multi_dae.h"

#include "algos/common/one_phase_trainer.h"

namespace recforce::algos {
namespace {

AutoencoderShape ShapeOf(const MultiDaeConfig& config, std::int64_t num_items) {
  return {.items = num_items, .hidden = config.hidden, .latent = config.latent, .variational = false};
}

}  // namespace

const config::FieldTable& MultiDaeFields() {
  using C = MultiDaeConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the training users.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Int(
              "hidden", &C::hidden, 0, 65536,
              "Width of an extra tanh layer on both sides of the code (600 in the RaCT code); 0: none, as Liang et al.")
          .Alias("mlp_hidden_size")
          .Int("latent", &C::latent, 1, 65536, "Size of the code; its layer is tanh when there is no hidden layer.")
          .Alias("latent_dimension")
          .SearchChoices({"100", "200", "400"})
          .Real("dropout", &C::dropout, 0.0, 0.999, "Probability of hiding a click from the encoder in training.")
          .Alias("dropout_prob")
          .Search(0.2, 0.8)
          .Real("l2", &C::l2, 0.0, 1000.0, "The loss gains this times the squared norm of all parameters.")
          .Search(1e-7, 0.001, config::Scale::kLog)
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec MultiDaeSpec() {
  core::AlgorithmSpec spec;
  spec.name = "multi_dae";
  spec.summary = "Denoising autoencoder with a multinomial likelihood.";
  spec.paper = "Liang et al., WWW 2018";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<MultiDaeConfig>("multi_dae", MultiDaeFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<MultiDaeConfig>();
    const ActorOptions options = {.shape = ShapeOf(config, view.num_items),
                                  .keep = 1.0 - config.dropout,
                                  .noise_std = 0.0,
                                  .learning_rate = config.learning_rate,
                                  .l2 = config.l2,
                                  .kl_cap = 0.0,
                                  .batch_size = config.batch_size};
    return MakeOnePhaseTrainer<ActorLearner>(view, options, context, config.epochs, config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadAutoencoder(ShapeOf(section.As<MultiDaeConfig>(), num_items), tensors, device);
  };
  return spec;
}

}  // namespace recforce::algos
