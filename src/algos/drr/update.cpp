// SPDX-License-Identifier: Apache-2.0
// DrrLearner: one update, from drawn transitions to new priorities.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "algos/common/finite.h"
#include "algos/drr/learner_parts.h"
#include "recforce/base/threads.h"

namespace recforce::algos {

// What may be recommended before and after each row of the batch.
void DrrLearner::LegalOf(const DrrBatch& batch) {
  const bool forbids = world_->forbids_repeats();
  std::vector<std::int32_t> begin;
  const auto append = [](bool listed, const std::vector<std::int32_t>& first, std::span<const std::int32_t> shown,
                         RowItems& to) {
    if (!listed) {
      to.items.insert(to.items.end(), first.begin(), first.end());
      to.items.insert(to.items.end(), shown.begin(), shown.end());
    } else {
      std::copy_if(first.begin(), first.end(), std::back_inserter(to.items),
                   [&](std::int32_t item) { return std::find(shown.begin(), shown.end(), item) == shown.end(); });
    }
    to.EndRow(listed);
  };
  legal_before_.Clear();
  legal_after_.Clear();
  for (std::size_t row = 0; row < batch.rows.size(); ++row) {
    const bool listed = world_->Begin(batch.numbers[row], batch.users[row], begin);
    const std::span<const std::int32_t> none;
    append(listed, begin, forbids ? batch.shown.Before(row) : none, legal_before_);
    append(listed, begin, forbids ? batch.shown.After(row) : none, legal_after_);
  }
}

void DrrLearner::RunChunk(std::int64_t begin, std::int64_t end, std::span<const std::int32_t> negatives,
                          Worker& worker) {
  const std::int64_t dim = model_->dim();
  const std::int64_t memory = model_->options.shape.state.memory;
  const std::int64_t count = end - begin;
  const auto slice = [&](const std::vector<std::int32_t>& from) {
    return base::MatrixView<const std::int32_t>{from.data() + begin * memory, count, memory};
  };
  const auto users = std::span(batch_.users).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
  const bool tables = model_->trained_users && config_.target_state;
  const float* target = tables ? target_state_.data() + model_->small() : model_->users();
  GatherRows(model_->users(), model_->items(), dim, users, slice(batch_.memory), Sized(worker.users, count * dim),
             Sized(worker.items, count * memory * dim));
  GatherRows(target, target + model_->num_users * dim, dim, users, slice(batch_.after),
             Sized(worker.users_after, count * dim), Sized(worker.items_after, count * memory * dim));
  const bool trains_state = model_->options.state_gradient != StateGradient::kNone;
  worker.state.assign(static_cast<std::size_t>(model_->small()), 0.0F);
  worker.actor.assign(model_->actor.size(), 0.0F);
  worker.critic.assign(model_->critic.size(), 0.0F);
  worker.totals = {};
  AgentGradient<float> gradient{trains_state ? worker.state.data() : nullptr, worker.actor.data(), worker.critic.data(),
                                nullptr, nullptr};
  if (model_->trained_users && trains_state) {
    gradient.users = Sized(worker.d_users, count * dim);
    gradient.items = Sized(worker.d_items, count * memory * dim);
  }
  AgentChunk chunk;
  chunk.learning = model_->side();
  chunk.target = TargetSide();
  chunk.rows = {{worker.users.data(), worker.items.data(), slice(batch_.memory).data, count},
                {worker.users_after.data(), worker.items_after.data(), slice(batch_.after).data, count},
                taken_.data() + begin * dim,
                batch_.reward.data() + begin,
                batch_.discount.data() + begin,
                batch_.weight.data() + begin};
  chunk.slates = batch_.slates.data() + begin * world_->slate();
  chunk.liked = batch_.liked.data() + begin;
  chunk.negatives = negatives;
  chunk.judged = judged_;
  if (optimizers_->actions) {
    chunk.d_liked = Sized(worker.d_liked, count * dim);
    worker.d_negatives.assign(negatives.size() * static_cast<std::size_t>(dim), 0.0F);
    chunk.d_negatives = worker.d_negatives.data();
  }
  chunk.before = &legal_before_;
  chunk.after = &legal_after_;
  chunk.first = begin;
  chunk.batch = static_cast<std::int64_t>(batch_.rows.size());
  chunk.moves_actor = MovesActor();
  chunk.alpha = static_cast<float>(Alpha());
  chunk.seed = seed_;
  chunk.update = static_cast<std::uint64_t>(updates_);
  worker.agent->Update(chunk, gradient, deltas_.data() + begin, worker.totals);
}

// Sums of the chunks' gradients, in their order, and a step of each optimiser.
void DrrLearner::ApplyGradients(std::int64_t rows, std::span<const std::int32_t> negatives) {
  const std::int64_t dim = model_->dim();
  const std::int64_t memory = model_->options.shape.state.memory;
  const std::int64_t chunks = (rows + kDrrRows - 1) / kDrrRows;
  const auto sum = [&](auto member, std::vector<float>& to, std::int64_t size) {
    to.resize(static_cast<std::size_t>(size));
    base::ParallelFor(0, size, 8192, [&](std::int64_t begin, std::int64_t end) {
      std::fill(to.begin() + begin, to.begin() + end, 0.0F);
      for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
        AddScaled((*workers_[static_cast<std::size_t>(chunk)].*member).data() + begin, end - begin, 1.0F,
                  to.data() + begin);
      }
    });
  };
  sum(&Worker::critic, gradient_critic_, static_cast<std::int64_t>(model_->critic.size()));
  optimizers_->critic.Step(model_->critic, gradient_critic_);
  if (MovesActor()) {
    sum(&Worker::actor, gradient_actor_, static_cast<std::int64_t>(model_->actor.size()));
    optimizers_->actor.Step(model_->actor, gradient_actor_);
  }
  if (model_->options.state_gradient != StateGradient::kNone) {
    sum(&Worker::state, gradient_state_, model_->small());
    if (model_->trained_users) {
      gradient_state_.resize(model_->state.size());
      std::fill(gradient_state_.begin() + model_->small(), gradient_state_.end(), 0.0F);
      ScatterRows(rows, memory, dim);
    }
    optimizers_->state.Step({model_->state.data(), static_cast<std::size_t>(trained_state())}, gradient_state_);
  }
  if (optimizers_->actions && MovesActor()) {
    gradient_actions_.assign(model_->actions.raw.size(), 0.0F);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int32_t item = batch_.liked[static_cast<std::size_t>(row)];
      if (item >= 0) {
        AddScaled(workers_[static_cast<std::size_t>(row / kDrrRows)]->d_liked.data() + row % kDrrRows * dim, dim, 1.0F,
                  gradient_actions_.data() + item * dim);
      }
    }
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
      for (std::size_t n = 0; n < negatives.size(); ++n) {
        AddScaled(workers_[static_cast<std::size_t>(chunk)]->d_negatives.data() + static_cast<std::int64_t>(n) * dim,
                  dim, 1.0F, gradient_actions_.data() + negatives[n] * dim);
      }
    }
    optimizers_->actions->Step(model_->actions.raw, gradient_actions_);
    model_->actions.Refresh();
  } else if (config_.actions == "tied") {
    std::copy_n(model_->items(), model_->actions.raw.size(), model_->actions.raw.begin());
    model_->actions.Refresh();
  }
}

