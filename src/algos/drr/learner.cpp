// SPDX-License-Identifier: Apache-2.0
#include "algos/drr/learner.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "algos/common/nested_set.h"
#include "algos/common/read_count.h"
#include "algos/drr/learner_parts.h"
#include "recforce/base/error.h"
#include "recforce/base/log.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::uint64_t kRollSeed = std::uint64_t{1} << 40U;  // of episodes that nobody learns from
constexpr double kDiverged = 10.0;                            // times the largest possible return

nn::FlatOptimizerOptions OptimizerOf(const DrrConfig& config, double learning_rate, double decay) {
  if (config.optimizer == "ranger") {
    return nn::FlatOptimizerOptions::Ranger(learning_rate, decay);
  }
  return {.learning_rate = learning_rate, .weight_decay = decay};
}

std::string Rounded(double value) { return base::FormatReal(std::round(value * 1e4) / 1e4); }

double Percentile(std::vector<float> values, double share) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return static_cast<double>(*at);
}

void LoadInto(const base::TensorSet& set, const std::string& name, std::vector<float>& to) {
  const auto values = set.Get(name).As<float>();
  if (values.size() != to.size()) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": '" + name + "' has another size: '" +
                                                  std::to_string(values.size()) + "'; expected " +
                                                  std::to_string(to.size()));
  }
  std::copy(values.begin(), values.end(), to.begin());
}

}  // namespace

void ScalarAdam::Update(double gradient, double learning_rate) {
  ++step;
  m = 0.9 * m + 0.1 * gradient;
  v = 0.999 * v + 0.001 * gradient * gradient;
  const auto t = static_cast<double>(step);
  value -= learning_rate * m / (1.0 - std::pow(0.9, t)) / (std::sqrt(v / (1.0 - std::pow(0.999, t))) + 1e-8);
}

DrrLearner::DrrLearner(const DrrConfig& config, const AgentOptions& options, const StartVectors& start,
                       std::uint64_t seed)
    : config_(config),
      seed_(seed),
      model_([&] {
        auto model = std::make_shared<DrrModel>();
        model->options = options;
        model->state = InitState<float>(options.shape.state, seed);
        model->state.insert(model->state.end(), start.users.begin(), start.users.end());
        model->state.insert(model->state.end(), start.items.begin(), start.items.end());
        AgentNetworks networks = InitNetworks(options.shape, seed);
        model->actor = std::move(networks.actor);
        model->critic = std::move(networks.critic);
        model->actions = {.dim = start.dim, .raw = start.items, .unit = {}, .sum = {}};
        model->actions.Refresh();
        model->num_users = start.num_users();
        model->trained_users = config.embeddings == "fine_tuned";
        model->refold = config.refold;
        model->user_scale = start.user_scale;
        model->factors = start.factors;
        model->fold_in = start.fold_in;
        return model;
      }()),
      recommender_(model_) {
  log_alpha_.value = std::log(config.initial_alpha);
}

DrrLearner::~DrrLearner() = default;

std::int64_t DrrLearner::trained_state() const {
  return model_->trained_users ? static_cast<std::int64_t>(model_->state.size()) : model_->small();
}

bool DrrLearner::MovesActor() const {
  const AgentKind kind = model_->options.shape.kind;
  if (kind <= AgentKind::kWolpertinger && updates_ < config_.actor_start) {
    return false;
  }
  return kind != AgentKind::kTd3 || updates_ % config_.policy_delay == 0;
}

double DrrLearner::Alpha() const {
  const AgentKind kind = model_->options.shape.kind;
  return kind == AgentKind::kSac || kind == AgentKind::kSacDiscrete ? std::exp(log_alpha_.value) : 0.0;
}

AgentSide<float> DrrLearner::TargetSide() const {
  return {config_.target_state ? target_state_.data() : model_->state.data(), target_actor_.data(),
          target_critic_.data()};
}

