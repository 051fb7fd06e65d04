// SPDX-License-Identifier: Apache-2.0
#include "algos/recvae/recvae.h"

#include "algos/common/one_phase_trainer.h"
#include "algos/common/recvae_learner.h"

namespace recforce::algos {
namespace {

RecvaeShape ShapeOf(const RecvaeConfig& config, std::int64_t num_items) {
  return {.items = num_items, .hidden = config.hidden, .latent = config.latent};
}

}  // namespace

const config::FieldTable& RecvaeFields() {
  using C = RecvaeConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Rounds of all encoder and decoder passes.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam, for both networks.")
          .Search(0.0001, 0.002, config::Scale::kLog)
          .Int("hidden", &C::hidden, 1, 65536, "Width of the encoder's layers.")
          .Alias("hidden_dimension")
          .Int("latent", &C::latent, 1, 65536, "Size of the latent code z.")
          .Alias("latent_dimension")
          .SearchChoices({"100", "200", "400"})
          .Real("dropout", &C::dropout, 0.0, 0.999,
                "Probability of hiding a click from the encoder while the encoder is updated.")
          .Alias("dropout_prob")
          .Search(0.2, 0.8)
          .Real("gamma", &C::gamma, 0.0, 100.0, "The KL weight of a user is this times its number of clicks.")
          .Search(0.001, 0.02, config::Scale::kLog)
          .Int("encoder_passes", &C::encoder_passes, 1, 1000, "Passes over the users for the encoder in an epoch.")
          .Alias("n_enc_epochs")
          .Int("decoder_passes", &C::decoder_passes, 1, 1000, "Passes over the users for the decoder in an epoch.")
          .Alias("n_dec_epochs")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec RecvaeSpec() {
  core::AlgorithmSpec spec;
  spec.name = "recvae";
  spec.summary = "Variational autoencoder with a composite prior and alternating updates.";
  spec.paper = "Shenbin et al., WSDM 2020";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<RecvaeConfig>("recvae", RecvaeFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<RecvaeConfig>();
    const RecvaeOptions options = {.shape = ShapeOf(config, view.num_items),
                                   .learning_rate = config.learning_rate,
                                   .gamma = config.gamma,
                                   .keep = 1.0 - config.dropout,
                                   .batch_size = config.batch_size,
                                   .encoder_passes = config.encoder_passes,
                                   .decoder_passes = config.decoder_passes};
    return MakeOnePhaseTrainer<RecvaeLearner>(view, options, context, config.epochs, config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadRecvae(ShapeOf(section.As<RecvaeConfig>(), num_items), tensors, device);
  };
  return spec;
}

}  // namespace recforce::algos
