// SPDX-License-Identifier: Apache-2.0
// DrrLearner: what the agent is worth in its world.
#include <algorithm>
#include <numeric>

#include "algos/drr/learner_parts.h"

namespace recforce::algos {

std::vector<double> DrrLearner::Roll(Acting how, std::int64_t count, std::uint64_t seed) {
  const std::unique_ptr<sim::ItemEpisodes> episodes = world_->Start(count, seed);
  const std::int64_t slate = world_->slate();
  std::vector<std::int32_t> slates(static_cast<std::size_t>(count * slate));
  std::vector<double> sums(static_cast<std::size_t>(count), 0.0);
  std::vector<std::int64_t> steps(static_cast<std::size_t>(count), 0);
  std::vector<std::uint8_t> over(static_cast<std::size_t>(count), 0);
  Worker worker;
  worker.agent = MakeChunkAgent(model_->options, model_->actions);
  sim::ItemFeedback feedback;
  while (std::find(over.begin(), over.end(), 0) != over.end()) {
    for (std::int64_t begin = 0; begin < count; begin += kDrrRows) {
      ChooseRows(*episodes, how, begin, std::min(count, begin + kDrrRows), worker, slates, {});
    }
    episodes->Step({slates.data(), count, slate}, feedback);
    for (std::size_t row = 0; row < sums.size(); ++row) {
      if (over[row] == 0) {
        sums[row] += static_cast<double>(feedback.reward[row]);
        ++steps[row];
        over[row] = feedback.end[row] != sim::EpisodeEnd::kNone ? 1 : 0;
      }
    }
  }
  for (std::size_t row = 0; row < sums.size(); ++row) {
    sums[row] /= static_cast<double>(steps[row]);
  }
  return sums;
}

// A step of one episode as a block of the replay, whose other rows hold nothing.
void DrrLearner::RememberAlone(const sim::ItemEpisodes& episodes, std::span<const std::int32_t> slate,
                               std::span<const float> proto, const std::function<const sim::ItemFeedback&()>& step) {
  const auto count = static_cast<std::size_t>(config_.episodes);
  const auto padded = [count](auto values, std::size_t width, auto nothing) {
    std::vector<decltype(nothing)> rows(values.begin(), values.end());
    rows.resize(count * width, nothing);
    return rows;
  };
  const base::MatrixView<const std::int32_t> memory = episodes.memory();
  const auto wide = static_cast<std::size_t>(memory.cols);
  const auto users = padded(episodes.users(), 1, std::int32_t{-1});
  const auto numbers = padded(episodes.numbers(), 1, std::int64_t{0});
  const auto steps = padded(episodes.steps(), 1, std::int32_t{0});
  const auto before = padded(memory.row(0), wide, std::int32_t{-1});
  const auto slates = padded(slate, slate.size(), std::int32_t{0});
  const auto protos = padded(proto, proto.size(), 0.0F);
  const sim::ItemFeedback& feedback = step();
  const auto liked = padded(std::span(feedback.liked), 1, std::int32_t{-1});
  const auto reward = padded(std::span(feedback.reward), 1, 0.0F);
  const auto end = padded(std::span(feedback.end), 1, sim::EpisodeEnd::kTruncated);
  std::vector<std::uint8_t> valid(count, 0);
  valid[0] = 1;
  const auto rows = static_cast<std::int64_t>(count);
  replay_->Add({.users = users,
                .numbers = numbers,
                .steps = steps,
                .memory = {before.data(), rows, memory.cols},
                .slates = {slates.data(), rows, static_cast<std::int64_t>(slate.size())},
                .proto = proto.empty() ? base::MatrixView<const float>{}
                                       : base::MatrixView<const float>{protos.data(), rows, model_->dim()},
                .liked = liked,
                .reward = reward,
                .end = end,
                .valid = valid});
}

std::vector<double> DrrLearner::RollLearning(std::int64_t users, std::uint64_t seed) {
  const Everything before{{model_->state, model_->actor, model_->critic, model_->actions.raw},
                          target_state_,
                          target_actor_,
                          target_critic_,
                          *optimizers_,
                          log_alpha_,
                          updates_};
  const std::unique_ptr<sim::ItemEpisodes> episodes = world_->Start(1, seed);
  const bool keeps = config_.critic_action == "proto";
  std::vector<std::int32_t> slate(static_cast<std::size_t>(world_->slate()));
  std::vector<float> proto(static_cast<std::size_t>(keeps ? model_->dim() : 0));
  std::vector<double> rewards;
  sim::ItemFeedback feedback;
  Totals unused(*model_);
  for (std::int64_t user = 0; user < users; ++user) {
    double sum = 0.0;
    std::int64_t steps = 0;
    bool over = false;
    while (!over) {
      ChooseRows(*episodes, Acting::kGreedy, 0, 1, *workers_.front(), slate, proto);
      RememberAlone(*episodes, slate, proto, [&]() -> const sim::ItemFeedback& {
        episodes->Step({slate.data(), 1, world_->slate()}, feedback);
        return feedback;
      });
      sum += static_cast<double>(feedback.reward[0]);
      ++steps;
      over = feedback.end[0] != sim::EpisodeEnd::kNone;
      Update(unused);
    }
    rewards.push_back(sum / static_cast<double>(steps));
    Restore(before.weights);
    target_state_ = before.target_state;
    target_actor_ = before.target_actor;
    target_critic_ = before.target_critic;
    *optimizers_ = before.optimizers;
    log_alpha_ = before.log_alpha;
    updates_ = before.updates;
  }
  return rewards;
}

}  // namespace recforce::algos
