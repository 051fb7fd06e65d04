// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/gan_user_model.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "algos/common/numbered_rows.h"
#include "algos/gan_user_model/simulator.h"
#include "algos/gan_user_model/trainer.h"
#include "algos/gan_user_model/user_model.h"
#include "nn/device.h"
#include "recforce/base/error.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kAuthorsUsers = 50;  // in a batch of the authors' program

// `compat` overrides what the authors' program does not have.
GanUserModelConfig Effective(const config::Section& section) {
  GanUserModelConfig config = section.As<GanUserModelConfig>();
  if (config.compat) {
    config.learning_rate = 5e-4;
    config.weight_decay = 0.0;
    config.clip = 0.0;
    config.history = config.state == "pw" ? std::max<std::int64_t>(1, config.history - 1) : config.history;
    config.position_squash = "none";
    config.position_bias = false;
    config.popularity = false;
    config.repeats = false;
    config.no_click = "fixed";
    config.no_click_reward = 0.0;
  }
  return config;
}

ModelOptions ModelOf(const GanUserModelConfig& config, std::int64_t num_items) {
  if (config.reward_layers.empty()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "gan_user_model.reward_layers: is empty; expected the width of one hidden layer or more");
  }
  ModelOptions options;
  options.shape = {.items = num_items,
                   .dim = config.dim,
                   .state = config.state == "lstm"   ? StateKind::kLstm
                            : config.state == "none" ? StateKind::kNone
                                                     : StateKind::kPositions,
                   .memory = config.history,
                   .positions = config.positions,
                   .squash = config.position_squash == "none"   ? Squash::kNone
                             : config.position_squash == "tanh" ? Squash::kTanh
                                                                : Squash::kElu,
                   .position_bias = config.position_bias,
                   .hidden = config.hidden,
                   .layers = config.reward_layers,
                   .item_bias = config.popularity,
                   .repeats = config.repeats};
  options.members = config.ensemble;
  options.law = core::ParseChoiceLaw(config.law);
  options.eta = config.eta;
  return options;
}

// Columns with mean 0 and deviation 1; constant ones become 0.
void Standardise(std::vector<float>& values, std::int64_t cols) {
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / cols;
  for (std::int64_t c = 0; c < cols; ++c) {
    double sum = 0.0;
    double square = 0.0;
    for (std::int64_t r = 0; r < rows; ++r) {
      sum += static_cast<double>(values[static_cast<std::size_t>(r * cols + c)]);
    }
    const double mean = sum / static_cast<double>(rows);
    for (std::int64_t r = 0; r < rows; ++r) {
      const double off = static_cast<double>(values[static_cast<std::size_t>(r * cols + c)]) - mean;
      square += off * off;
    }
    const double deviation = std::sqrt(square / static_cast<double>(rows));
    for (std::int64_t r = 0; r < rows; ++r) {
      float& value = values[static_cast<std::size_t>(r * cols + c)];
      value = deviation > 0.0 ? static_cast<float>((static_cast<double>(value) - mean) / deviation) : 0.0F;
    }
  }
}

std::unique_ptr<core::Trainer> MakeTrainer(const config::Section& section, const core::TrainView& view,
                                           const core::TrainerContext& context) {
  const torch::Device device = nn::ParseDevice(context.device);
  if (view.displays == nullptr || view.displays->size() == 0) {
    throw base::Error(base::ErrorKind::kUsage,
                      "gan_user_model: learns from what was shown together: there are no displays; expected a dataset "
                      "with displays and split.kind displays");
  }
  const GanUserModelConfig config = Effective(section);
  GanTrainerOptions options;
  options.model = ModelOf(config, view.num_items);
  options.epochs = config.epochs;
  options.game_epochs = config.game ? config.game_epochs : 0;
  options.patience = config.patience;
  options.temperature = config.temperature;
  if (!config.item_features.empty()) {
    base::NpyMatrix features = ReadNumberedRows(config.item_features, view.num_items, view.item_id, "item");
    options.features = std::move(features.values);
    options.model.shape.features = features.cols;
    Standardise(options.features, options.model.shape.features);
  }
  const bool occurs = view.displays->has_no_clicks();
  LearnerOptions& learner = options.learner;
  learner.shape = options.model.shape;
  learner.terms = {options.model.law, config.eta};
  learner.no_click = config.no_click == "fixed"                                             ? NoClick::kFixed
                     : config.no_click == "learnt" || (config.no_click == "auto" && occurs) ? NoClick::kLearnt
                                                                                            : NoClick::kAbsent;
  options.offset_unknown = learner.no_click != NoClick::kAbsent && !occurs;
  learner.init = {.authors = config.compat,
                  .item_deviation = config.item_deviation,
                  .position_weight = config.position_init,
                  .no_click = config.no_click_reward};
  learner.batch_size = config.batch_size;
  learner.users_drawn = config.compat ? kAuthorsUsers : 0;
  learner.learning_rate = config.learning_rate;
  learner.weight_decay = config.weight_decay;
  learner.popularity_decay = config.popularity_decay;
  learner.clip = config.clip;
  learner.game_steps = config.game_steps;
  learner.game_learning_rate = config.game_learning_rate;
  if (!options.features.empty()) {
    learner.features =
        torch::from_blob(options.features.data(), {view.num_items, learner.shape.features}).clone().to(device);
  }
  return std::make_unique<GanTrainer>(view, std::move(options), context);
}

std::shared_ptr<const UserModel> LoadModel(const config::Section& section, const base::TensorSet& tensors,
                                           std::int64_t num_items, const std::string& device) {
  (void)nn::ParseDevice(device);
  return std::make_shared<const UserModel>(ModelOf(Effective(section), num_items), tensors);
}

}  // namespace

