// SPDX-License-Identifier: Apache-2.0
#include "sim/click_episodes.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kGrain = 64;               // rows a chunk
constexpr std::int64_t kBlockCells = 1 << 20;     // of a matrix that is only an argument
constexpr std::uint32_t kNumbering = 0xFFFFFFFF;  // a step that nobody reaches

std::size_t Size(std::int64_t rows, std::int64_t cols) { return static_cast<std::size_t>(rows * cols); }

// The number of the copy-th copy of a user: 63 random bits, so that no two users that a process meets share one.
std::int64_t CopyNumber(std::int64_t user, std::uint64_t copy) {
  base::Rng rng(static_cast<std::uint64_t>(user), base::Stream::kChoice, copy, kNumbering);
  const std::uint64_t high = rng.Next();
  return static_cast<std::int64_t>((high << 32 | rng.Next()) >> 1);
}

template <class T>
base::MatrixView<T> Rows(base::MatrixView<T> matrix, std::int64_t first, std::int64_t count) {
  return {matrix.data + first * matrix.cols, count, matrix.cols};
}

void CheckSlate(std::span<const std::int32_t> slate, std::int64_t num_items) {
  for (std::size_t i = 0; i < slate.size(); ++i) {
    RECFORCE_CHECK(slate[i] >= 0 && slate[i] < num_items, "a slate holds an item outside the catalogue");
    RECFORCE_CHECK(std::find(slate.begin(), slate.begin() + static_cast<std::ptrdiff_t>(i), slate[i]) ==
                       slate.begin() + static_cast<std::ptrdiff_t>(i),
                   "a slate holds an item twice");
  }
}

// The values of a tensor of a saved state, which must be as many as here.
template <class T>
std::vector<T> Loaded(const base::TensorSet& state, const std::string& name, std::size_t expected) {
  const std::span<const T> values = state.Get(name).As<T>();
  if (values.size() != expected) {
    throw base::Error(base::ErrorKind::kData, state.where() + ": " + name + ": state of other users: '" +
                                                  std::to_string(values.size()) + "' values; expected " +
                                                  std::to_string(expected));
  }
  return {values.begin(), values.end()};
}

template <class T, class Predicate>
void RequireAll(const std::vector<T>& values, const std::string& what, const std::string& expected, Predicate allowed) {
  for (const T value : values) {
    if (!allowed(value)) {
      throw base::Error(base::ErrorKind::kData, what + ": '" + std::to_string(value) + "'; expected " + expected);
    }
  }
}

// Recent clicks are items, newest first, and then -1 alone.
void CheckRecent(const std::vector<std::int32_t>& recent, std::int64_t memory, std::int64_t num_items,
                 const std::string& where) {
  for (std::size_t at = 0; at < recent.size(); ++at) {
    const bool filled_after_gap = at % static_cast<std::size_t>(memory) != 0 && recent[at] >= 0 && recent[at - 1] < 0;
    if (recent[at] < -1 || recent[at] >= num_items || filled_after_gap) {
      throw base::Error(base::ErrorKind::kData, where + ": recent: no click of this environment: '" +
                                                    std::to_string(recent[at]) + "'; expected items below " +
                                                    std::to_string(num_items) + ", then -1");
    }
  }
}

}  // namespace

void ClickModel::EvaluateAll(const UserRows& users, base::MatrixView<float> utilities,
                             base::MatrixView<float> rewards) const {
  const std::int64_t width = NumItems();
  const std::int64_t block =
      std::clamp<std::int64_t>(kBlockCells / width, 1, std::max<std::int64_t>(1, utilities.rows));
  std::vector<std::int32_t> items(Size(block, width));
  for (std::int64_t row = 0; row < block; ++row) {
    std::iota(items.begin() + row * width, items.begin() + (row + 1) * width, 0);
  }
  for (std::int64_t first = 0; first < utilities.rows; first += block) {
    const std::int64_t count = std::min(block, utilities.rows - first);
    Evaluate({Rows(users.recent, first, count), Rows(users.traits, first, count)}, {items.data(), count, width},
             Rows(utilities, first, count), Rows(rewards, first, count));
  }
}

