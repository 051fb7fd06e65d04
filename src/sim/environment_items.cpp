// SPDX-License-Identifier: Apache-2.0
#include "sim/environment_items.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "sim/item_parts.h"

namespace recforce::sim {
namespace {

// Of what is saved beside the state of the environment's own episodes.
std::string Named(const char* name) { return std::string("items.") + name; }

std::string Identity(const core::Environment& environment, core::EpisodePlan plan) {
  return environment.identity() + " slate=" + std::to_string(plan.slate) + " horizon=" + std::to_string(plan.horizon);
}

class EnvironmentEpisodes final : public ItemEpisodes {
 public:
  EnvironmentEpisodes(const core::Environment& environment, core::EpisodePlan plan, std::int64_t memory,
                      std::int64_t episodes, std::uint64_t seed)
      : environment_(environment),
        plan_(plan),
        width_(memory),
        seed_(seed),
        users_(static_cast<std::size_t>(episodes), -1),
        numbers_(users_.size()) {
    std::iota(numbers_.begin(), numbers_.end(), std::int64_t{0});
    BeginRound();
  }

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(users_.size()); }
  [[nodiscard]] std::span<const std::int32_t> users() const override { return users_; }
  [[nodiscard]] std::span<const std::int64_t> numbers() const override { return numbers_; }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> waiting() const override { return waiting_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> memory() const override {
    return {memory_.data(), size(), width_};
  }
  [[nodiscard]] LegalItems Legal(std::int64_t /*row*/) const override { return {}; }

  void Step(base::MatrixView<const std::int32_t> slates, ItemFeedback& feedback) override {
    RECFORCE_CHECK(slates.rows == size() && slates.cols == plan_.slate, "one slate an episode, of the plan's size");
    episodes_->Step(slates, answers_);
    const std::span<const std::uint8_t> left = episodes_->left();
    feedback.reward.assign(users_.size(), 0.0F);
    feedback.liked.assign(users_.size(), -1);
    feedback.end.assign(users_.size(), EpisodeEnd::kNone);
    bool through = true;
    for (std::size_t row = 0; row < users_.size(); ++row) {
      if (waiting_[row] != 0) {
        continue;
      }
      feedback.reward[row] = answers_.reward[row];
      const auto at = static_cast<std::int64_t>(row);
      if (answers_.clicked[row] >= 0) {
        feedback.liked[row] = slates.row(at)[static_cast<std::size_t>(answers_.clicked[row])];
        const auto width = static_cast<std::size_t>(width_);
        Remember(feedback.liked[row], std::span(memory_).subspan(row * width, width));
      }
      ++steps_[row];
      if (left[row] != 0) {
        feedback.end[row] = EpisodeEnd::kTerminal;
      } else if (steps_[row] >= plan_.horizon) {
        feedback.end[row] = EpisodeEnd::kTruncated;
      }
      waiting_[row] = feedback.end[row] != EpisodeEnd::kNone ? 1 : 0;
      through = through && waiting_[row] != 0;
    }
    if (through) {
      for (std::int64_t& number : numbers_) {
        number += size();
      }
      BeginRound();
    }
  }

  [[nodiscard]] base::TensorSet SaveState() const override {
    base::TensorSet state = episodes_->SaveState();
    state.SetMeta(Named("world"), Identity(environment_, plan_));
    state.AddOwned(Named("round"), std::vector<std::int64_t>{numbers_.front() / size()});
    state.AddOwned(Named("seed"), std::vector<std::int64_t>{static_cast<std::int64_t>(seed_)});
    state.AddOwned(Named("steps"), steps_);
    state.AddOwned(Named("waiting"), waiting_);
    state.AddOwned(Named("memory"), memory_, {size(), width_});
    return state;
  }
  void LoadState(const base::TensorSet& state) override;

 private:
  // Users of numbers_ at their beginning.
  void BeginRound() {
    episodes_ = environment_.Start(numbers_, seed_);
    steps_.assign(users_.size(), 0);
    waiting_.assign(users_.size(), 0);
    memory_.assign(users_.size() * static_cast<std::size_t>(width_), -1);
  }

  const core::Environment& environment_;
  core::EpisodePlan plan_;
  std::int64_t width_;  // N
  std::uint64_t seed_;
  std::vector<std::int32_t> users_;    // [E] -1
  std::vector<std::int64_t> numbers_;  // [E] all of one round
  std::vector<std::int32_t> steps_;    // [E]
  std::vector<std::uint8_t> waiting_;  // [E]
  std::vector<std::int32_t> memory_;   // [E, N]
  std::unique_ptr<core::Episodes> episodes_;
  core::Feedback answers_;  // kept for its memory
};

void EnvironmentEpisodes::LoadState(const base::TensorSet& state) {
  const std::string identity = Identity(environment_, plan_);
  if (const std::string& found = state.Meta(Named("world")); found != identity) {
    RefuseState(state, "state of another world", found, identity);
  }
  const std::int64_t round = LoadedValues<std::int64_t>(state, Named("round"), 1).front();
  const std::int64_t seed = LoadedValues<std::int64_t>(state, Named("seed"), 1).front();
  std::vector<std::int32_t> steps = LoadedValues<std::int32_t>(state, Named("steps"), steps_.size());
  std::vector<std::uint8_t> waiting = LoadedValues<std::uint8_t>(state, Named("waiting"), waiting_.size());
  std::vector<std::int32_t> memory = LoadedValues<std::int32_t>(state, Named("memory"), memory_.size());
  if (round < 0 || round > std::numeric_limits<std::int64_t>::max() / size() - 1) {
    RefuseState(state, Named("round: round of episodes"), std::to_string(round), "0 or more");
  }
  for (const std::int32_t done : steps) {
    if (done < 0 || done > plan_.horizon) {
      RefuseState(state, Named("steps: steps of an episode"), std::to_string(done),
                  "0 to " + std::to_string(plan_.horizon));
    }
  }
  RequireItems(state, Named("memory"), memory, environment_.NumItems());
  if (std::all_of(waiting.begin(), waiting.end(), [](std::uint8_t waits) { return waits != 0; })) {
    RefuseState(state, Named("waiting: rows that go on"), "0", "1 or more");
  }
  std::vector<std::int64_t> numbers(users_.size());
  std::iota(numbers.begin(), numbers.end(), round * size());
  std::unique_ptr<core::Episodes> episodes = environment_.Start(numbers, static_cast<std::uint64_t>(seed));
  episodes->LoadState(state);
  seed_ = static_cast<std::uint64_t>(seed);
  numbers_ = std::move(numbers);
  steps_ = std::move(steps);
  waiting_ = std::move(waiting);
  memory_ = std::move(memory);
  episodes_ = std::move(episodes);
}

class EnvironmentWorld final : public ItemWorld {
 public:
  EnvironmentWorld(const core::Environment& environment, core::EpisodePlan plan, std::int64_t memory)
      : environment_(environment), plan_(plan), memory_(memory) {}

