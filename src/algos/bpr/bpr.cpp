// SPDX-License-Identifier: Apache-2.0
#include "algos/bpr/bpr.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "algos/bpr/schedule.h"
#include "algos/common/factor_trainer.h"
#include "algos/common/item_weights.h"
#include "algos/common/simd.h"
#include "nn/vector_math.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::uint32_t kFirstCellStream = 2;  // 0 and 1 deal users and items into blocks
constexpr int kTries = 32;                     // draws of a negative before a positive is passed over
constexpr float kAdagradEpsilon = 1e-8F;

FoldIn FoldInOf(const BprConfig& config) {
  return {.unobserved_weight = config.fold_in_unobserved_weight,
          .reg = config.fold_in_reg,
          .hint = "use a larger bpr.fold_in_reg"};
}

// Sums of squared gradients, one for each parameter; empty without Adagrad.
struct Squares {
  std::vector<float> users;
  std::vector<float> items;
  std::vector<float> item_bias;
};

// One side of an ascent: value += rate (gradient - l2 value), or Adagrad's form of it.
struct Step {
  float rate;
  float l2;
  bool adagrad;
  void operator()(float& value, float* square, float gradient) const {
    const float full = gradient - l2 * value;
    if (!adagrad) {
      value += rate * full;
      return;
    }
    *square += full * full;
    value += rate * full / (std::sqrt(*square) + kAdagradEpsilon);
  }
};

// Draws items of one block: alike, or by popularity to a power.
class NegativeSampler {
 public:
  NegativeSampler(std::span<const std::int32_t> items, std::span<const double> weights) : items_(items) {
    for (std::size_t at = 0; at < items.size() && !weights.empty(); ++at) {
      total_ += weights[static_cast<std::size_t>(items[at])];
      cumulative_.push_back(total_);
    }
  }
  std::int32_t Draw(base::Rng& rng) const {
    if (cumulative_.empty() || total_ == 0.0) {
      return items_[static_cast<std::size_t>(rng.Below(items_.size()))];
    }
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), rng.Uniform() * total_);
    return items_[std::min(items_.size() - 1, static_cast<std::size_t>(found - cumulative_.begin()))];
  }

 private:
  std::span<const std::int32_t> items_;
  std::vector<double> cumulative_;
  double total_ = 0.0;
};

struct CellResult {
  double loss = 0.0;
  std::int64_t samples = 0;
};

class BprTrainer final : public FactorTrainer {
 public:
  BprTrainer(const core::TrainView& view, const BprConfig& config, const core::TrainerContext& context)
      : FactorTrainer(view,
                      {.epochs = config.epochs,
                       .patience = config.patience,
                       .dim = config.dim,
                       .init_stdev = config.init_stdev,
                       .bias = config.bias},
                      FoldInOf(config), context),
        config_(config),
        seed_(context.seed) {
    for (std::int64_t user = 0; user < view.interactions.rows(); ++user) {
      std::vector<std::int32_t> row(view.interactions.row(user).begin(), view.interactions.row(user).end());
      std::sort(row.begin(), row.end());
      sorted_.AddRow(row);
    }
    if (config.negative_exponent > 0.0) {
      const data::Csr users_of = Transpose(view.interactions, view.num_items);
      for (std::int64_t item = 0; item < view.num_items; ++item) {
        weights_.push_back(std::pow(static_cast<double>(users_of.row(item).size()), config.negative_exponent));
      }
    }
    if (config.optimizer == "adagrad") {
      squares_.users.assign(tables().users.size(), 0.0F);
      squares_.items.assign(tables().items.size(), 0.0F);
      squares_.item_bias.assign(tables().item_bias.size(), 0.0F);
    }
  }