void DrrLearner::BeginTraining(std::shared_ptr<const sim::ItemWorld> world) {
  const AgentShape& shape = model_->options.shape;
  const std::int64_t dim = model_->dim();
  world_ = std::move(world);
  episodes_ = world_->Start(config_.episodes, seed_);
  replay_ = std::make_unique<DrrReplay>(
      ReplayShape{config_.episodes, shape.state.memory, world_->slate(), config_.critic_action == "proto" ? dim : 0},
      config_.capacity,
      ReplayOptions{.kind = config_.replay == "prioritized" ? ReplayKind::kPrioritized : ReplayKind::kUniform,
                    .alpha = config_.alpha,
                    .epsilon = config_.priority_epsilon,
                    .weights_over = config_.weights_over == "batch" ? WeightsOver::kBatch : WeightsOver::kBuffer});
  if (config_.index == "hnsw" && shape.kind == AgentKind::kWolpertinger) {
    auto index = std::make_shared<nn::ItemIndex>(nn::IndexKind::kHnsw, nn::IndexOptions{.seed = seed_});
    index->Build({model_->actions.raw.data(), model_->actions.items(), dim});
    model_->actions.index = std::move(index);
  }
  target_state_.assign(model_->state.begin(), model_->state.begin() + trained_state());
  target_actor_ = model_->actor;
  target_critic_ = model_->critic;
  const AgentNetworks networks = InitNetworks(shape, seed_);
  std::vector<nn::FlatMatrix> matrices = StateLayout(shape.state).matrices;
  if (model_->trained_users) {
    matrices.push_back({model_->small(), model_->num_users, dim});
    matrices.push_back({model_->small() + model_->num_users * dim, model_->actions.items(), dim});
  }
  const std::span<const float> state(model_->state.data(), static_cast<std::size_t>(trained_state()));
  optimizers_ = std::make_unique<Optimizers>(Optimizers{
      {state, std::move(matrices), OptimizerOf(config_, config_.state_learning_rate, config_.state_weight_decay)},
      {model_->actor, networks.actor_matrices,
       OptimizerOf(config_, config_.actor_learning_rate, config_.actor_weight_decay)},
      {model_->critic, networks.critic_matrices, OptimizerOf(config_, config_.learning_rate, config_.weight_decay)},
      std::nullopt});
  if (config_.actions == "trained") {
    optimizers_->actions.emplace(model_->actions.raw, std::vector<nn::FlatMatrix>{{0, model_->actions.items(), dim}},
                                 OptimizerOf(config_, config_.state_learning_rate, config_.state_weight_decay));
  }
  const std::int64_t chunks = (std::max(config_.episodes, config_.batch_size) + kDrrRows - 1) / kDrrRows;
  workers_.clear();
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    workers_.push_back(std::make_unique<Worker>());
    workers_.back()->agent = MakeChunkAgent(model_->options, model_->actions);
  }
  wandering_.assign(static_cast<std::size_t>(config_.exploration == "ou" ? config_.episodes * dim : 0), 0.0F);
}

void DrrLearner::Guard(const Totals& totals) const {
  const AgentOptions& options = model_->options;
  const double bound = std::max(std::abs(options.least), std::abs(options.most));
  if (std::isfinite(bound) && totals.agent.most_q > kDiverged * bound) {
    throw base::Error(base::ErrorKind::kDiverged, "drr: values have left what rewards allow: '" +
                                                      base::FormatReal(totals.agent.most_q) + "'; expected at most " +
                                                      base::FormatReal(bound) +
                                                      ". Try a smaller learning_rate, or a smaller polyak");
  }
}

// Users of an environment are validated with others of theirs; where memories outlive episodes there are no others.
bool DrrLearner::Rolls() const {
  return config_.validation_users > 0 && config_.clear_memory && std::isfinite(world_->least_reward());
}

double DrrLearner::MeanReward(Acting how) {
  const std::vector<double> rewards = Roll(how, config_.validation_users, kRollSeed);
  return std::accumulate(rewards.begin(), rewards.end(), 0.0) / static_cast<double>(rewards.size());
}

core::Metrics DrrLearner::Epoch(const core::EpochContext& context) {
  Totals totals(*model_);
  if (updates_ == 0 && Rolls()) {
    base::LogInfo("drr: mean reward of a step at the start " + Rounded(MeanReward(Acting::kGreedy)) +
                  ", of random recommendations " + Rounded(MeanReward(Acting::kRandom)));
  }
  for (std::int64_t update = 0; update < config_.updates_per_epoch; ++update) {
    if (context.stop != nullptr) {
      context.stop->ThrowIfSet();
    }
    while (replay_->drawable() < std::max<std::int64_t>(1, config_.warmup) || credit_ < 1.0) {
      StepEpisodes(totals);
      if (replay_->drawable() >= config_.warmup) {
        credit_ += config_.updates_per_step * static_cast<double>(config_.episodes);
      }
    }
    credit_ -= 1.0;
    Update(totals);
    if (context.progress) {
      context.progress(update + 1, config_.updates_per_epoch);
    }
  }
  Guard(totals);
  const auto rows = static_cast<double>(totals.rows);
  const auto moved = static_cast<double>(std::max<std::int64_t>(1, totals.actor_rows));
  const auto shown = static_cast<double>(std::max<std::int64_t>(1, totals.shown));
  core::Metrics metrics = {{"loss", totals.agent.loss / rows}, {"q", totals.agent.q / rows}};
  if (!model_->actor.empty() && totals.actor_rows > 0) {
    metrics.emplace_back("policy_q", totals.agent.policy_q / moved);
    if (totals.agent.action_norm > 0.0 && model_->options.shape.output != ActorOutput::kUnit) {
      metrics.emplace_back("action_norm", totals.agent.action_norm / moved);
    }
  }
  metrics.emplace_back("reward", totals.reward / shown);
  metrics.emplace_back("liked", static_cast<double>(totals.liked) / shown);
  const double distinct = std::accumulate(totals.items.begin(), totals.items.end(), 0.0);
  metrics.emplace_back("items_per_1k", 1000.0 * distinct / (shown * static_cast<double>(world_->slate())));
  if (totals.actions > 0) {
    double square = 0.0;
    for (const double value : totals.direction) {
      square += value * value;
    }
    metrics.emplace_back("cosine", std::sqrt(square) / static_cast<double>(totals.actions));
  }
  std::vector<float> sizes = deltas_;
  std::for_each(sizes.begin(), sizes.end(), [](float& delta) { delta = std::abs(delta); });
  metrics.emplace_back("td_p50", Percentile(sizes, 0.5));
  metrics.emplace_back("td_p99", Percentile(sizes, 0.99));
  metrics.emplace_back("ess", totals.ess / static_cast<double>(totals.updates));
  if (std::isfinite(model_->options.most) && model_->options.most > 0.0) {
    metrics.emplace_back("q_over_bound", totals.agent.most_q / model_->options.most);
  }
  if (Rolls()) {
    metrics.emplace_back("greedy_reward", MeanReward(Acting::kGreedy));
  }
  if (model_->options.ranking_weight > 0.0) {
    metrics.emplace_back("ranking_loss", totals.agent.other / moved);
  }
  if (Alpha() > 0.0) {
    metrics.emplace_back("alpha", Alpha());
  }
  return metrics;
}

