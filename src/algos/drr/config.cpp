// SPDX-License-Identifier: Apache-2.0
// The settings of drr: their table.
#include "algos/drr/agent.h"
#include "algos/drr/drr.h"

namespace recforce::algos {
namespace {

using C = DrrConfig;

void AddModel(config::Fields<C>& fields) {
  fields.Choice("agent", &C::agent, AgentNames(), "What learns; the first five act by a vector that ranks items.")
      .Choice("state", &C::state, StateKindNames(),
              "What of a user and its last items an agent sees (DRR-n, -p, -u, -ave, -att, GRU).")
      .Int("memory", &C::memory, 1, 1000, "The last items liked that a state is made of.")
      .IntList("hidden", &C::hidden, 1, 65536, "Widths of the hidden layers of actors and critics.")
      .Choice("output", &C::output, ActorOutputNames(), "What becomes of an actor's last layer.")
      .Bool("residual", &C::residual,
            "The actor adds to the user's vector and begins with nothing added: the ranking of the factorisation.")
      .Choice("pretrain", &C::pretrain, {"ials", "bpr", "pmf", "none"},
              "The factorisation that users' and items' vectors come from; none: they begin at random.")
      .TextList("pretrain_settings", &C::pretrain_settings, "Settings of the factorisation, as key=value.")
      .Int("dim", &C::dim, 1, 4096, "Length of the vectors; a factorisation with biases adds one.")
      .Alias("embedding_size")
      .Real("init_stdev", &C::init_stdev, 1e-9, 1e3, "Deviation of vectors that begin at random.")
      .Choice("embeddings", &C::embeddings, {"frozen", "fine_tuned"},
              "Whether the vectors that states are made of learn.")
      .Choice("actions", &C::actions, {"frozen", "tied", "trained"},
              "The vectors that actions are multiplied with: as they began, those of the states, or learnt by the "
              "ranking loss.")
      .Bool("refold", &C::refold, "Training users whose history has grown are folded in anew.");
}

void AddWorld(config::Fields<C>& fields) {
  fields
      .Choice(
          "world", &C::world, {"pos_neg", "rated", "logged"},
          "Without an environment: liked items among others, a model of ratings (pretrain=pmf), or rated items alone.")
      .Int("window", &C::window, 0, 1000000, "pos_neg: how many of a user's next items are right; 0: all of them.")
      .Real("liked_above", &C::liked_above, -1e6, 1e6,
            "Ratings above are liked, and rewards are 0 there; all rows are liked where the log has no ratings.")
      .Int("min_positives", &C::min_positives, 2, 1000000, "pos_neg: users with fewer are not learnt from.")
      .Int("negatives", &C::negatives, 1, 1000000, "pos_neg: other items beside each right one.")
      .Choice("negatives_from", &C::negatives_from, {"unseen", "complement"},
              "pos_neg: items that the user has nowhere in training, or all that are not right.")
      .Bool("negatives_repeat", &C::negatives_repeat, "pos_neg: other items are drawn with replacement.")
      .Real("negatives_popular", &C::negatives_popular, 0.0, 1.0,
            "pos_neg: share of the other items that are drawn by popularity.")
      .Real("miss", &C::miss, -1e3, 0.0, "pos_neg: reward of an item that is not right.")
      .Bool("clear_memory", &C::clear_memory, "pos_neg: episodes do not begin with the memory of the user's last one.")
      .Int("horizon", &C::horizon, 1, 1000000, "rated and logged: steps of an episode.")
      .Choice("start", &C::start, {"earliest", "random", "empty"}, "rated: what the memory holds at first.")
      .Bool("repeats", &C::repeats, "rated: an item may come twice in an episode.")
      .Choice("leave", &C::leave, {"never", "distance"},
              "rated: users leave when shown an item too near to one of the last, by the factorisation's vectors.")
      .Int("leave_window", &C::leave_window, 1, 1000000, "leave=distance: the last items shown that are looked at.")
      .Real("leave_distance", &C::leave_distance, 0.0, 1e6, "leave=distance: nearer than this is too near.");
}

void AddLearning(config::Fields<C>& fields) {
  fields.Real("discount", &C::discount, 0.0, 0.9999, "Of the reward that comes one step later.")
      .Int("steps", &C::steps, 1, 1000, "Steps of a return before the critic stands for the rest.")
      .Choice("state_gradient", &C::state_gradient, StateGradientNames(), "Whose loss trains the state.")
      .Choice("critic_action", &C::critic_action, {"item", "proto"},
              "What the critic is told of an action: the direction of what was shown, or the vector that chose it.")
      .Bool("target_state", &C::target_state, "States have a target, too.")
      .Real("polyak", &C::polyak, 0.0, 1.0, "Share of the learning networks that targets take at each update.")
      .Text("bound", &C::bound, "Targets of critics stay within: auto (what rewards allow), none, or a number.")
      .Int("epochs", &C::epochs, 1, 1000000, "Stretches of training, each with a validation at its end.")
      .Int("updates_per_epoch", &C::updates_per_epoch, 1, 1000000000, "Updates of an epoch.")
      .Int("patience", &C::patience, 0, 1000000,
           "Stop after this many epochs without a better validation value; 0: run all epochs.")
      .Alias("stopping_step")
      .Int("batch_size", &C::batch_size, 1, 1000000, "Transitions in one update.")
      .Choice("optimizer", &C::optimizer, {"adam", "ranger"},
              "Adam, or RAdam with Lookahead and centralised gradients.")
      .Real("learning_rate", &C::learning_rate, 1e-9, 10.0, "Step size of the critics.")
      .Search(1e-5, 1e-2, config::Scale::kLog)
      .Real("actor_learning_rate", &C::actor_learning_rate, 0.0, 10.0, "Step size of the actor.")
      .Search(1e-6, 1e-3, config::Scale::kLog)
      .Real("state_learning_rate", &C::state_learning_rate, 0.0, 10.0, "Step size of states and vectors.")
      .Real("weight_decay", &C::weight_decay, 0.0, 1e3, "Of the critics, decoupled.")
      .Real("actor_weight_decay", &C::actor_weight_decay, 0.0, 1e3, "Of the actor.")
      .Real("state_weight_decay", &C::state_weight_decay, 0.0, 1e3, "Of states and vectors.");
}

void AddReplay(config::Fields<C>& fields) {
  fields.Choice("replay", &C::replay, {"prioritized", "uniform"}, "How transitions are drawn.")
      .Int("capacity", &C::capacity, 1, 1000000000, "Transitions that are remembered, the last ones.")
      .Real("alpha", &C::alpha, 0.0, 10.0,
            "Transitions are drawn in proportion to (|difference| + priority_epsilon)^alpha.")
      .Real("beta", &C::beta, 0.0, 1.0, "Exponent of the importance weights at first; 1 in the end.")
      .Int("beta_updates", &C::beta_updates, 1, 1000000000, "Updates until beta is 1.")
      .Real("priority_epsilon", &C::priority_epsilon, 0.0, 1e3, "See alpha.")
      .Choice("weights_over", &C::weights_over, {"batch", "buffer"},
              "The largest importance weight is 1 in a batch, or over all.")
      .Int("episodes", &C::episodes, 1, 1000000, "Users who are recommended to at once.")
      .Real("updates_per_step", &C::updates_per_step, 1e-6, 1e6, "Updates for each recommendation.")
      .Int("warmup", &C::warmup, 1, 1000000000, "Transitions before the first update.")
      .Choice("exploration", &C::exploration, {"gaussian", "ou", "none"}, "Noise on actions that are vectors.")
      .Real("sigma", &C::sigma, 0.0, 1e3, "Its size: of the whole vector with output=unit, else of each number.")
      .Real("ou_theta", &C::ou_theta, 0.0, 1.0, "How fast Ornstein-Uhlenbeck noise returns.")
      .Real("epsilon", &C::epsilon, 0.0, 1.0, "Probability of a random recommendation.");
}

void AddAgents(config::Fields<C>& fields) {
  fields.Int("actor_start", &C::actor_start, 0, 1000000000, "Updates of the critics before the actor learns from them.")
      .Real("q_weight", &C::q_weight, 0.0, 1e6, "Weight of Q in what an actor that is a vector learns from.")
      .Choice("actor_gradient", &C::actor_gradient, {"slope", "items"},
              "ddpg, td3, wolpertinger: actors follow the slope of Q at their vector (as always with "
              "critic_action=proto), or "
              "Q of items.")
      .Int("judged_items", &C::judged_items, 2, 1000000,
           "actor_gradient=items: how many, half of what was shown in the batch and half at random.")
      .Int("policy_delay", &C::policy_delay, 1, 1000, "td3: updates of the critics for one of the actor.")
      .Real("target_noise", &C::target_noise, 0.0, 1e3, "td3: noise of the target's actions; see sigma.")
      .Real("noise_clip", &C::noise_clip, 0.0, 1e3, "td3: its limit.")
      .Real("entropy", &C::entropy, -1e6, 1e6, "sac, sac_discrete: the entropy that is aimed at; 0: see the next.")
      .Real("entropy_share", &C::entropy_share, 0.0, 1.0, "sac_discrete: share of the largest entropy; sac aims at -D.")
      .Real("initial_alpha", &C::initial_alpha, 1e-9, 1e6, "sac, sac_discrete: worth of entropy at first.")
      .Int("neighbours", &C::neighbours, 1, 100000000, "wolpertinger: items near the action among which Q chooses.")
      .Choice("index", &C::index, {"exact", "hnsw"},
              "wolpertinger: targets look at all items, or find near ones through a graph (drr.actions=frozen).")
      .Bool("double_q", &C::double_q,
            "dqn, cql, bcq_discrete: the learning network chooses, the target network values.")
      .Bool("dueling", &C::dueling,
            "dqn and relatives: Q is a value of the state and how items differ from their mean.")
      .Real("cql_weight", &C::cql_weight, 0.0, 1e6, "cql: weight of the conservative part.")
      .Choice("crr_weight", &C::crr_weight, {"binary", "exp"},
              "crr: actions of positive advantage, or all by its exponential.")
      .Real("crr_beta", &C::crr_beta, 1e-6, 1e6, "crr: advantages are divided by it.")
      .Real("bcq_threshold", &C::bcq_threshold, 0.0, 1.0,
            "bcq_discrete: items at least this likely, beside the likeliest.")
      .Real("bcq_reach", &C::bcq_reach, 0.0, 1e3, "bcq: how far actions are moved from those like the log's.")
      .Int("bcq_samples", &C::bcq_samples, 1, 1000, "bcq: actions among which Q chooses.")
      .Real("bcq_least", &C::bcq_least, 0.0, 1.0, "bcq: weight of the lesser of two critics.")
      .Real("ranking_weight", &C::ranking_weight, 0.0, 1e6,
            "Weight of a supervised loss: what was liked should win against random items; of a log, and for ddpg, td3, "
            "sac and "
            "wolpertinger.")
      .Real("ranking_scale", &C::ranking_scale, 1e-6, 1e6, "Its scores are multiplied with this.")
      .Int("ranking_negatives", &C::ranking_negatives, 1, 1000000, "Its random items, the same for a whole batch.")
      .Int("validation_users", &C::validation_users, 0, 100000000,
           "In an environment: users whose mean return chooses the weights; 0: the last weights are kept. Of a log: "
           "episodes whose mean reward is logged as greedy_reward.");
}

}  // namespace

const config::FieldTable& DrrFields() {
  static const config::FieldTable table = [] {
    config::Fields<C> fields;
    AddModel(fields);
    AddWorld(fields);
    AddLearning(fields);
    AddReplay(fields);
    AddAgents(fields);
    return fields.Take();
  }();
  return table;
}

}  // namespace recforce::algos
