// SPDX-License-Identifier: Apache-2.0
// From settings to the agent and to the world that it learns in.
#include <algorithm>
#include <cmath>
#include <string>

#include "algos/drr/learner.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"
#include "sim/environment_items.h"
#include "sim/logged_world.h"
#include "sim/pos_neg_world.h"
#include "sim/rated_world.h"

namespace recforce::algos {
namespace {

[[noreturn]] void Refuse(const std::string& message) { throw base::Error(base::ErrorKind::kUsage, message); }

// The largest and the least value of a state, of rewards in [least, most].
std::pair<double, double> BoundsOf(const DrrConfig& config, double least, double most) {
  const double horizon = 1.0 / (1.0 - config.discount);
  if (config.bound == "auto") {
    return {std::min(0.0, least) * horizon, std::max(0.0, most) * horizon};
  }
  const double infinity = std::numeric_limits<double>::infinity();
  if (config.bound == "none") {
    return {-infinity, infinity};
  }
  const auto value = base::ParseReal(config.bound);
  if (!value || !(*value > 0.0)) {
    Refuse("drr.bound: is no bound: '" + config.bound + "'; expected auto, none, or a number above 0");
  }
  return {-*value, *value};
}

void CheckAgent(const DrrConfig& config, const AgentOptions& options) {
  const AgentKind kind = options.shape.kind;
  if (ScoresItems(kind) && config.critic_action == "proto") {
    Refuse("drr.critic_action: '" + config.agent + "' acts by no vector: 'proto'; expected item");
  }
  if (kind == AgentKind::kWolpertinger && config.critic_action == "proto") {
    Refuse("drr.critic_action: wolpertinger judges items: 'proto'; expected item");
  }
  if (kind == AgentKind::kBcq && ActorTrainsState(options.state_gradient)) {
    Refuse("drr.state_gradient: of bcq the critic alone trains states: '" + config.state_gradient +
           "'; expected critic or none");
  }
  if (config.actions == "trained" && !(options.ranking_weight > 0.0)) {
    Refuse("drr.actions: nothing trains them but the ranking loss, which is not there: 'trained'; expected frozen");
  }
  if (config.index == "hnsw" && config.actions != "frozen") {
    Refuse("drr.index: a graph is made of vectors that do not move: '" + config.actions +
           "' in drr.actions; expected frozen");
  }
  if (config.actions == "tied" && config.embeddings != "fine_tuned") {
    Refuse("drr.actions: states' vectors do not learn: 'tied' with drr.embeddings 'frozen'; expected fine_tuned");
  }
  const bool residual_fits = options.shape.output != ActorOutput::kTanh || kind == AgentKind::kSac;
  if (options.shape.residual && !ScoresItems(kind) && kind != AgentKind::kBcq && !residual_fits) {
    Refuse(
        "drr.residual: tanh changes the order of scores: 'true' with drr.output 'tanh'; expected unit or linear, "
        "or drr.residual=false");
  }
}

sim::RatedRows RowsOf(const core::TrainView& view) {
  // Values belong to events, which are the interactions where nothing is repeated.
  const bool values = view.sequences.rows() == 0;
  return {.rows = view.interactions,
          .values = values ? view.values : std::span<const float>(),
          .num_items = view.num_items};
}

}  // namespace

AgentOptions AgentOptionsOf(const DrrConfig& config, std::int64_t dim, std::int64_t slate, double least, double most) {
  AgentOptions options;
  options.shape = {.kind = ParseAgent(config.agent),
                   .state = {.kind = ParseStateKind(config.state), .dim = dim, .memory = config.memory},
                   .hidden = config.hidden,
                   .output = ParseActorOutput(config.output),
                   .residual = config.residual};
  options.state_gradient = ParseStateGradient(config.state_gradient);
  std::tie(options.least, options.most) = BoundsOf(config, least, most);
  options.target_noise = config.target_noise;
  options.noise_clip = config.noise_clip;
  options.q_weight = config.q_weight;
  // A critic that was shown the actors' vectors knows nothing of items.
  options.slope =
      config.actor_gradient == "slope" || options.shape.kind == AgentKind::kSac || config.critic_action == "proto";
  options.neighbours = config.neighbours;
  options.double_q = config.double_q;
  options.dueling = config.dueling;
  options.threshold = config.bcq_threshold;
  options.cql_weight = config.cql_weight;
  options.crr_binary = config.crr_weight == "binary";
  options.crr_beta = config.crr_beta;
  options.bcq_reach = config.bcq_reach;
  options.bcq_samples = config.bcq_samples;
  options.bcq_least = config.bcq_least;
  options.ranking_weight = options.shape.kind <= AgentKind::kWolpertinger ? config.ranking_weight : 0.0;
  options.ranking_scale = config.ranking_scale;
  options.slate = slate;
  CheckAgent(config, options);
  return options;
}

bool AnyEpisodes(const DrrConfig& config, const core::TrainView& view) {
  if (view.environment != nullptr) {
    return true;
  }
  const sim::RatedRows rows = RowsOf(view);
  for (std::int64_t user = 0; user < rows.rows.rows(); ++user) {
    auto count = static_cast<std::int64_t>(rows.rows.row(user).size());
    if (config.world == "pos_neg" && !rows.values.empty()) {
      const auto values = rows.ValuesOf(user);
      count = std::count_if(values.begin(), values.end(),
                            [&](float value) { return static_cast<double>(value) > config.liked_above; });
    }
    const std::int64_t least = config.world == "pos_neg"  ? config.min_positives
                               : config.world == "logged" ? config.memory + 2
                                                          : 1;
    if (count >= least) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<const sim::ItemWorld> MakeDrrWorld(const DrrConfig& config, const core::TrainView& view,
                                                   const RatingTables* ratings, std::uint64_t seed) {
  if (view.environment != nullptr) {
    return sim::MakeEnvironmentItems(*view.environment, view.episodes, config.memory);
  }
  const sim::RatedRows rows = RowsOf(view);
  if (config.world == "pos_neg") {
    return sim::MakePosNegWorld(
        rows, {.memory = config.memory,
               .above = config.liked_above,
               .min_positives = config.min_positives,
               .window = config.window,
               .negatives_per_positive = config.negatives,
               .replacement = config.negatives_repeat,
               .negatives =
                   config.negatives_from == "unseen" ? sim::NegativeSource::kUnseen : sim::NegativeSource::kComplement,
               .popular = config.negatives_popular,
               .clear_memory = config.clear_memory,
               .miss = static_cast<float>(config.miss),
               .seed = seed});
  }
  const sim::RewardScale scale{.middle = config.liked_above, .half = 2.0};
  if (config.world == "logged") {
    return sim::MakeLoggedWorld(rows, {.memory = config.memory, .horizon = config.horizon, .scale = scale});
  }
  if (ratings == nullptr) {
    Refuse("drr.world: 'rated' needs a model of ratings: '" + config.pretrain + "' in drr.pretrain; expected pmf");
  }
  const sim::StartMemory start = config.start == "earliest" ? sim::StartMemory::kEarliest
                                 : config.start == "random" ? sim::StartMemory::kRandom
                                                            : sim::StartMemory::kEmpty;
  sim::LeaveRule leave;
  if (config.leave == "distance") {
    leave.kind = sim::LeaveKind::kDistance;
    leave.window = config.leave_window;
    leave.theta = config.leave_distance;
    leave.dim = ratings->factors.dim;
    leave.vectors = ratings->factors.items;
  }
  return sim::MakeRatedWorld(rows,
                             {.dim = ratings->factors.dim,
                              .users = ratings->factors.users,
                              .items = ratings->factors.items,
                              .user_bias = ratings->user_bias,
                              .item_bias = ratings->factors.item_bias,
                              .mean = static_cast<double>(ratings->mean)},
                             {.memory = config.memory,
                              .horizon = config.horizon,
                              .scale = scale,
                              .start = start,
                              .repeats = config.repeats,
                              .leave = leave,
                              .seed = seed});
}

}  // namespace recforce::algos
