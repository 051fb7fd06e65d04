// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/cdqn.h"

#include <memory>
#include <string>
#include <utility>

#include "algos/cdqn/learner.h"
#include "algos/common/one_phase_trainer.h"
#include "algos/common/read_count.h"
#include "nn/device.h"
#include "nn/tensor_io.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

CdqnMethod MethodOf(const CdqnConfig& config) {
  if (config.method == "cascade") {
    return CdqnMethod::kCascade;
  }
  return config.method == "additive" ? CdqnMethod::kAdditive : CdqnMethod::kSlateQ;
}

// Without what comes from the environment.
CdqnOptions OptionsOf(const CdqnConfig& config) {
  if (config.hidden.empty()) {
    throw base::Error(base::ErrorKind::kUsage, "cdqn.hidden: there is no hidden layer: '[]'; expected one or more");
  }
  CdqnOptions options;
  options.shape.embedding = config.embedding;
  options.shape.sums = config.sums;
  options.shape.shared = config.networks == "shared";
  options.shape.hidden = config.hidden;
  options.target.method = MethodOf(config);
  options.target.target = config.target == "paper" ? CdqnTarget::kPaper : CdqnTarget::kIntraSlate;
  options.target.search = config.search == "top" ? SlateSearch::kTop : SlateSearch::kGreedy;
  options.serving = {.method = options.target.method,
                     .search = options.target.search,
                     .beam = config.beam,
                     .candidates = config.candidates};
  options.loss = config.loss == "huber" ? CdqnLoss::kHuber : CdqnLoss::kSquared;
  options.double_q = config.double_q;
  options.click_reward = config.reward == "click";
  options.steps = config.steps;
  options.discount = config.discount;
  options.batch_size = config.batch_size;
  options.learning_rate = config.learning_rate;
  options.learning_rate_end = config.learning_rate_end;
  options.clip = config.clip;
  options.epochs = config.epochs;
  options.updates_per_epoch = config.updates_per_epoch;
  options.users = config.users;
  options.replay = config.replay;
  options.warmup = config.warmup;
  options.epsilon_start = config.epsilon_start;
  options.epsilon_end = config.epsilon_end;
  options.epsilon_decay = config.epsilon_decay;
  options.epsilon_item = config.epsilon_item;
  options.target_sync = config.target_sync;
  options.polyak = config.polyak;
  options.shortlist = config.shortlist;
  options.validation_users = config.validation_users;
  return options;
}

[[noreturn]] void RefuseData(const base::TensorSet& set, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, set.where() + ": " + what);
}

// Of what decides about sizes: more than that is a damaged file.
std::int64_t ReadSize(const base::TensorSet& set, const std::string& key) { return ReadCount(set, key, 1, 1000000); }

core::ChoiceRule RuleOf(const base::TensorSet& set) {
  core::ChoiceRule rule;
  const auto law = base::ParseInt(set.Meta("choice"));
  if (!law || *law < 0 || *law > static_cast<std::int64_t>(core::ChoiceLaw::kEntmax15)) {
    RefuseData(set, "'choice' is no law of choice: '" + set.Meta("choice") + "'; expected 0, 1 or 2");
  }
  rule.law = static_cast<core::ChoiceLaw>(*law);
  if (!set.Meta("no_click").empty()) {
    const auto utility = base::ParseReal(set.Meta("no_click"));
    if (!utility) {
      RefuseData(set, "'no_click' is no number: '" + set.Meta("no_click") + "'; expected a number or nothing");
    }
    rule.no_click = static_cast<float>(*utility);
  }
  return rule;
}

std::vector<std::int32_t> ShortlistOf(const base::TensorSet& set, std::int64_t num_items) {
  const auto items = set.Get("shortlist").As<std::int32_t>();
  for (std::size_t at = 0; at < items.size(); ++at) {
    if (items[at] < 0 || items[at] >= num_items || (at > 0 && items[at] <= items[at - 1])) {
      RefuseData(set, "'shortlist' does not ascend within the catalogue: '" + std::to_string(items[at]) + "'");
    }
  }
  return {items.begin(), items.end()};
}

// What both uses of a trained model share.
struct Loaded {
  std::shared_ptr<const CdqnScorer> scorer;
  CdqnServing serving;
};

Loaded Load(const CdqnConfig& config, const base::TensorSet& tensors, std::int64_t num_items,
            const std::string& device) {
  const CdqnOptions settings = OptionsOf(config);
  const torch::Device on = nn::ParseDevice(device);
  CdqnWorld world{.items = num_items,
                  .memory = ReadSize(tensors, "memory"),
                  .slate = ReadSize(tensors, "slate"),
                  .rule = RuleOf(tensors)};
  CdqnParams params;
  if (tensors.Has("item.features")) {
    const base::TensorView& features = tensors.Get("item.features");
    world.features = features.shape.size() == 2 ? features.shape[1] : 0;
    params.features = nn::GetTensor(tensors, "item.features", {num_items, world.features}, on);
  } else {
    params.features = torch::empty({num_items, 0}).to(on);
  }
  const CdqnOptions options = Completed(settings, world);
  params.shape = options.shape;
  params.flat = CdqnParams::LoadFlat(options.shape, tensors, "", on);
  return {std::make_shared<CdqnScorer>(std::move(params), ShortlistOf(tensors, num_items)), options.serving};
}

}  // namespace