  core::Metrics Epoch(const core::EpochContext& context) override {
    const Schedule schedule(view().interactions, view().num_items, seed_, context.epoch);
    const auto rate = static_cast<float>(config_.learning_rate *
                                         std::pow(config_.learning_rate_decay, static_cast<double>(context.epoch)));
    const std::int64_t blocks = schedule.blocks();
    std::vector<CellResult> results(static_cast<std::size_t>(blocks));
    CellResult sum;
    for (std::int64_t round = 0; round < blocks; ++round) {
      if (context.stop != nullptr) {
        context.stop->ThrowIfSet();
      }
      base::ParallelFor(0, blocks, 1, [&](std::int64_t block, std::int64_t) {
        results[static_cast<std::size_t>(block)] = LearnCell(schedule, round, block, context.epoch, rate);
      });
      for (const CellResult& result : results) {
        sum.loss += result.loss;
        sum.samples += result.samples;
      }
      if (context.progress) {
        context.progress(round + 1, blocks);
      }
    }
    // Before squares overflow: folding in could not say what is wrong.
    const std::vector<float>& items = tables().items;
    if (!std::isfinite(sum.loss) ||
        !std::isfinite(Dot(items.data(), items.data(), static_cast<std::int64_t>(items.size())))) {
      throw base::Error(
          base::ErrorKind::kDiverged,
          "bpr: the loss or the vectors are not finite; use a smaller bpr.learning_rate or a larger bpr.l2");
    }
    tables().fold_in_scale = CalibrateFoldIn(tables(), view().interactions, FoldInOf(config_));
    Refresh();
    return {{"loss", sum.loss / std::max<double>(1.0, static_cast<double>(sum.samples))}};
  }

  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set = FactorTrainer::SaveState();
    set.AddOwned("squares.users", squares_.users);
    set.AddOwned("squares.items", squares_.items);
    set.AddOwned("squares.item_bias", squares_.item_bias);
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t phase) override {
    FactorTrainer::LoadState(state, phase);
    LoadSquares(state, "squares.users", squares_.users);
    LoadSquares(state, "squares.items", squares_.items);
    LoadSquares(state, "squares.item_bias", squares_.item_bias);
  }

 private:
  static void LoadSquares(const base::TensorSet& state, const std::string& name, std::vector<float>& squares) {
    const auto values = state.Get(name).As<float>();
    if (values.size() != squares.size()) {
      throw base::Error(base::ErrorKind::kData, state.where() + ": tensor '" + name + "' has " +
                                                    std::to_string(values.size()) + " entries; expected " +
                                                    std::to_string(squares.size()));
    }
    squares.assign(values.begin(), values.end());
  }

  // One pass over the interactions of a cell in random order, each against fresh negatives of the cell's items.
  CellResult LearnCell(const Schedule& schedule, std::int64_t round, std::int64_t block, std::int64_t epoch,
                       float rate) {
    const std::span<const Interaction> cell = schedule.Cell(round, block);
    std::vector<Interaction> order(cell.begin(), cell.end());
    base::Rng rng(seed_, base::Stream::kShuffle, static_cast<std::uint64_t>(epoch),
                  kFirstCellStream + schedule.CellNumber(round, block));
    rng.Shuffle(std::span(order));
    const NegativeSampler sampler(schedule.Items(round, block), weights_);
    CellResult result;
    for (const Interaction& interaction : order) {
      const std::span<const std::int32_t> owned = sorted_.row(interaction.user);
      for (std::int64_t n = 0; n < config_.negatives; ++n) {
        std::int32_t negative = sampler.Draw(rng);
        int tries = 1;
        for (; tries < kTries && std::binary_search(owned.begin(), owned.end(), negative); ++tries) {
          negative = sampler.Draw(rng);
        }
        if (tries < kTries) {
          result.loss += LearnTriple(interaction, negative, rate);
          ++result.samples;
        }
      }
    }
    return result;
  }

  // An ascent step on log sigmoid(x_ui - x_uj) - l2 / 2 (squared lengths). Returns -log sigmoid before the step.
  double LearnTriple(Interaction interaction, std::int32_t negative, float rate) {
    const std::int64_t dim = config_.dim;
    const std::int64_t user_at = interaction.user * dim;
    const std::int64_t i_at = interaction.item * dim;
    const std::int64_t j_at = negative * dim;
    float* w = tables().users.data() + user_at;
    float* h_i = tables().items.data() + i_at;
    float* h_j = tables().items.data() + j_at;
    float x = Dot(w, h_i, dim) - Dot(w, h_j, dim);
    if (config_.bias) {
      x += tables().item_bias[static_cast<std::size_t>(interaction.item)] -
           tables().item_bias[static_cast<std::size_t>(negative)];
    }
    const float small = nn::FastExp(-std::abs(x));
    const float gradient = (x > 0.0F ? small : 1.0F) / (1.0F + small);  // sigmoid(-x)
    const Step step{rate, static_cast<float>(config_.l2), !squares_.users.empty()};
    if (step.adagrad) {
      float* square_w = squares_.users.data() + user_at;
      float* square_i = squares_.items.data() + i_at;
      float* square_j = squares_.items.data() + j_at;
      for (std::int64_t k = 0; k < dim; ++k) {
        const float w_k = w[k];
        step(w[k], square_w + k, gradient * (h_i[k] - h_j[k]));
        step(h_i[k], square_i + k, gradient * w_k);
        step(h_j[k], square_j + k, -gradient * w_k);
      }
    } else {
      StepVectors(w, h_i, h_j, gradient, rate);
    }
    if (config_.bias) {
      const Step bias_step{rate, static_cast<float>(config_.bias_l2), step.adagrad};
      StepBias(bias_step, interaction.item, gradient);
      StepBias(bias_step, negative, -gradient);
    }
    return std::max(-x, 0.0F) + std::log1p(small);
  }

  void StepVectors(float* __restrict w, float* __restrict h_i, float* __restrict h_j, float gradient,
                   float rate) const {
    const float keep = 1.0F - rate * static_cast<float>(config_.l2);
    const float move = rate * gradient;
    for (std::int64_t k = 0; k < config_.dim; ++k) {
      const float w_k = w[k];
      w[k] = keep * w_k + move * (h_i[k] - h_j[k]);
      h_i[k] = keep * h_i[k] + move * w_k;
      h_j[k] = keep * h_j[k] - move * w_k;
    }
  }

  void StepBias(const Step& step, std::int32_t item, float gradient) {
    const auto at = static_cast<std::size_t>(item);
    step(tables().item_bias[at], step.adagrad ? &squares_.item_bias[at] : nullptr, gradient);
  }

  BprConfig config_;
  std::uint64_t seed_;
  data::Csr sorted_;             // the training rows by item, to tell what a user has
  std::vector<double> weights_;  // [I] of negatives, or empty: all alike
  Squares squares_;
};

}  // namespace

