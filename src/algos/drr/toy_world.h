// SPDX-License-Identifier: Apache-2.0
// A world for tests that is made of functions, and what agents do there when they do not explore.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "algos/drr/learner.h"
#include "algos/drr/model.h"
#include "recforce/base/error.h"
#include "sim/item_world.h"

namespace recforce::algos {

struct ToyRules {
  using Memory = std::span<const std::int32_t>;  // [N] newest first, -1: nothing yet
  std::int64_t items = 2;
  std::int64_t users = 0;  // episode e is of user e mod this; 0: strangers
  std::int64_t memory = 1;
  std::int64_t horizon = 1;  // steps until time is over
  bool repeats = true;
  bool shows = true;  // false: the memory that agents see stays empty
  float least = 0.0F;
  float most = 1.0F;
  std::function<float(std::int32_t user, Memory memory, std::int32_t item)> reward;
  std::function<bool(std::int32_t item, float reward)> likes;  // empty: what pays more than 0
  std::function<bool(std::int32_t item)> leaves;               // empty: nobody
};

// Slates of one.
class ToyEpisodes final : public sim::ItemEpisodes {
 public:
  ToyEpisodes(std::shared_ptr<const ToyRules> rules, std::int64_t episodes)
      : rules_(std::move(rules)),
        users_(static_cast<std::size_t>(episodes)),
        numbers_(users_.size()),
        steps_(users_.size(), 0),
        waiting_(users_.size(), 0),
        memory_(users_.size() * Width(), -1),
        seen_(memory_),
        shown_(users_.size()) {
    std::iota(numbers_.begin(), numbers_.end(), 0);
    NameUsers();
  }

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(users_.size()); }
  [[nodiscard]] std::span<const std::int32_t> users() const override { return users_; }
  [[nodiscard]] std::span<const std::int64_t> numbers() const override { return numbers_; }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> waiting() const override { return waiting_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> memory() const override {
    return {seen_.data(), size(), rules_->memory};
  }
  [[nodiscard]] sim::LegalItems Legal(std::int64_t row) const override {
    return {false, rules_->repeats ? ToyRules::Memory() : ToyRules::Memory(shown_[static_cast<std::size_t>(row)])};
  }

  // Error(Internal) for an item that is not legal.
  void Step(base::MatrixView<const std::int32_t> slates, sim::ItemFeedback& feedback) override {
    RECFORCE_CHECK(slates.rows == size() && slates.cols == 1, "one item an episode");
    feedback.reward.resize(users_.size());
    feedback.liked.resize(users_.size());
    feedback.end.resize(users_.size());
    for (std::size_t row = 0; row < users_.size(); ++row) {
      StepRow(row, slates.data[row], feedback);
    }
    NameUsers();
  }

  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet state;
    state.AddOwned("numbers", numbers_);
    state.AddOwned("steps", steps_);
    state.AddOwned("memory", memory_);
    std::vector<std::int32_t> shown;
    for (const std::vector<std::int32_t>& row : shown_) {
      shown.insert(shown.end(), row.begin(), row.end());
    }
    state.AddOwned("shown", std::move(shown));
    return state;
  }
  void LoadState(const base::TensorSet& state) override {
    const auto load = [&](const std::string& name, auto& to) {
      const auto from = state.Get(name).As<typename std::decay_t<decltype(to)>::value_type>();
      RECFORCE_CHECK(from.size() == to.size(), "the state of other episodes");
      std::copy(from.begin(), from.end(), to.begin());
    };
    load("numbers", numbers_);
    load("steps", steps_);
    load("memory", memory_);
    seen_ = rules_->shows ? memory_ : seen_;
    auto shown = state.Get("shown").As<std::int32_t>();
    for (std::size_t row = 0; row < shown_.size(); ++row) {
      const auto count = static_cast<std::size_t>(steps_[row]);  // every step shows one item
      shown_[row].assign(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(count));
      shown = shown.subspan(count);
    }
    NameUsers();
  }

 private:
  [[nodiscard]] std::size_t Width() const { return static_cast<std::size_t>(rules_->memory); }
  void NameUsers() {
    for (std::size_t row = 0; row < users_.size(); ++row) {
      users_[row] = rules_->users == 0 ? -1 : static_cast<std::int32_t>(numbers_[row] % rules_->users);
    }
  }
  void StepRow(std::size_t row, std::int32_t item, sim::ItemFeedback& feedback) {
    std::vector<std::int32_t>& shown = shown_[row];
    const bool again = !rules_->repeats && std::find(shown.begin(), shown.end(), item) != shown.end();
    RECFORCE_CHECK(item >= 0 && item < rules_->items && !again, "an item that may not be recommended");
    const auto memory = std::span(memory_).subspan(row * Width(), Width());
    const float reward = rules_->reward(users_[row], memory, item);
    const bool likes = rules_->likes ? rules_->likes(item, reward) : reward > 0.0F;
    shown.push_back(item);
    ++steps_[row];
    sim::Remember(likes ? item : -1, memory);
    const bool left = (rules_->leaves && rules_->leaves(item)) || (!rules_->repeats && steps_[row] == rules_->items);
    feedback.reward[row] = reward;
    feedback.liked[row] = likes && rules_->shows ? item : -1;
    feedback.end[row] = left                             ? sim::EpisodeEnd::kTerminal
                        : steps_[row] == rules_->horizon ? sim::EpisodeEnd::kTruncated
                                                         : sim::EpisodeEnd::kNone;
    if (feedback.end[row] != sim::EpisodeEnd::kNone) {
      numbers_[row] += size();
      steps_[row] = 0;
      shown.clear();
      std::fill(memory.begin(), memory.end(), -1);
    }
    if (rules_->shows) {
      std::copy(memory.begin(), memory.end(), seen_.begin() + static_cast<std::ptrdiff_t>(row * Width()));
    }
  }