// Gradients of rows to those of the tables. Each thread owns a stretch of the tables and goes through all rows in their
// order, so that sums do not depend on threads.
void DrrLearner::ScatterRows(std::int64_t rows, std::int64_t memory, std::int64_t dim) {
  float* users = gradient_state_.data() + model_->small();
  float* items = users + model_->num_users * dim;
  constexpr std::int64_t kParts = 8;
  base::ParallelFor(0, kParts, 1, [&](std::int64_t part, std::int64_t) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const Worker& worker = *workers_[static_cast<std::size_t>(row / kDrrRows)];
      const std::int64_t local = row % kDrrRows;
      const std::int32_t user = batch_.users[static_cast<std::size_t>(row)];
      if (user >= 0 && user % kParts == part) {
        AddScaled(worker.d_users.data() + local * dim, dim, 1.0F, users + user * dim);
      }
      for (std::int64_t at = 0; at < memory; ++at) {
        const std::int32_t item = batch_.memory[static_cast<std::size_t>(row * memory + at)];
        if (item >= 0 && item % kParts == part) {
          AddScaled(worker.d_items.data() + (local * memory + at) * dim, dim, 1.0F, items + item * dim);
        }
      }
    }
  });
}

void DrrLearner::MoveTargets() {
  if (model_->options.shape.kind == AgentKind::kTd3 && updates_ % config_.policy_delay != 0) {
    return;
  }
  const auto share = static_cast<float>(config_.polyak);
  const auto move = [share](std::span<const float> from, std::vector<float>& to) {
    base::ParallelFor(0, static_cast<std::int64_t>(to.size()), 16384, [&](std::int64_t begin, std::int64_t end) {
      for (auto at = static_cast<std::size_t>(begin); at < static_cast<std::size_t>(end); ++at) {
        to[at] += share * (from[at] - to[at]);
      }
    });
  };
  move(model_->actor, target_actor_);
  move(model_->critic, target_critic_);
  if (config_.target_state) {
    move({model_->state.data(), target_state_.size()}, target_state_);
  }
}