ClickEpisodes::ClickEpisodes(std::shared_ptr<const ClickModel> model, std::span<const std::int64_t> users,
                             std::uint64_t seed)
    : model_(std::move(model)),
      seed_(seed),
      users_(users.begin(), users.end()),
      recent_(Size(size(), model_->memory()), -1),
      steps_(users.size(), 0),
      left_(users.size(), 0),
      traits_(Size(size(), model_->num_traits())) {
  model_->Begin(users_, traits());
}

base::MatrixView<const std::int32_t> ClickEpisodes::recent() const {
  return {recent_.data(), size(), model_->memory()};
}

UserRows ClickEpisodes::rows() const { return {recent(), {traits_.data(), size(), model_->num_traits()}}; }

base::MatrixView<float> ClickEpisodes::traits() { return {traits_.data(), size(), model_->num_traits()}; }

void ClickEpisodes::Utilities(base::MatrixView<float> out) const {
  std::vector<float> rewards(Size(out.rows, out.cols));
  UtilitiesAndRewards(out, {rewards.data(), out.rows, out.cols});
}

void ClickEpisodes::Rewards(base::MatrixView<float> out) const {
  std::vector<float> utilities(Size(out.rows, out.cols));
  UtilitiesAndRewards({utilities.data(), out.rows, out.cols}, out);
}

void ClickEpisodes::UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const {
  model_->EvaluateAll(rows(), utilities, rewards);
}

// The slates, with any items where a user has left, so that models need not ask.
base::MatrixView<const std::int32_t> ClickEpisodes::Shown(base::MatrixView<const std::int32_t> slates) {
  RECFORCE_CHECK(slates.rows == size() && slates.cols > 0 && slates.cols <= model_->NumItems(),
                 "one slate a user, of no more items than there are");
  shown_.resize(Size(slates.rows, slates.cols));
  base::ParallelFor(0, size(), kGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const auto out = shown_.begin() + row * slates.cols;
      if (left_[static_cast<std::size_t>(row)] != 0) {
        std::iota(out, out + slates.cols, 0);
      } else {
        CheckSlate(slates.row(row), model_->NumItems());
        std::copy_n(slates.row(row).begin(), slates.cols, out);
      }
    }
  });
  return {shown_.data(), slates.rows, slates.cols};
}

// From utilities_ and rewards_ to feedback, recent_, steps_, clicked_ and luck_.
void ClickEpisodes::ChooseRows(base::MatrixView<const std::int32_t> items, core::Feedback& feedback) {
  const core::ChoiceRule rule = model_->choice();
  const std::int64_t memory = model_->memory();
  base::ParallelFor(0, size(), kGrain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t row = first; row < last; ++row) {
      const auto r = static_cast<std::size_t>(row);
      feedback.reward[r] = 0.0F;
      feedback.clicked[r] = -1;
      clicked_[r] = -1;
      if (left_[r] != 0) {
        continue;
      }
      base::Rng rng(seed_, base::Stream::kChoice, static_cast<std::uint64_t>(users_[r]),
                    static_cast<std::uint32_t>(steps_[r]));
      const std::int64_t cell = row * items.cols;
      const std::int32_t place = core::Choose(
          rule, std::span<const float>(utilities_).subspan(static_cast<std::size_t>(cell), Size(1, items.cols)),
          rng.Uniform());
      luck_[r] = rng.Uniform();
      ++steps_[r];
      if (place < 0) {
        continue;
      }
      feedback.clicked[r] = place;
      feedback.reward[r] = rewards_[static_cast<std::size_t>(cell + place)];
      clicked_[r] = items.row(row)[static_cast<std::size_t>(place)];
      if (memory > 0) {
        const auto begin = recent_.begin() + row * memory;
        std::copy_backward(begin, begin + memory - 1, begin + memory);
        *begin = clicked_[r];
      }
    }
  });
}

void ClickEpisodes::Step(base::MatrixView<const std::int32_t> slates, core::Feedback& feedback) {
  const base::MatrixView<const std::int32_t> items = Shown(slates);
  utilities_.resize(Size(items.rows, items.cols));
  rewards_.resize(utilities_.size());
  model_->Evaluate(rows(), items, {utilities_.data(), items.rows, items.cols},
                   {rewards_.data(), items.rows, items.cols});
  feedback.reward.resize(users_.size());
  feedback.clicked.resize(users_.size());
  clicked_.resize(users_.size());
  luck_.resize(users_.size(), 0.5);
  ChooseRows(items, feedback);
  model_->Advance({recent(), clicked_, luck_}, traits(), left_);
}

