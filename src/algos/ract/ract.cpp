// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/ract.h"

#include "algos/common/autoencoder.h"
#include "algos/ract/ract_trainer.h"
#include "nn/device.h"

namespace recforce::algos {

const config::FieldTable& RactFields() {
  using C = RactConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("actor_epochs", &C::actor_epochs, 1, 1000000, "Stage 1: epochs of likelihood training of the actor.")
          .Alias("pretrain_epochs")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Stage 1: Adam step size of the actor.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Int("hidden", &C::hidden, 1, 65536, "Width of the hidden layer of encoder and decoder.")
          .Alias("mlp_hidden_size")
          .Int("latent", &C::latent, 1, 65536, "Size of the latent code z.")
          .Alias("latent_dimension")
          .Real("dropout", &C::dropout, 0.0, 0.999,
                "Probability of hiding a click from the encoder; the hidden ones are the critic's targets.")
          .Alias("dropout_prob")
          .Search(0.2, 0.8)
          .Real("noise_std", &C::noise_std, 0.0, 100.0, "Deviation of z around its posterior mean, in sigmas.")
          .Real("kl_cap", &C::kl_cap, 0.0, 100.0, "Stage 1: largest weight of the KL term (beta).")
          .Alias("anneal_cap")
          .Search(0.05, 1.0)
          .Int("kl_anneal_steps", &C::kl_anneal_steps, 0, 1000000000000,
               "Stage 1: the KL weight at step t is min(t / this, kl_cap); 0: kl_cap from the start.")
          .Alias("total_anneal_steps")
          .Search(1000, 200000, config::Scale::kLog)
          .Int("critic_epochs", &C::critic_epochs, 0, 1000000, "Stage 2: epochs of critic training, actor frozen.")
          .Real("critic_learning_rate", &C::critic_learning_rate, 1e-9, 10.0,
                "Stages 2 and 3: Adam step size of the critic.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Real("critic_l2", &C::critic_l2, 0.0, 1000.0,
                "The critic's loss gains this times its squared norm over the batch size.")
          .Choice(
              "critic_features", &C::critic_features, {"frozen", "raw"},
              "frozen: features standardised with statistics taken once, before stage 2; raw: as the authors' code.")
          .Int("target_k", &C::target_k, 1, 1000000, "The critic learns NDCG@k for this k.")
          .Alias("metrics_k")
          .Int("finetune_epochs", &C::finetune_epochs, 0, 1000000, "Stage 3: epochs of fine-tuning.")
          .Real("finetune_learning_rate", &C::finetune_learning_rate, 1e-12, 10.0,
                "Stage 3: Adam step size of the actor.")
          .Search(1e-6, 0.0003, config::Scale::kLog)
          .Real("finetune_kl_weight", &C::finetune_kl_weight, 0.0, 100.0, "Stage 3: weight of the KL term.")
          .Choice("finetune", &C::finetune, {"critic", "nll", "nll_per_click"},
                  "Stage 3 follows the critic, or is a control without it: likelihood, or likelihood per click.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Int("patience", &C::patience, 0, 1000000,
               "Stages 1 and 3 end after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec RactSpec() {
  core::AlgorithmSpec spec;
  spec.name = "ract";
  spec.summary = "Multi-VAE actor fine-tuned by a critic that learns the ranking metric.";
  spec.paper = "Lobel et al., ICLR 2020";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<RactConfig>("ract", RactFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return nn::Guarded([&] { return std::make_unique<RactTrainer>(section.As<RactConfig>(), view, context); });
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadAutoencoder(ActorShape(section.As<RactConfig>(), num_items), tensors, device);
  };
  return spec;
}

}  // namespace recforce::algos