void DrrLearner::Update(Totals& totals) {
  const AgentKind kind = model_->options.shape.kind;
  const std::int64_t dim = model_->dim();
  const bool masks = ScoresItems(kind) || kind == AgentKind::kWolpertinger || model_->options.values_shown;
  const double beta = std::min(1.0, config_.beta + (1.0 - config_.beta) * static_cast<double>(updates_) /
                                                       static_cast<double>(config_.beta_updates));
  replay_->Draw(seed_, static_cast<std::uint64_t>(updates_), config_.batch_size, config_.steps, config_.discount, beta,
                batch_, masks && world_->forbids_repeats());
  const auto rows = static_cast<std::int64_t>(batch_.rows.size());
  if (config_.critic_action == "proto") {
    taken_ = batch_.proto;
  } else {
    MeanOfSlates(ScoresItems(kind) ? model_->actions.raw : model_->actions.unit, dim,
                 {batch_.slates.data(), rows, world_->slate()}, Sized(taken_, rows * dim));
  }
  if (masks) {
    LegalOf(batch_);
  }
  judged_.clear();
  if (!model_->options.slope) {
    base::Rng rng(seed_, base::Stream::kNegatives, static_cast<std::uint64_t>(updates_), 1);
    for (std::int64_t n = 0; n < config_.judged_items; ++n) {
      const auto all = static_cast<std::uint64_t>(n % 2 == 0 ? static_cast<std::int64_t>(batch_.slates.size())
                                                             : model_->actions.items());
      const std::uint64_t drawn = rng.Below(all);
      judged_.push_back(n % 2 == 0 ? batch_.slates[static_cast<std::size_t>(drawn)] : static_cast<std::int32_t>(drawn));
    }
  }
  std::vector<std::int32_t> negatives;
  if (model_->options.ranking_weight > 0.0) {
    base::Rng rng(seed_, base::Stream::kNegatives, static_cast<std::uint64_t>(updates_));
    for (std::int64_t n = 0; n < config_.ranking_negatives; ++n) {
      negatives.push_back(static_cast<std::int32_t>(rng.Below(static_cast<std::uint64_t>(model_->actions.items()))));
    }
  }
  Sized(deltas_, rows);
  base::ParallelFor(0, rows, kDrrRows, [&](std::int64_t begin, std::int64_t end) {
    RunChunk(begin, end, negatives, *workers_[static_cast<std::size_t>(begin / kDrrRows)]);
  });
  AgentTotals sums;
  for (std::int64_t chunk = 0; chunk * kDrrRows < rows; ++chunk) {
    sums.Add(workers_[static_cast<std::size_t>(chunk)]->totals);
  }
  CheckFinite(sums.loss + sums.policy_q, "drr: loss");
  const bool moved = MovesActor();
  ApplyGradients(rows, negatives);
  MoveTargets();
  if (Alpha() > 0.0 && moved) {
    log_alpha_.Update(-(sums.log_pi / static_cast<double>(rows) + TargetEntropy()), config_.learning_rate);
  }
  replay_->SetPriorities(batch_.rows, deltas_);
  double weight = 0.0;
  double squares = 0.0;
  for (const float w : batch_.weight) {
    weight += static_cast<double>(w);
    squares += static_cast<double>(w) * static_cast<double>(w);
  }
  totals.ess += weight * weight / squares / static_cast<double>(rows);
  totals.agent.Add(sums);
  totals.rows += rows;
  totals.actor_rows += moved ? rows : 0;
  ++totals.updates;
  ++updates_;
}

// Of SAC: that of a policy as spread as asked for.
double DrrLearner::TargetEntropy() const {
  if (config_.entropy != 0.0) {
    return config_.entropy;
  }
  if (model_->options.shape.kind == AgentKind::kSac) {
    return -static_cast<double>(model_->dim());
  }
  double sum = 0.0;
  for (std::size_t row = 0; row < legal_before_.listed.size(); ++row) {
    const auto known = static_cast<std::int64_t>(legal_before_.row(static_cast<std::int64_t>(row)).size());
    const std::int64_t count = legal_before_.listed[row] != 0 ? known : model_->actions.items() - known;
    sum += std::log(static_cast<double>(std::max<std::int64_t>(1, count)));
  }
  return config_.entropy_share * sum / static_cast<double>(legal_before_.listed.size());
}

}  // namespace recforce::algos