const config::FieldTable& CdqnFields() {
  using C = CdqnConfig;
  static const config::FieldTable table =
      config::Fields<C>()
          .Choice("method", &C::method, {"cascade", "additive", "slateq"},
                  "A Q for each place of a slate (CDQN), a sum of the items' Q, or Q of the item clicked, weighed by "
                  "the known law of choice (SlateQ).")
          .Choice("networks", &C::networks, {"separate", "shared"},
                  "Of the cascade: one network for each place, or one for all that sees the mean of the items before.")
          .Choice("target", &C::target, {"intra_slate", "paper"},
                  "Of the cascade: the next place's best Q, or the return of the whole slate at every place.")
          .Bool("double_q", &C::double_q, "Double DQN: the learning network chooses, the target network values.")
          .Int("steps", &C::steps, 1, 1000, "Steps of a return before Q stands for the rest.")
          .Real("discount", &C::discount, 0.0, 0.9999, "Of the reward that comes one step later.")
          .Choice("reward", &C::reward, {"learned", "click"},
                  "The environment's reward of a click, or +1 for a click and -1 for none.")
          .Int("embedding", &C::embedding, 1, 65536, "Learnt numbers of an item.")
          .Int("sums", &C::sums, 1, 1000, "Weighted sums of the last clicks that make a state.")
          .IntList("hidden", &C::hidden, 1, 65536, "Widths of the hidden layers.")
          .Int("epochs", &C::epochs, 1, 1000000, "Stretches of training, each with a validation at its end.")
          .Int("updates_per_epoch", &C::updates_per_epoch, 1, 1000000000, "Optimiser steps of an epoch.")
          .Int("patience", &C::patience, 0, 1000000,
               "Stop after this many epochs without a better validation value; 0: run all epochs.")
          .Int("batch_size", &C::batch_size, 1, 1000000, "Transitions in one optimiser step.")
          .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of Adam.")
          .Search(0.0003, 0.003, config::Scale::kLog)
          .Real("learning_rate_end", &C::learning_rate_end, 0.0, 1.0,
                "Share of learning_rate that is left at the end, to which it falls evenly.")
          .Real("clip", &C::clip, 0.0, 1e9, "Largest norm of a gradient; 0: any.")
          .Choice("loss", &C::loss, {"squared", "huber"}, "Of the difference between Q and its target.")
          .Int("users", &C::users, 1, 1000000, "Users who are shown a slate before each optimiser step.")
          .Int("replay", &C::replay, 1, 100000000, "Transitions that are remembered, the last ones.")
          .Int("warmup", &C::warmup, 1, 100000000, "Transitions before the first optimiser step.")
          .Real("epsilon_start", &C::epsilon_start, 0.0, 1.0, "Probability of a random slate at the beginning.")
          .Real("epsilon_end", &C::epsilon_end, 0.0, 1.0, "Probability of a random slate in the end.")
          .Real("epsilon_decay", &C::epsilon_decay, 0.0, 1.0,
                "Share of all optimiser steps over which the former becomes the latter.")
          .Real("epsilon_item", &C::epsilon_item, 0.0, 1.0,
                "Probability that an item of a slate that is not random is replaced by a random one.")
          .Int("target_sync", &C::target_sync, 1, 1000000000, "Optimiser steps between copies to the target network.")
          .Real(
              "polyak", &C::polyak, 0.0, 1.0,
              "Share of the learning network that the target network takes at each step, instead of copies; 0: copies.")
          .Int("beam", &C::beam, 1, 100000, "Of the cascade: slates kept at each place; 1 is the paper's.")
          .Int("candidates", &C::candidates, 0, 100000000,
               "Of the cascade: after the first place only the best so many items by the first place's Q; 0: all.")
          .Int("shortlist", &C::shortlist, 0, 100000000,
               "Slates are made of so many items alone, the best by the environment's rewards; 0: of all.")
          .Choice("search", &C::search, {"greedy", "top"},
                  "Of slateq: one item after the other, or the best by utility and Q apart.")
          .Int("validation_users", &C::validation_users, 0, 100000000,
               "Users of the environment whose mean return chooses the weights; 0: the last weights are kept.")
          .Take();
  return table;
}

core::AlgorithmSpec CdqnSpec() {
  core::AlgorithmSpec spec;
  spec.name = "cdqn";
  spec.summary = "Cascading deep Q networks choose slates for users of an environment.";
  spec.paper = "Chen et al., ICML 2019";
  spec.uses_device = true;
  spec.needs = core::Needs::kEnvironment;
  spec.own_metric = "return";
  spec.make_config = [] { return config::Section::Make<CdqnConfig>("cdqn", CdqnFields()); };
  spec.make_trainer = [](const config::Section& section, const core::TrainView& view,
                         const core::TrainerContext& context) {
    const auto& config = section.As<CdqnConfig>();
    return MakeOnePhaseTrainer<CdqnLearner>(view, OptionsOf(config), context, config.epochs, config.patience);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string& device) -> std::unique_ptr<core::Recommender> {
    Loaded loaded = Load(section.As<CdqnConfig>(), tensors, num_items, device);
    return std::make_unique<CdqnRecommender>(std::move(loaded.scorer), loaded.serving);
  };
  spec.load_policy = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                        const std::string& device) -> std::unique_ptr<core::SlatePolicy> {
    Loaded loaded = Load(section.As<CdqnConfig>(), tensors, num_items, device);
    return std::make_unique<CdqnPolicy>(std::move(loaded.scorer), loaded.serving);
  };
  return spec;
}

}  // namespace recforce::algos
