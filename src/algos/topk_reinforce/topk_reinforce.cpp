// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/topk_reinforce.h"

#include "algos/common/one_phase_trainer.h"
#include "algos/topk_reinforce/learner.h"
#include "nn/device.h"
#include "sim/drawing_policy.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kFullSoftmaxItems = 20000;  // auto: up to so many items the softmax is exact

PolicyShape ShapeOf(const TopKReinforceConfig& config, std::int64_t num_items, std::int64_t num_contexts) {
  PolicyShape shape;
  shape.contexts = config.context == "ignore" ? 0 : num_contexts;
  shape.items = num_items;
  shape.embedding = config.embedding;
  shape.hidden = config.hidden;
  if (config.state != "cfn") {
    shape.cell = config.state == "gru" ? nn::Cell::kGru : nn::Cell::kGruAfter;
  }
  return shape;
}

[[noreturn]] void Refuse(const std::string& message) {
  throw base::Error(base::ErrorKind::kUsage, "topk_reinforce." + message);
}

void CheckSettings(const TopKReinforceConfig& config, const core::TrainView& view, bool sampled) {
  if (sampled && config.entropy_weight > 0.0) {
    Refuse("entropy_weight: a sampled softmax has no entropy: '" + config.softmax + "'; expected softmax full, or 0");
  }
  if (config.behaviour == "logged" && view.propensities.empty()) {
    Refuse("behaviour: the log has no propensities: 'logged'; expected auto or head");
  }
  if (config.reward == "value" && view.values.empty()) {
    Refuse("reward: the log has no values: 'value'; expected auto or one");
  }
}

PolicyOptions OptionsOf(const TopKReinforceConfig& config, const core::TrainView& view) {
  PolicyOptions options;
  options.sampled = config.softmax == "sampled" || (config.softmax == "auto" && view.num_items > kFullSoftmaxItems);
  CheckSettings(config, view, options.sampled);
  options.shape = ShapeOf(config, view.num_items, view.num_contexts);
  options.returns = {.use_values = config.reward != "one",
                     .clip = config.reward_clip,
                     .discount = config.discount,
                     .horizon_seconds = config.horizon,
                     .novelty_boost = config.novelty_boost,
                     .novelty_days = config.novelty_days};
  options.correction = {.kind = ParseCorrection(config.correction),
                        .top_k = config.top_k,
                        .cap = config.cap,
                        .normalised = config.normalise};
  options.use_propensities = config.behaviour != "head";
  options.beta_weight = config.beta_weight;
  options.kl_weight = config.kl_weight;
  options.entropy_weight = config.entropy_weight;
  options.temperature = config.temperature;
  options.lanes = config.batch_size;
  options.steps = config.steps;
  options.learning_rate = config.learning_rate;
  options.negatives = config.negatives;
  options.proposal = config.proposal;
  options.proposal_exponent = config.proposal_exponent;
  options.unique = config.unique;
  options.exact_weights = config.weights == "exact";
  return options;
}

std::unique_ptr<core::Recommender> LoadPolicy(const TopKReinforceConfig& config, const base::TensorSet& tensors,
                                              std::int64_t num_items, const std::string& device) {
  const std::int64_t contexts = tensors.Has("context.gates") ? tensors.Get("context.gates").shape.at(0) : 0;
  return std::make_unique<PolicyRecommender>(
      PolicyParams::Load(ShapeOf(config, num_items, contexts), tensors, "", nn::ParseDevice(device)),
      config.temperature);
}

}  // namespace

