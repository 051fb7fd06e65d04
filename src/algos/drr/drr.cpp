// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/drr.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "algos/common/nested_set.h"
#include "algos/common/read_count.h"
#include "algos/drr/learner.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "sim/policies.h"
#include "sim/runner.h"

namespace recforce::algos {
namespace {

// Numbers of users that nobody trains on.
constexpr std::int64_t kValidationUsers = std::int64_t{1} << 40;

// Users whom nothing is known of have no vector to add to, nor a factorisation to come from; and what they click is not
// what pays.
DrrConfig Adapted(DrrConfig config, const core::TrainView& view) {
  if (view.environment != nullptr) {
    config.pretrain = "none";
    config.residual = false;
    config.ranking_weight = 0.0;
  }
  return config;
}

const core::AlgorithmSpec* FindPretrainer(const std::vector<core::AlgorithmSpec>& pretrainers,
                                          const std::string& name) {
  const auto found = std::find_if(pretrainers.begin(), pretrainers.end(),
                                  [&](const core::AlgorithmSpec& spec) { return spec.name == name; });
  return found == pretrainers.end() ? nullptr : &*found;
}

// The settings of the factorisation.
config::Section PretrainSection(const core::AlgorithmSpec& spec, const DrrConfig& config) {
  config::Section section = spec.make_config();
  const auto set = [&](const std::string& key, const std::string& value) {
    const config::Field* field = section.Find(key);
    const std::string refused = field == nullptr ? "is no setting of '" + spec.name + "'" : section.Set(*field, value);
    if (!refused.empty()) {
      throw base::Error(base::ErrorKind::kUsage, "drr.pretrain_settings: " + key + " " + refused);
    }
  };
  set("dim", std::to_string(config.dim));
  for (const std::string& pair : config.pretrain_settings) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      throw base::Error(base::ErrorKind::kUsage,
                        "drr.pretrain_settings: not a setting: '" + pair + "'; expected key=value");
    }
    set(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return section;
}

// How a factorisation of these settings makes a vector of a history: iALS by what it learns by, the others by settings
// of their own.
FoldIn FoldInOf(const config::Section& section) {
  const auto number = [&](const std::string& key, double otherwise) {
    const config::Field* field = section.Find(key);
    return field == nullptr ? otherwise : base::ParseReal(section.Get(*field)).value_or(otherwise);
  };
  FoldIn fold_in;
  fold_in.unobserved_weight =
      number("fold_in_unobserved_weight", number("unobserved_weight", fold_in.unobserved_weight));
  fold_in.reg = number("fold_in_reg", number("reg", fold_in.reg));
  fold_in.reg_exponent = section.Find("fold_in_reg") != nullptr ? 1.0 : number("reg_exponent", fold_in.reg_exponent);
  return fold_in;
}

// "pretrain": the factorisation, after each of whose epochs the agent as it would begin is validated. "train": the
// agent.
class DrrTrainer final : public core::Trainer {
 public:
  DrrTrainer(const std::vector<core::AlgorithmSpec>& pretrainers, const DrrConfig& config, const core::TrainView& view,
             const core::TrainerContext& context)
      : config_(Adapted(config, view)), view_(view), seed_(context.seed) {
    (void)AgentOptionsOf(config_, config_.dim, 1, -1.0, 1.0);  // refuses before hours of work
    if (const core::AlgorithmSpec* spec = FindPretrainer(pretrainers, config_.pretrain)) {
      const config::Section section = PretrainSection(*spec, config_);
      fold_in_ = FoldInOf(section);
      pretrainer_ = spec->make_trainer(section, view, context);
    }
    if (config_.world == "rated" && view.environment == nullptr && config_.pretrain != "pmf") {
      throw base::Error(base::ErrorKind::kUsage, "drr.world: 'rated' needs a model of ratings: '" + config_.pretrain +
                                                     "' in drr.pretrain; expected pmf");
    }
    if (!pretrainer_) {
      Build();
    }
  }

