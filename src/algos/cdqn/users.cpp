// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/users.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "algos/common/nested_set.h"
#include "algos/common/read_count.h"
#include "recforce/core/topk.h"
#include "sim/policies.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kShortlistSteps = 4;  // of random slates, after each of which rewards are looked at

std::vector<std::int64_t> Numbers(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

// Ranks, one list after the other, merged until there are `length` items.
std::vector<std::int32_t> MergeRanks(const std::vector<std::int32_t>& ranked, std::int64_t items, std::int64_t length) {
  std::vector<std::uint8_t> taken(static_cast<std::size_t>(items), 0);
  std::vector<std::int32_t> merged;
  const auto size = static_cast<std::size_t>(length);
  const std::size_t lists = ranked.size() / size;
  for (std::size_t at = 0; merged.size() < size; ++at) {
    const std::int32_t item = ranked[(at % lists) * size + at / lists];
    if (std::exchange(taken[static_cast<std::size_t>(item)], std::uint8_t{1}) == 0) {
      merged.push_back(item);
    }
  }
  std::sort(merged.begin(), merged.end());
  return merged;
}

}  // namespace

CdqnUsers::CdqnUsers(const core::Environment& environment, core::EpisodePlan plan, std::int64_t count,
                     std::int64_t first, std::uint64_t seed)
    : environment_(environment), plan_(plan), count_(count), first_(first), seed_(seed) {}

bool CdqnUsers::Through() const {
  const auto left = episodes_->left();
  return step_ >= plan_.horizon || std::all_of(left.begin(), left.end(), [](std::uint8_t gone) { return gone != 0; });
}

void CdqnUsers::Start() {
  episodes_ = environment_.Start(Numbers(first_ + rounds_ * count_, count_), seed_);
  ++rounds_;
  step_ = 0;
}

const core::Episodes& CdqnUsers::Current() {
  if (!episodes_ || Through()) {
    Start();
  }
  return *episodes_;
}

base::Rng CdqnUsers::Draws(std::int64_t row) const {
  const auto user = static_cast<std::uint64_t>(episodes_->users()[static_cast<std::size_t>(row)]);
  return {seed_, base::Stream::kPolicy, user, static_cast<std::uint32_t>(step_)};
}

void CdqnUsers::Show(base::MatrixView<const std::int32_t> slates, bool click_reward, Replay& replay,
                     ShownTotals& totals) {
  const base::MatrixView<const std::int32_t> recent = episodes_->recent();
  const std::vector<std::int32_t> before(recent.data, recent.data + recent.rows * recent.cols);
  std::vector<std::uint8_t> shown;
  for (const std::uint8_t gone : episodes_->left()) {
    shown.push_back(gone == 0 ? 1 : 0);
  }
  core::Feedback feedback;
  episodes_->Step(slates, feedback);
  ++step_;
  for (std::size_t row = 0; row < shown.size(); ++row) {
    if (shown[row] != 0) {
      const bool click = feedback.clicked[row] >= 0;
      totals.reward += static_cast<double>(feedback.reward[row]);
      ++totals.shown;
      totals.clicks += click ? 1 : 0;
      if (click_reward) {
        feedback.reward[row] = click ? 1.0F : -1.0F;
      }
    }
  }
  replay.Add({before.data(), recent.rows, recent.cols}, slates, feedback, shown, *episodes_, Through());
}

void CdqnUsers::Save(base::TensorSet& set, const std::string& prefix) const {
  set.SetMeta(prefix + "rounds", std::to_string(rounds_));
  set.SetMeta(prefix + "step", std::to_string(step_));
  if (!episodes_) {
    return;
  }
  AddNested(set, prefix + "state.", episodes_->SaveState());
}

void CdqnUsers::Load(const base::TensorSet& set, const std::string& prefix) {
  const std::int64_t rounds = ReadCount(set, prefix + "rounds");
  const std::int64_t step = ReadCount(set, prefix + "step");
  episodes_ = nullptr;
  rounds_ = 0;
  if (rounds == 0) {
    return;
  }
  const base::TensorSet state = GetNested(set, prefix + "state.");
  rounds_ = rounds - 1;
  Start();
  episodes_->LoadState(state);
  step_ = step;
}

std::vector<std::int32_t> RewardShortlist(const core::Environment& environment, std::int64_t length, std::int64_t slate,
                                          std::int64_t count, std::uint64_t seed) {
  const std::int64_t items = environment.NumItems();
  if (length == 0 || length >= items) {
    return {};
  }
  const std::unique_ptr<core::Episodes> episodes = environment.Start(Numbers(0, count), seed);
  const std::unique_ptr<core::SlatePolicy> random = sim::MakeRandomPolicy(items);
  std::vector<std::int32_t> slates(static_cast<std::size_t>(count * slate));
  std::vector<float> rewards(static_cast<std::size_t>(count * items));
  std::vector<std::int32_t> ranked;  // [steps * count, length]
  core::TopK top(items);
  core::Feedback feedback;
  for (std::int64_t step = 0; step < kShortlistSteps; ++step) {
    random->Choose(*episodes, seed, {slates.data(), count, slate});
    episodes->Step({slates.data(), count, slate}, feedback);
    episodes->Rewards({rewards.data(), count, items});
    for (std::int64_t row = 0; row < count; ++row) {
      const std::span<const float> mine(rewards.data() + row * items, static_cast<std::size_t>(items));
      const auto best = top.Select(mine, length, {});
      ranked.insert(ranked.end(), best.begin(), best.end());
    }
  }
  return MergeRanks(ranked, items, length);
}

}  // namespace recforce::algos