  [[nodiscard]] std::int64_t NumItems() const override { return environment_.NumItems(); }
  [[nodiscard]] std::int64_t memory() const override { return memory_; }
  [[nodiscard]] std::int64_t slate() const override { return plan_.slate; }
  [[nodiscard]] float least_reward() const override { return -std::numeric_limits<float>::infinity(); }
  [[nodiscard]] float most_reward() const override { return std::numeric_limits<float>::infinity(); }
  [[nodiscard]] bool forbids_repeats() const override { return false; }
  bool Begin(std::int64_t /*number*/, std::int32_t /*user*/, std::vector<std::int32_t>& out) const override {
    out.clear();
    return false;
  }
  [[nodiscard]] std::unique_ptr<ItemEpisodes> Start(std::int64_t episodes, std::uint64_t seed) const override {
    RECFORCE_CHECK(episodes >= 1, "no episodes to start");
    return std::make_unique<EnvironmentEpisodes>(environment_, plan_, memory_, episodes, seed);
  }

 private:
  const core::Environment& environment_;
  core::EpisodePlan plan_;
  std::int64_t memory_;
};

}  // namespace

std::unique_ptr<const ItemWorld> MakeEnvironmentItems(const core::Environment& environment, core::EpisodePlan plan,
                                                      std::int64_t memory) {
  RECFORCE_CHECK(plan.slate >= 1 && plan.horizon >= 1 && memory >= 0, "no slates, or less memory than none");
  return std::make_unique<EnvironmentWorld>(environment, plan, memory);
}

}  // namespace recforce::sim
