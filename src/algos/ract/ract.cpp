// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/ract.h"

#include "algos/ract/actors.h"
#include "algos/ract/critic.h"
#include "algos/ract/finetune_loss.h"
#include "algos/ract/ract_trainer.h"
#include "nn/device.h"

namespace recforce::algos {

const config::FieldTable& RactFields() {
  using C = RactConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .TextList("stages", &C::stages,
                    "Stages in their order, each with its epochs and perhaps its patience, as in "
                    "[actor:200, critic:50, finetune:100:10]; empty: actor, critic, finetune with the epochs below.")
          .Choice("actor", &C::actor, RactActorNames(), "What is fine-tuned.")
          .Int("actor_epochs", &C::actor_epochs, 0, 1000000, "Stage 1: epochs of the actor's own training.")
          .Alias("pretrain_epochs")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Stage 1: Adam step size of the actor.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Int("hidden", &C::hidden, 1, 65536, "Width of hidden layers; linear_vae and wmf have none.")
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
          .Real("l2", &C::l2, 0.0, 1000.0, "Stage 1: this times the squared norm of all weights is added to the loss.")
          .Real("positive_weight", &C::positive_weight, 0.0, 1e6,
                "gaussian_vae, linear_vae, wmf: weight of the squared error of a click; of anything else it is 1.")
          .Real("gamma", &C::gamma, 0.0, 100.0, "recvae: the KL weight of a user is this times its number of clicks.")
          .Text(
              "finetune_dropout", &C::finetune_dropout,
              "Stages 2 and 3: share of clicks that are hidden; a range, as in 0.1..0.5, is drawn from for each user; "
              "auto: dropout.")
          .Text(
              "target", &C::target,
              "What the critic learns of the ranking of hidden clicks: ndcg, dcg, recall, ap, mrr, hit, precision, or "
              "a metric that was registered (algos/ract/target.h).")
          .Int("target_k", &C::target_k, 1, 1000000, "The metric looks at this many places.")
          .Alias("metrics_k")
          .Int("critic_epochs", &C::critic_epochs, 0, 1000000, "Stage 2: epochs of critic training, actor frozen.")
          .TextList("critic_features", &C::critic_features, "What the critic sees, some of seen, hidden, error.")
          .Choice("critic_scaling", &C::critic_scaling, CriticScalingNames(),
                  "Of its features: frozen statistics taken once, before stage 2; none: as the authors' code comes to; "
                  "ema: running statistics of stage 2; batch: of each batch, as RecBole.")
          .Real("critic_learning_rate", &C::critic_learning_rate, 1e-9, 10.0,
                "Stages 2 and 3: Adam step size of the critic.")
          .Search(0.0001, 0.01, config::Scale::kLog)
          .Real("critic_l2", &C::critic_l2, 0.0, 1000.0,
                "The critic's loss gains this times its squared norm over the batch size.")
          .Int("finetune_epochs", &C::finetune_epochs, 0, 1000000, "Stage 3: epochs of fine-tuning.")
          .Real("finetune_learning_rate", &C::finetune_learning_rate, 1e-12, 10.0,
                "Stage 3: Adam step size of the actor.")
          .Search(1e-6, 0.0003, config::Scale::kLog)
          .Real("finetune_kl_weight", &C::finetune_kl_weight, 0.0, 100.0, "Stage 3: weight of the KL term.")
          .Choice("finetune", &C::finetune, FinetuneNames(),
                  "Stage 3 follows the critic, or has none: the actor's own error (nll) and the same per click are "
                  "controls; unseen: likelihood of hidden clicks among what was not shown; warp and lambdarank: pairs.")
          .Bool("positive_weights", &C::positive_weights, "Users whose error the critic wants higher are left alone.")
          .Int("pairs_k", &C::pairs_k, 0, 1000000,
               "lambdarank: one of a pair is among this many first places; 0: all pairs.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Int("patience", &C::patience, 0, 1000000,
               "Stages 1 and 3 end after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Bool("finetune_critic", &C::finetune_critic, "The critic goes on learning in stage 3; false: as RecBole.")
          .Bool("target_per_root", &C::target_per_root,
                "Targets are divided by the root of a user's clicks; true: as RecBole.")
          .Real("input_scale", &C::input_scale, 1e-6, 1e6, "Inputs are multiplied with it; RecBole's are halved.")
          .Choice("init", &C::init, {"xavier_uniform", "xavier_normal"}, "First weights; xavier_normal: as RecBole.")
          .Choice("hand_over", &C::hand_over, {"best", "last"},
                  "Weights that a stage leaves to the next: the best by validation, or the last, as RecBole.")
          .Take();
  return table;
}

core::AlgorithmSpec RactSpec() {
  core::AlgorithmSpec spec;
  spec.name = "ract";
  spec.summary = "Autoencoder fine-tuned by a critic that learns the ranking metric.";
  spec.paper = "Lobel et al., ICLR 2020";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<RactConfig>("ract", RactFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return nn::Guarded([&] { return std::make_unique<RactTrainer>(section.As<RactConfig>(), view, context); });
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadRactActor(section.As<RactConfig>(), tensors, num_items, device);
  };
  return spec;
}

}  // namespace recforce::algos