  [[nodiscard]] std::vector<core::Phase> Phases() const override {
    std::vector<core::Phase> phases;
    if (pretrainer_) {
      for (core::Phase phase : pretrainer_->Phases()) {
        phase.name = "pretrain";
        phases.push_back(std::move(phase));
      }
    }
    phases.push_back({.name = "train", .epochs = config_.epochs, .patience = config_.patience});
    return phases;
  }
  void BeginPhase(std::int64_t phase) override {
    phase_ = phase;
    if (Pretrains()) {
      pretrainer_->BeginPhase(phase);
    } else {
      BeginTraining();
    }
  }
  core::Metrics Epoch(const core::EpochContext& context) override {
    if (!Pretrains()) {
      return idle_ ? core::Metrics() : learner_->Epoch(context);
    }
    core::Metrics metrics = pretrainer_->Epoch(context);
    start_ = pretrainer_->Export();
    Build();
    return metrics;
  }
  [[nodiscard]] const core::Recommender& Current() const override { return learner_->recommender(); }
  [[nodiscard]] std::optional<double> Validate(const base::StopFlag* stop) override;
  void KeepBest() override {
    if (Pretrains()) {
      pretrainer_->KeepBest();
      kept_ = true;
    } else {
      learner_->KeepBest();
    }
  }
  void EndPhase() override {
    if (!Pretrains()) {
      learner_->RestoreBest();
      return;
    }
    pretrainer_->EndPhase();
    start_ = pretrainer_->Export();
    Build();
    if (kept_) {  // the agent as it begins is the best so far
      learner_->KeepBest();
    }
  }
  [[nodiscard]] base::TensorSet Export() const override {
    base::TensorSet set;
    learner_->model()->Save(set);
    return set;
  }
  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet set;
    if (Pretrains()) {
      AddNested(set, "pretrain.", pretrainer_->SaveState());
      set.SetMeta("kept", kept_ ? "1" : "0");
      return set;
    }
    AddNested(set, "start.", start_);
    if (!idle_) {
      learner_->Save(set);
    }
    return set;
  }
  void LoadState(const base::TensorSet& state, std::int64_t phase) override {
    phase_ = phase;
    if (Pretrains()) {
      pretrainer_->LoadState(GetNested(state, "pretrain."), phase);
      kept_ = ReadCount(state, "kept", 0, 1) == 1;
      start_ = pretrainer_->Export();
      Build();
      return;
    }
    start_ = Copied(GetNested(state, "start."));
    Build();
    BeginTraining();
    if (!idle_) {
      learner_->Load(state);
    }
  }

 private:
  [[nodiscard]] bool Pretrains() const {
    return pretrainer_ != nullptr && phase_ + 1 < static_cast<std::int64_t>(Phases().size());
  }
  // The agent as it begins, from start_.
  void Build();
  void BeginTraining();
  static base::TensorSet Copied(const base::TensorSet& set);

