// SPDX-License-Identifier: Apache-2.0
#include "algos/sasrec/sasrec.h"

#include "algos/common/one_phase_trainer.h"
#include "algos/sasrec/learner.h"
#include "nn/device.h"

namespace recforce::algos {
namespace {

SasrecShape ShapeOf(const SasrecConfig& config, std::int64_t num_items) {
  if (config.hidden % config.heads != 0) {
    throw base::Error(base::ErrorKind::kUsage, "sasrec.heads: does not divide sasrec.hidden: '" +
                                                   std::to_string(config.heads) + "'; expected a divisor of " +
                                                   std::to_string(config.hidden));
  }
  return {.items = num_items,
          .hidden = config.hidden,
          .inner = config.inner > 0 ? config.inner : config.hidden,
          .blocks = config.blocks,
          .heads = config.heads,
          .max_length = config.max_length,
          .norm_last = config.norm == "last",
          .gelu = config.activation == "gelu"};
}

SasrecLoss LossOf(const SasrecConfig& config) {
  if (config.loss == "ce") {
    return SasrecLoss::kFullCrossEntropy;
  }
  return config.loss == "bce" ? SasrecLoss::kBinaryCrossEntropy : SasrecLoss::kSampledCrossEntropy;
}

}  // namespace

const config::FieldTable& SasrecFields() {
  using C = SasrecConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the training users.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users in one optimiser step.")
          .Alias("train_batch_size")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(0.0003, 0.003, config::Scale::kLog)
          .Int("hidden", &C::hidden, 1, 65536, "Width of items, positions and layers.")
          .Alias("hidden_size")
          .SearchChoices({"64", "128"})
          .Int("inner", &C::inner, 0, 65536, "Inner width of the feed-forward layers; 0: as wide as hidden.")
          .Alias("inner_size")
          .Int("blocks", &C::blocks, 1, 1000, "Self-attention blocks, one on the other.")
          .Alias("n_layers")
          .SearchChoices({"1", "2", "3"})
          .Int("heads", &C::heads, 1, 65536, "Attention heads; they divide hidden.")
          .Alias("n_heads")
          .Int("max_length", &C::max_length, 1, 1000000, "Events of a user that are read, the last ones.")
          .Alias("MAX_ITEM_LIST_LENGTH")
          .Real("dropout", &C::dropout, 0.0, 0.999,
                "Probability of dropping a number of the input, an attention weight or a number of a layer's output.")
          .Alias("hidden_dropout_prob")
          .Search(0.1, 0.6)
          .Choice("loss", &C::loss, {"ce", "sampled_ce", "bce"},
                  "Cross-entropy over the catalogue, over the target and sampled items, or binary with sampled items.")
          .Int("negatives", &C::negatives, 1, 1000000,
               "Sampled items: for each user with sampled_ce, for each position with bce (1 in the paper).")
          .Choice("norm", &C::norm, {"first", "last"},
                  "Layer normalisation before each layer (as in the paper) or after the sum that follows it.")
          .Choice("activation", &C::activation, {"relu", "gelu"}, "Of the feed-forward layers.")
          .Alias("hidden_act")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec SasrecSpec() {
  core::AlgorithmSpec spec;
  spec.name = "sasrec";
  spec.summary = "Self-attention over the sequence of events; recommends what comes next.";
  spec.paper = "Kang and McAuley, ICDM 2018";
  spec.uses_device = true;
  spec.make_config = [] { return config::Section::Make<SasrecConfig>("sasrec", SasrecFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<SasrecConfig>();
    const SasrecOptions options = {.shape = ShapeOf(config, view.num_items),
                                   .batch_size = config.batch_size,
                                   .learning_rate = config.learning_rate,
                                   .keep = 1.0 - config.dropout,
                                   .loss = LossOf(config),
                                   .negatives = config.negatives};
    return MakeOnePhaseTrainer<SasrecLearner>(view, options, context, config.epochs, config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) -> std::unique_ptr<core::Recommender> {
    return std::make_unique<SasrecRecommender>(
        SasrecParams::Load(ShapeOf(section.As<SasrecConfig>(), num_items), tensors, "", nn::ParseDevice(device)));
  };
  return spec;
}

}  // namespace recforce::algos