std::unique_ptr<core::Episodes> ClickEpisodes::Fork(std::span<const std::int32_t> rows, std::uint64_t seed) const {
  auto fork = std::make_unique<ClickEpisodes>(model_, std::span<const std::int64_t>(), seed);
  std::unordered_map<std::int64_t, std::uint64_t> copies;
  const auto append = [](auto& to, const auto& from, std::int64_t row, std::int64_t width) {
    to.insert(to.end(), from.begin() + row * width, from.begin() + (row + 1) * width);
  };
  for (const std::int32_t row : rows) {
    RECFORCE_CHECK(row >= 0 && row < size(), "a fork of a row that there is not");
    const std::int64_t user = users_[static_cast<std::size_t>(row)];
    fork->users_.push_back(CopyNumber(user, copies[user]++));
    append(fork->recent_, recent_, row, model_->memory());
    append(fork->steps_, steps_, row, 1);
    append(fork->left_, left_, row, 1);
    append(fork->traits_, traits_, row, model_->num_traits());
  }
  return fork;
}

base::TensorSet ClickEpisodes::SaveState() const {
  base::TensorSet state;
  state.AddOwned("seed", std::vector<std::int64_t>{static_cast<std::int64_t>(seed_)});
  state.AddOwned("users", users_);
  state.AddOwned("recent", recent_, {size(), model_->memory()});
  state.AddOwned("steps", steps_);
  state.AddOwned("left", left_);
  state.AddOwned("traits", traits_, {size(), model_->num_traits()});
  return state;
}

void ClickEpisodes::LoadState(const base::TensorSet& state) {
  const std::vector<std::int64_t> seed = Loaded<std::int64_t>(state, "seed", 1);
  std::vector<std::int64_t> users = Loaded<std::int64_t>(state, "users", users_.size());
  std::vector<std::int32_t> recent = Loaded<std::int32_t>(state, "recent", recent_.size());
  std::vector<std::int32_t> steps = Loaded<std::int32_t>(state, "steps", steps_.size());
  std::vector<std::uint8_t> left = Loaded<std::uint8_t>(state, "left", left_.size());
  std::vector<float> traits = Loaded<float>(state, "traits", traits_.size());
  CheckRecent(recent, model_->memory(), model_->NumItems(), state.where());
  RequireAll(steps, state.where() + ": steps: steps of a user", "0 or more", [](std::int32_t s) { return s >= 0; });
  RequireAll(left, state.where() + ": left: mark of a user", "0 or 1", [](std::uint8_t mark) { return mark <= 1; });
  RequireAll(traits, state.where() + ": traits: trait of a user", "a finite number",
             [](float trait) { return std::isfinite(trait); });
  seed_ = static_cast<std::uint64_t>(seed.front());
  users_ = std::move(users);
  recent_ = std::move(recent);
  steps_ = std::move(steps);
  left_ = std::move(left);
  traits_ = std::move(traits);
}

void ClickEnvironment::UtilitiesAndRewardsAfter(base::MatrixView<const std::int32_t> recent,
                                                base::MatrixView<float> utilities,
                                                base::MatrixView<float> rewards) const {
  if (!observed()) {
    throw base::Error(base::ErrorKind::kUsage,
                      identity() +
                          ": what its users feel follows from more than their recent clicks; take an "
                          "environment that is observed, such as world:tabular or world:linear");
  }
  model_->EvaluateAll({recent, {nullptr, recent.rows, 0}}, utilities, rewards);
}

void ClickEnvironment::UtilitiesAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const {
  std::vector<float> rewards(Size(out.rows, out.cols));
  UtilitiesAndRewardsAfter(recent, out, {rewards.data(), out.rows, out.cols});
}

void ClickEnvironment::RewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const {
  std::vector<float> utilities(Size(out.rows, out.cols));
  UtilitiesAndRewardsAfter(recent, {utilities.data(), out.rows, out.cols}, out);
}

std::unique_ptr<core::Episodes> ClickEnvironment::Start(std::span<const std::int64_t> users, std::uint64_t seed) const {
  return std::make_unique<ClickEpisodes>(model_, users, seed);
}

}  // namespace recforce::sim