const config::FieldTable& TopKReinforceFields() {
  using C = TopKReinforceConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Int("epochs", &C::epochs, 1, 1000000, "Passes over the log.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Users whose events are walked through side by side.")
          .Alias("train_batch_size")
          .Int("steps", &C::steps, 1, 100000, "Events of a user that are back-propagated through together.")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(3e-4, 1e-2, config::Scale::kLog)
          .Choice("state", &C::state, {"cfn", "gru", "gru_after"},
                  "What the state of a user is made by: a chaos-free network, or a GRU with its reset gate before or "
                  "after the product with the state.")
          .Int("embedding", &C::embedding, 1, 65536, "Length of the item vectors that go into the state.")
          .Alias("embedding_size")
          .SearchChoices({"32", "64", "128"})
          .Int("hidden", &C::hidden, 1, 65536, "Units of the state, and length of the item vectors that come out.")
          .Alias("hidden_size")
          .SearchChoices({"64", "128", "256"})
          .Choice("context", &C::context, {"auto", "ignore"},
                  "auto: what is known of the request, where the log has it (data convert --context-col), changes what "
                  "is made of the state.")
          .Int("top_k", &C::top_k, 1, 100000,
               "K: how many items are shown at once; 1: the one-step correction without the top-K multiplier.")
          .SearchChoices({"1", "8", "16", "32"})
          .Choice("correction", &C::correction, {"paper", "none", "ratio_clip", "tf_agent", "no_detach"},
                  "How the log's preferences are corrected for; none: a policy gradient as if the log were the "
                  "policy's own. The last three are what other programs do, for comparison.")
          .Real("cap", &C::cap, 0.0, 1e12, "Weights pi / beta are at most this; 0: as they are.")
          .Bool("normalise", &C::normalise, "Weights are divided by their mean over the batch, in place of the cap.")
          .Choice("behaviour", &C::behaviour, {"auto", "logged", "head"},
                  "beta: the propensities of the log, or what the behaviour head makes of it; auto: the former where "
                  "the log has them.")
          .Real("beta_weight", &C::beta_weight, 0.0, 1e6, "Weight of the behaviour head's loss.")
          .Real("kl_weight", &C::kl_weight, 0.0, 1e6, "Weight of the divergence of the policy from the log's.")
          .Real("entropy_weight", &C::entropy_weight, 0.0, 1e6, "Weight of the policy's entropy, which is sought.")
          .Choice("reward", &C::reward, {"auto", "value", "one"},
                  "The log's values, or 1 for every event; auto: values where the log has them. Events of reward 0 "
                  "teach the behaviour head alone.")
          .Real("reward_clip", &C::reward_clip, 0.0, 1e12, "Rewards are at most this; 0: as they are.")
          .Real("discount", &C::discount, 0.0, 1.0, "Of the reward of the next event of the same user.")
          .Search(0.0, 0.99)
          .Real("horizon", &C::horizon, 0.0, 1e12, "Seconds after an event whose rewards count for it; 0: all.")
          .Real("novelty_boost", &C::novelty_boost, 0.0, 1e6,
                "Returns of items that are new to their user are multiplied by this.")
          .Real("novelty_days", &C::novelty_days, 0.0, 1e6,
                "New is what the user did not have for so many days; 0: never had.")
          .Real("temperature", &C::temperature, 1e-6, 1e6, "Of the softmax of both heads.")
          .Choice("softmax", &C::softmax, {"auto", "full", "sampled"},
                  "Over the catalogue, or over the logged item and draws; auto: full up to 20,000 items.")
          .Int("negatives", &C::negatives, 1, 10000000, "sampled: items drawn in each step, for all users.")
          .Choice("proposal", &C::proposal, {"log_uniform", "unigram", "uniform"},
                  "sampled: the law of the draws: by rank of popularity, by popularity, or all alike.")
          .Real("proposal_exponent", &C::proposal_exponent, 0.0, 2.0, "unigram: popularity to this power.")
          .Bool("unique", &C::unique, "sampled: draws of a step are distinct.")
          .Choice("weights", &C::weights, {"exact", "sampled"},
                  "sampled: whether the probabilities of the weights come from the whole catalogue or from the draws.")
          .Real("serve_greedy", &C::serve_greedy, 0.0, 1.0,
                "Slates: share of the places that the best items take; the others are drawn.")
          .Int("serve_candidates", &C::serve_candidates, 1, 100000000, "Slates: items that are drawn from, the best.")
          .Real("serve_temperature", &C::serve_temperature, 1e-6, 1e6, "Slates: temperature of the draws.")
          .Take();
  return table;
}

core::AlgorithmSpec TopKReinforceSpec() {
  core::AlgorithmSpec spec;
  spec.name = "topk_reinforce";
  spec.summary = "Policy gradient on another recommender's log, corrected for its preferences and for slates of K.";
  spec.paper = "Chen et al., WSDM 2019";
  spec.uses_device = true;
  spec.reads_columns = true;
  spec.keeps_last = true;
  spec.make_config = [] { return config::Section::Make<TopKReinforceConfig>("topk_reinforce", TopKReinforceFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<TopKReinforceConfig>();
    return MakeOnePhaseTrainer<PolicyLearner>(view, OptionsOf(config, view), context, config.epochs, /*patience=*/0);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) {
    return LoadPolicy(section.As<TopKReinforceConfig>(), tensors, num_items, device);
  };
  spec.load_policy = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                        const std::string& device) -> std::unique_ptr<core::SlatePolicy> {
    const auto& config = section.As<TopKReinforceConfig>();
    return sim::MakeDrawingPolicy(LoadPolicy(config, tensors, num_items, device), /*repeats=*/true,
                                  {.greedy = config.serve_greedy,
                                   .candidates = config.serve_candidates,
                                   .temperature = config.serve_temperature});
  };
  return spec;
}

}  // namespace recforce::algos
