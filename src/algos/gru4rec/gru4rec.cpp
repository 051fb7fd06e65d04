// SPDX-License-Identifier: Apache-2.0
#include "algos/gru4rec/gru4rec.h"

#include "algos/common/one_phase_trainer.h"
#include "algos/gru4rec/learner.h"
#include "nn/device.h"

namespace recforce::algos {
namespace {

Gru4recShape ShapeOf(const Gru4recConfig& config, std::int64_t num_items) {
  if (config.layers.empty()) {
    throw base::Error(base::ErrorKind::kUsage, "gru4rec.layers: is empty; expected the units of one layer or more");
  }
  Gru4recShape shape;
  shape.items = num_items;
  shape.layers = config.layers;
  if (config.embedding == "separate") {
    shape.embedding = config.embedding_dim > 0 ? config.embedding_dim : config.layers.front();
  }
  shape.cell = config.cell == "gru" ? nn::Cell::kGru : nn::Cell::kGruAfter;
  return shape;
}

Gru4recOptions OptionsOf(const Gru4recConfig& config, std::int64_t num_items) {
  Gru4recOptions options;
  options.shape = ShapeOf(config, num_items);
  options.batch_size = config.batch_size;
  options.learning_rate = config.learning_rate;
  options.rate_left = config.learning_rate_left;
  options.epochs = config.epochs;
  options.momentum = config.momentum;
  options.keep_embedding = 1.0 - config.embedding_dropout;
  options.keep_hidden = 1.0 - config.hidden_dropout;
  options.loss = {
      .kind = ParseSessionLoss(config.loss), .bpreg = config.bpreg, .elu = config.elu, .mask_hits = config.mask_hits};
  options.columns = {.negatives = config.negatives,
                     .exponent = config.negative_exponent,
                     .logq = config.loss == "cross_entropy" ? config.logq : 0.0,
                     .expected_counts = config.logq_counts == "expected"};
  options.shuffle = config.order == "shuffled";
  return options;
}

}  // namespace

const config::FieldTable& Gru4recFields() {
  using C = Gru4recConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the training sessions.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Sessions that are walked through side by side.")
          .Alias("train_batch_size")
          .Search(32, 256)
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adagrad.")
          .Search(0.01, 0.25, config::Scale::kLog)
          .Real("learning_rate_left", &C::learning_rate_left, 0.0, 1.0,
                "Share of learning_rate that is left at the end of all epochs; it falls evenly, step by step.")
          .Search(0.0, 1.0)
          .Real("momentum", &C::momentum, 0.0, 0.999, "Share of the last move of a row that it makes again.")
          .Search(0.0, 0.9)
          .IntList("layers", &C::layers, 1, 65536, "Units of the recurrent layers, the first one first.")
          .Choice("cell", &C::cell, {"gru", "gru_after"},
                  "Whether the reset gate comes before the product with the state, as in the paper, or after it.")
          .Choice("embedding", &C::embedding, {"shared", "separate"},
                  "Whether items go in by the vectors that score them, or by vectors of their own.")
          .Int("embedding_dim", &C::embedding_dim, 0, 65536,
               "separate: length of the vectors that go in; 0: as wide as the first layer.")
          .Alias("embedding_size")
          .Real("embedding_dropout", &C::embedding_dropout, 0.0, 0.999,
                "Probability of dropping a number that goes in.")
          .Search(0.0, 0.5)
          .Real("hidden_dropout", &C::hidden_dropout, 0.0, 0.999,
                "Probability of dropping a number that comes out of a layer; what the layer remembers stays whole.")
          .Alias("dropout_prob")
          .Search(0.0, 0.7)
          .Choice("loss", &C::loss, {"cross_entropy", "bpr_max", "top1_max", "bpr", "top1"},
                  "Of the target against the other columns of the step.")
          .Int("negatives", &C::negatives, 0, 10000000,
               "Items drawn in each step, for all sessions; the targets of the other sessions come beside them.")
          .Real("negative_exponent", &C::negative_exponent, 0.0, 2.0,
                "Items are drawn in proportion to their clicks to this power; 0: all alike.")
          .Search(0.0, 1.0)
          .Real("logq", &C::logq, 0.0, 1.0,
                "cross_entropy: share of the correction for popular items being drawn more often.")
          .Choice("logq_counts", &C::logq_counts, {"expected", "counts"},
                  "What the correction takes the logarithm of: how many of a step's columns are expected to hold the "
                  "item, or its clicks, whatever the numbers of columns of either kind.")
          .Bool("mask_hits", &C::mask_hits, "Columns that hold a session's target are no negatives of it.")
          .Real("bpreg", &C::bpreg, 0.0, 1000.0, "bpr_max: weight of the negatives' squared scores.")
          .Search(0.0, 2.0)
          .Real("elu", &C::elu, 0.0, 100.0,
                "Other losses than cross_entropy: scores pass through an elu of this size; 0: as they are.")
          .SearchChoices({"0", "0.5", "1"})
          .Choice("order", &C::order, {"time", "shuffled"},
                  "How sessions follow on each other: by their start, so that late ones are learnt last (without times "
                  "by the numbers of their ids, where all have one), or anew in each epoch.")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec Gru4recSpec() {
  core::AlgorithmSpec spec;
  spec.name = "gru4rec";
  spec.summary = "Recurrent network over the clicks of a session; recommends what comes next.";
  spec.paper = "Hidasi and Karatzoglou, CIKM 2018";
  spec.uses_device = true;
  spec.reads_columns = true;
  spec.make_config = [] { return config::Section::Make<Gru4recConfig>("gru4rec", Gru4recFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<Gru4recConfig>();
    return MakeOnePhaseTrainer<Gru4recLearner>(view, OptionsOf(config, view.num_items), context, config.epochs,
                                               config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) -> std::unique_ptr<core::Recommender> {
    return std::make_unique<Gru4recRecommender>(
        Gru4recParams::Load(ShapeOf(section.As<Gru4recConfig>(), num_items), tensors, "", nn::ParseDevice(device)));
  };
  return spec;
}

}  // namespace recforce::algos