  std::shared_ptr<const ToyRules> rules_;
  std::vector<std::int32_t> users_;
  std::vector<std::int64_t> numbers_;
  std::vector<std::int32_t> steps_;
  std::vector<std::uint8_t> waiting_;
  std::vector<std::int32_t> memory_, seen_;  // [E, N]: what decides, and what is seen of it
  std::vector<std::vector<std::int32_t>> shown_;
};

class ToyWorld final : public sim::ItemWorld {
 public:
  explicit ToyWorld(ToyRules rules) : rules_(std::make_shared<const ToyRules>(std::move(rules))) {}

  [[nodiscard]] std::int64_t NumItems() const override { return rules_->items; }
  [[nodiscard]] std::int64_t memory() const override { return rules_->memory; }
  [[nodiscard]] float least_reward() const override { return rules_->least; }
  [[nodiscard]] float most_reward() const override { return rules_->most; }
  [[nodiscard]] bool forbids_repeats() const override { return !rules_->repeats; }
  bool Begin(std::int64_t /*number*/, std::int32_t /*user*/, std::vector<std::int32_t>& out) const override {
    out.clear();
    return false;
  }
  [[nodiscard]] std::unique_ptr<sim::ItemEpisodes> Start(std::int64_t episodes, std::uint64_t /*seed*/) const override {
    return std::make_unique<ToyEpisodes>(rules_, episodes);
  }

 private:
  std::shared_ptr<const ToyRules> rules_;
};

// A learner at its beginning in such a world.
inline std::unique_ptr<DrrLearner> BeginToy(const DrrConfig& config, const StartVectors& start, const ToyRules& rules,
                                            std::uint64_t seed) {
  const AgentOptions options =
      AgentOptionsOf(config, start.dim, 1, static_cast<double>(rules.least), static_cast<double>(rules.most));
  auto learner = std::make_unique<DrrLearner>(config, options, start, seed);
  learner->BeginTraining(std::make_shared<const ToyWorld>(rules));
  return learner;
}

// What an agent ranks items by for `users` (-1: strangers) who remember `memory` [R, N]. Returns [R, I].
inline std::vector<float> ScoresOf(const DrrModel& model, std::span<const std::int32_t> users,
                                   std::span<const std::int32_t> memory, const RowItems* legal = nullptr) {
  const auto rows = static_cast<std::int64_t>(users.size());
  const std::int64_t width = model.options.shape.state.memory;
  std::vector<float> vectors(static_cast<std::size_t>(rows * model.dim()));
  std::vector<float> items(static_cast<std::size_t>(rows * width * model.dim()));
  GatherRows(model.users(), model.items(), model.dim(), users, {memory.data(), rows, width}, vectors.data(),
             items.data());
  std::vector<float> scores(static_cast<std::size_t>(rows * model.actions.items()));
  MakeChunkAgent(model.options, model.actions)
      ->Score({.side = model.side(), .rows = {vectors.data(), items.data(), memory.data(), rows}, .legal = legal},
              {scores.data(), rows, model.actions.items()}, nullptr);
  return scores;
}

// Discounted rewards of the world's first episodes, where the best legal item is shown all the time.
inline std::vector<double> GreedyReturns(const DrrModel& model, const ToyRules& rules, std::int64_t count,
                                         double discount) {
  ToyEpisodes episodes(std::make_shared<const ToyRules>(rules), count);
  std::vector<double> returns(static_cast<std::size_t>(count), 0.0);
  std::vector<double> factors(returns.size(), 1.0);
  sim::ItemFeedback feedback;
  for (std::int64_t step = 0; step < rules.horizon; ++step) {
    RowItems legal;
    for (std::int64_t row = 0; row < count; ++row) {
      const auto items = episodes.Legal(row).items;
      legal.items.insert(legal.items.end(), items.begin(), items.end());
      legal.EndRow(false);
    }
    const auto memory = episodes.memory();
    std::vector<float> scores =
        ScoresOf(model, episodes.users(), {memory.data, static_cast<std::size_t>(memory.rows * memory.cols)}, &legal);
    std::vector<std::int32_t> slates;
    for (std::int64_t row = 0; row < count; ++row) {
      const auto mine =
          std::span(scores).subspan(static_cast<std::size_t>(row * rules.items), static_cast<std::size_t>(rules.items));
      for (const std::int32_t item : legal.row(row)) {
        mine[static_cast<std::size_t>(item)] = -std::numeric_limits<float>::infinity();
      }
      slates.push_back(static_cast<std::int32_t>(std::max_element(mine.begin(), mine.end()) - mine.begin()));
    }
    episodes.Step({slates.data(), count, 1}, feedback);
    for (std::size_t row = 0; row < returns.size(); ++row) {
      returns[row] += factors[row] * static_cast<double>(feedback.reward[row]);
      factors[row] = feedback.end[row] == sim::EpisodeEnd::kNone ? factors[row] * discount : 0.0;
    }
  }
  return returns;
}

}  // namespace recforce::algos