const config::FieldTable& GanUserModelFields() {
  using C = GanUserModelConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the training users.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Choices in one optimiser step, of whole users.")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(0.0003, 0.003, config::Scale::kLog)
          .Real("weight_decay", &C::weight_decay, 0.0, 1e6,
                "Half of it times the squared weights and item vectors joins the loss of all training choices.")
          .Search(0.1, 100.0, config::Scale::kLog)
          .Real("popularity_decay", &C::popularity_decay, 0.0, 1e6, "The same for the items' own biases.")
          .Search(0.01, 10.0, config::Scale::kLog)
          .Real("clip", &C::clip, 0.0, 1e9, "Longest gradient of a step; 0: any length.")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Int("dim", &C::dim, 1, 65536, "Numbers in an item vector.")
          .SearchChoices({"8", "16", "32"})
          .Real("item_deviation", &C::item_deviation, 0.0, 1e3, "Deviation of item vectors at the start.")
          .Text("item_features", &C::item_features,
                "A .npy file of item features; an item's row is its id as a number. Empty: item vectors are learnt "
                "from choices alone.")
          .Choice("state", &C::state, {"pw", "lstm", "none"},
                  "What a user's clicks become: weighted sums by position, the state of an LSTM, or nothing.")
          .SearchChoices({"pw", "lstm", "none"})
          .Int("history", &C::history, 1, 100000, "Last clicks of a user that are read.")
          .Int("positions", &C::positions, 1, 1000, "pw: weighted sums, each with weights of its own.")
          .Choice("position_squash", &C::position_squash, {"elu", "tanh", "none"}, "pw: the sums go through it.")
          .Bool("position_bias", &C::position_bias, "pw: whether the sums have a bias.")
          .Real("position_init", &C::position_init, -1e3, 1e3,
                "pw: every weight at the start; 0: drawn, with deviation 0.3.")
          .Int("hidden", &C::hidden, 1, 65536, "lstm: hidden units.")
          .IntList("reward_layers", &C::reward_layers, 1, 65536, "Widths of the reward's hidden layers.")
          .Bool("popularity", &C::popularity, "Whether an item has a reward of its own, whatever the user.")
          .Bool("repeats", &C::repeats,
                "pw, lstm: whether an item that is among the last clicks has one more reward, by how many clicks ago "
                "that was and the same for all items.")
          .Choice(
              "no_click", &C::no_click, {"auto", "learnt", "fixed", "absent"},
              "What choosing nothing is worth: learnt, no_click_reward, or no choice at all, its displays left out. "
              "auto: learnt where it occurs, else absent.")
          .Real("no_click_reward", &C::no_click_reward, -1e6, 1e6, "Its reward: fixed, or at the start.")
          .Choice("law", &C::law, {"shannon", "l2", "entmax15"}, "The regulariser of choices.")
          .Real("eta", &C::eta, 1e-6, 1e6, "How much reward counts against the regulariser.")
          .Bool("temperature", &C::temperature,
                "Whether utilities are scaled in the end so that validation choices are likeliest.")
          .Int("ensemble", &C::ensemble, 1, 1000, "Networks, each learnt from users drawn with replacement if several.")
          .Real("pessimism", &C::pessimism, 0.0, 1e6,
                "As an environment: rewards are the mean of the ensemble minus this many deviations.")
          .Choice("choices", &C::choices, {"mean", "member"},
                  "As an environment: users choose by the ensemble's mean, or each by a network of its own.")
          .Choice("reward", &C::reward, {"utility", "click", "advantage"},
                  "As an environment: a click brings its reward, 1, or its reward minus that of choosing nothing.")
          .Bool("game", &C::game, "Whether training ends with the game of reward and behaviour, move by move.")
          .Int("game_epochs", &C::game_epochs, 1, 1000000, "Passes of the game.")
          .Int("game_steps", &C::game_steps, 1, 1000000, "Moves of the behaviour before each move of the reward.")
          .Real("game_learning_rate", &C::game_learning_rate, 1e-9, 10.0, "Step size of the behaviour.")
          .Bool(
              "compat", &C::compat,
              "As the authors' program: overrides the step size, decays, biases, batches and what choosing nothing is "
              "worth.")
          .Take();
  return table;
}

core::AlgorithmSpec GanUserModelSpec() {
  core::AlgorithmSpec spec;
  spec.name = "gan_user_model";
  spec.summary = "How users choose from what they are shown; stands for them as an environment.";
  spec.paper = "Chen et al., ICML 2019";
  spec.uses_device = true;
  spec.needs = core::Needs::kDisplays;
  spec.own_metric = "log_likelihood";
  spec.make_config = [] { return config::Section::Make<GanUserModelConfig>("gan_user_model", GanUserModelFields()); };
  spec.make_trainer = MakeTrainer;
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) -> std::unique_ptr<core::Recommender> {
    return std::make_unique<UserRecommender>(LoadModel(section, tensors, num_items, device));
  };
  spec.load_environment = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                             const std::string& device) {
    const GanUserModelConfig config = Effective(section);
    const SimulatorOptions options = {.reward = config.reward == "click"       ? SimulatorReward::kClick
                                                : config.reward == "advantage" ? SimulatorReward::kAdvantage
                                                                               : SimulatorReward::kUtility,
                                      .pessimism = config.pessimism,
                                      .one_member_a_user = config.choices == "member"};
    return MakeSimulator(LoadModel(section, tensors, num_items, device), options, tensors);
  };
  return spec;
}

}  // namespace recforce::algos