  DrrConfig config_;
  core::TrainView view_;
  std::uint64_t seed_;
  std::unique_ptr<core::Trainer> pretrainer_;
  std::int64_t phase_ = 0;
  bool kept_ = false;  // whether an epoch of the factorisation was the best so far
  bool idle_ = false;  // nobody to learn from
  FoldIn fold_in_;
  base::TensorSet start_;                  // the factorisation
  std::unique_ptr<RatingTables> ratings_;  // of world=rated
  std::shared_ptr<const sim::ItemWorld> world_;
  std::unique_ptr<DrrLearner> learner_;
};

void DrrTrainer::Build() {
  StartVectors start;
  std::int64_t slate = 1;
  std::pair<double, double> rewards{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  if (view_.environment != nullptr) {
    start = StartOfStrangers(view_.num_items, config_.dim, seed_);
    slate = view_.episodes.slate;
  } else if (pretrainer_) {
    const std::vector<std::int64_t>& shape = start_.Get("item_factors").shape;
    start = StartOf(FactorTables::Load(start_, "", view_.num_items, shape.at(1)));
    start.fold_in = fold_in_;
  } else {
    start = StartFromScratch(view_.interactions.rows(), view_.num_items, config_.dim, config_.init_stdev, seed_);
  }
  if (config_.world == "pos_neg" && view_.environment == nullptr) {
    rewards = {config_.miss, 1.0};
  } else if (view_.environment == nullptr) {
    rewards = {-1.0, 1.0};
  }
  AgentOptions options = AgentOptionsOf(config_, start.dim, slate, rewards.first, rewards.second);
  // Nobody can say what an environment pays, so no bound holds what a critic promises of vectors that show nothing.
  options.values_shown = view_.environment != nullptr && config_.critic_action == "item";
  learner_ = std::make_unique<DrrLearner>(config_, options, start, seed_);
}

void DrrTrainer::BeginTraining() {
  idle_ = !AnyEpisodes(config_, view_);
  if (idle_) {
    base::LogWarn("drr: nobody in the log has enough for an episode of drr.world=" + config_.world +
                  "; the agent stays as it begins");
    return;
  }
  if (config_.world == "rated" && view_.environment == nullptr) {
    ratings_ = std::make_unique<RatingTables>(RatingTables::Load(start_, view_.num_items));
  }
  world_ = MakeDrrWorld(config_, view_, ratings_.get(), seed_);
  learner_->BeginTraining(world_);
}

// The set that a state was read from does not outlive LoadState.
base::TensorSet DrrTrainer::Copied(const base::TensorSet& set) {
  base::TensorSet copy;
  for (const auto& [name, view] : set.tensors()) {
    if (view.dtype == base::DType::kF32) {
      const auto values = view.As<float>();
      copy.AddOwned(name, std::vector<float>(values.begin(), values.end()), view.shape);
    } else {
      const auto values = view.As<std::int32_t>();
      copy.AddOwned(name, std::vector<std::int32_t>(values.begin(), values.end()), view.shape);
    }
  }
  for (const auto& [key, value] : set.metadata()) {
    copy.SetMeta(key, value);
  }
  copy.SetWhere(set.where());
  return copy;
}

std::optional<double> DrrTrainer::Validate(const base::StopFlag* stop) {
  if (view_.environment == nullptr || config_.validation_users == 0) {
    return std::nullopt;
  }
  const sim::SimulationPlan plan{.users = config_.validation_users,
                                 .horizon = view_.episodes.horizon,
                                 .slate = view_.episodes.slate,
                                 .seed = seed_,
                                 .discount = config_.discount,
                                 .first_user = kValidationUsers};
  const sim::Outcome outcome = sim::Simulate(*view_.environment, DrrPolicy(learner_->model()), plan, {.stop = stop});
  return sim::MeanOf(outcome.discounted).mean;
}

DrrModel Load(const DrrConfig& config, const base::TensorSet& tensors, std::int64_t num_items) {
  DrrConfig known = config;
  known.residual = tensors.Meta("residual") == "yes";
  const AgentOptions options = AgentOptionsOf(known, config.dim, ReadCount(tensors, "slate", 1), -1.0, 1.0);
  return DrrModel::Load(options, config.embeddings == "fine_tuned", config.refold, tensors, num_items);
}

}  // namespace

core::AlgorithmSpec DrrSpec(std::vector<core::AlgorithmSpec> pretrainers) {
  core::AlgorithmSpec spec;
  spec.name = "drr";
  spec.summary =
      "Actor and critic over states of a user and its last items: DDPG, TD3, SAC, Wolpertinger, DQN and more.";
  spec.paper = "Liu et al., 2018";
  spec.reads_columns = true;
  spec.needs = core::Needs::kEither;
  spec.own_metric = "return";
  spec.make_config = [] { return config::Section::Make<DrrConfig>("drr", DrrFields()); };
  spec.make_trainer = [pretrainers](const config::Section& section, const core::TrainView& view,
                                    const core::TrainerContext& context) -> std::unique_ptr<core::Trainer> {
    return std::make_unique<DrrTrainer>(pretrainers, section.As<DrrConfig>(), view, context);
  };
  spec.load = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                 const std::string&) -> std::unique_ptr<core::Recommender> {
    return std::make_unique<DrrRecommender>(
        std::make_shared<const DrrModel>(Load(section.As<DrrConfig>(), tensors, num_items)));
  };
  spec.load_policy = [](const config::Section& section, const base::TensorSet& tensors, std::int64_t num_items,
                        const std::string&) -> std::unique_ptr<core::SlatePolicy> {
    auto model = std::make_shared<const DrrModel>(Load(section.As<DrrConfig>(), tensors, num_items));
    if (model->num_users > 0) {
      // Of a log: users are folded in by what they clicked.
      return sim::MakeRecommenderPolicy(std::make_shared<const DrrRecommender>(std::move(model)), false);
    }
    return std::make_unique<DrrPolicy>(std::move(model));
  };
  return spec;
}

}  // namespace recforce::algos