void DrrLearner::Restore(const Snapshot& weights) {
  model_->state = weights.state;
  model_->actor = weights.actor;
  model_->critic = weights.critic;
  std::copy(weights.actions.begin(), weights.actions.end(), model_->actions.raw.begin());
  model_->actions.Refresh();
}

void DrrLearner::RestoreBest() {
  if (best_) {
    Restore(*best_);
  }
}

void DrrLearner::Save(base::TensorSet& set) const {
  set.Add("state", base::View(model_->state));
  set.Add("actor", base::View(model_->actor));
  set.Add("critic", base::View(model_->critic));
  set.Add("actions", base::View(model_->actions.raw));
  set.Add("target.state", base::View(target_state_));
  set.Add("target.actor", base::View(target_actor_));
  set.Add("target.critic", base::View(target_critic_));
  set.Add("wandering", base::View(wandering_));
  optimizers_->state.Save(set, "optimizer.state");
  optimizers_->actor.Save(set, "optimizer.actor");
  optimizers_->critic.Save(set, "optimizer.critic");
  if (optimizers_->actions) {
    optimizers_->actions->Save(set, "optimizer.actions");
  }
  if (best_) {
    set.Add("best.state", base::View(best_->state));
    set.Add("best.actor", base::View(best_->actor));
    set.Add("best.critic", base::View(best_->critic));
    set.Add("best.actions", base::View(best_->actions));
  }
  replay_->Save(set, "replay.");
  AddNested(set, "episodes.", episodes_->SaveState());
  set.AddOwned("log_alpha", std::vector<double>{log_alpha_.value, log_alpha_.m, log_alpha_.v, credit_});
  set.SetMeta("alpha_step", std::to_string(log_alpha_.step));
  set.SetMeta("updates", std::to_string(updates_));
}

void DrrLearner::Load(const base::TensorSet& set) {
  const std::int64_t updates = ReadCount(set, "updates");
  LoadInto(set, "state", model_->state);
  LoadInto(set, "actor", model_->actor);
  LoadInto(set, "critic", model_->critic);
  LoadInto(set, "actions", model_->actions.raw);
  model_->actions.Refresh();
  LoadInto(set, "target.state", target_state_);
  LoadInto(set, "target.actor", target_actor_);
  LoadInto(set, "target.critic", target_critic_);
  LoadInto(set, "wandering", wandering_);
  optimizers_->state.Load(set, "optimizer.state");
  optimizers_->actor.Load(set, "optimizer.actor");
  optimizers_->critic.Load(set, "optimizer.critic");
  if (optimizers_->actions) {
    optimizers_->actions->Load(set, "optimizer.actions");
  }
  best_.reset();
  if (set.Has("best.state")) {
    KeepBest();
    LoadInto(set, "best.state", best_->state);
    LoadInto(set, "best.actor", best_->actor);
    LoadInto(set, "best.critic", best_->critic);
    LoadInto(set, "best.actions", best_->actions);
  }
  replay_->Load(set, "replay.", model_->actions.items(), model_->num_users);
  episodes_->LoadState(GetNested(set, "episodes."));
  const auto numbers = set.Get("log_alpha").As<double>();
  if (numbers.size() != 4) {
    throw base::Error(base::ErrorKind::kData, set.where() + ": 'log_alpha' has another size: '" +
                                                  std::to_string(numbers.size()) + "'; expected 4");
  }
  log_alpha_ = {numbers[0], numbers[1], numbers[2], ReadCount(set, "alpha_step")};
  credit_ = numbers[3];
  updates_ = updates;
}

}  // namespace recforce::algos