const config::FieldTable& BprFields() {
  using C = BprConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the interactions.")
          .Int("dim", &C::dim, 1, 4096, "Length of the vectors.")
          .Alias("embedding_size")
          .SearchChoices({"32", "64", "128"})
          .Choice("optimizer", &C::optimizer, {"sgd", "adagrad"}, "How a gradient becomes a step.")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size in the first epoch.")
          .Search(0.005, 0.2, config::Scale::kLog)
          .Real("learning_rate_decay", &C::learning_rate_decay, 1e-3, 1.0,
                "The step size is multiplied by this after every epoch.")
          .Real("l2", &C::l2, 0.0, 1000.0, "Weight decay of the vectors that a sample touches.")
          .Search(0.0001, 0.05, config::Scale::kLog)
          .Bool("bias", &C::bias, "Items have a bias.")
          .Real("bias_l2", &C::bias_l2, 0.0, 1000.0, "Weight decay of the biases that a sample touches.")
          .Int("negatives", &C::negatives, 1, 1000, "Samples for each interaction and epoch.")
          .Real("negative_exponent", &C::negative_exponent, 0.0, 2.0,
                "Negatives are drawn by popularity to this power; 0: all items alike.")
          .Search(0.0, 1.0)
          .Real("init_stdev", &C::init_stdev, 1e-9, 1e3, "Initial entries have this deviation over sqrt(dim).")
          .Real("fold_in_unobserved_weight", &C::fold_in_unobserved_weight, 0.0, 1e6,
                "Strangers: weight of the squared score of every item in their least-squares problem.")
          .Real("fold_in_reg", &C::fold_in_reg, 0.0, 1e9,
                "Strangers: weight of the squared length, times (items of the history + unobserved_weight x all).")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Alias("stopping_step")
          .Take();
  return table;
}

core::AlgorithmSpec BprSpec() {
  core::AlgorithmSpec spec;
  spec.name = "bpr";
  spec.summary = "Matrix factorisation that ranks what users have above what they have not.";
  spec.paper = "Rendle et al., UAI 2009";
  spec.make_config = [] { return config::Section::Make<BprConfig>("bpr", BprFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return std::make_unique<BprTrainer>(view, section.As<BprConfig>(), context);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) -> std::unique_ptr<core::Recommender> {
    const auto& config = section.As<BprConfig>();
    auto tables = std::make_shared<FactorTables>(FactorTables::Load(tensors, "", num_items, config.dim));
    return std::make_unique<FactorRecommender>(std::move(tables), num_items, FoldInOf(config));
  };
  return spec;
}

}  // namespace recforce::algos
