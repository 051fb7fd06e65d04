// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/simulator.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"
#include "sim/click_episodes.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUserGrain = 32;  // users a chunk, where each looks at a slate

// The traits of a user are what its members carry, one after the other.
class SimulatedClicks final : public sim::ClickModel {
 public:
  SimulatedClicks(std::shared_ptr<const UserModel> model, const SimulatorOptions& options)
      : model_(std::move(model)), options_(options), utility_(static_cast<float>(model_->utility_of_reward())) {
    traits_at_start_.resize(static_cast<std::size_t>(model_->num_traits()));
    model_->AfterClicks({}, traits_at_start_.data());
  }

  [[nodiscard]] std::int64_t NumItems() const override { return model_->shape().items; }
  [[nodiscard]] std::int64_t memory() const override { return model_->shape().memory; }
  [[nodiscard]] core::ChoiceRule choice() const override { return model_->choice(); }
  // What members carry, and which one the user chooses by.
  [[nodiscard]] std::int64_t num_traits() const override {
    return model_->num_traits() + (options_.one_member_a_user ? 1 : 0);
  }
  [[nodiscard]] const UserModel& model() const { return *model_; }
  [[nodiscard]] bool one_member_a_user() const { return options_.one_member_a_user; }

  void Begin(std::span<const std::int64_t> users, base::MatrixView<float> traits) const override {
    for (std::int64_t row = 0; row < traits.rows; ++row) {
      std::copy(traits_at_start_.begin(), traits_at_start_.end(), traits.row(row).begin());
      if (options_.one_member_a_user) {
        base::Rng rng(static_cast<std::uint64_t>(users[static_cast<std::size_t>(row)]), base::Stream::kEnsemble);
        traits.row(row).back() = static_cast<float>(rng.Below(static_cast<std::uint64_t>(model_->members())));
      }
    }
  }

  void Evaluate(const sim::UserRows& users, base::MatrixView<const std::int32_t> items,
                base::MatrixView<float> utilities, base::MatrixView<float> rewards) const override {
    const std::int64_t grain = std::max<std::int64_t>(1, kUserGrain * 5 / std::max<std::int64_t>(1, items.cols));
    base::ParallelFor(0, items.rows, grain, [&](std::int64_t first, std::int64_t last) {
      EvaluateRows(users, items, first, last, utilities, rewards);
    });
  }

  void Advance(const sim::Turn& turn, base::MatrixView<float> traits, std::span<std::uint8_t> /*left*/) const override {
    base::ParallelFor(0, traits.rows, kUserGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        if (turn.clicked[static_cast<std::size_t>(row)] >= 0) {
          model_->Advance(turn.recent.row(row), traits.row(row).data());
        }
      }
    });
  }

  // As of users who clicked `recent`. out: [B, I]
  void EvaluateAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> utilities,
                     base::MatrixView<float> rewards) const {
    std::vector<float> traits(static_cast<std::size_t>(recent.rows * num_traits()));
    base::ParallelFor(0, recent.rows, kUserGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        model_->AfterClicks(recent.row(row), traits.data() + row * num_traits());
      }
    });
    EvaluateAll({recent, {traits.data(), recent.rows, num_traits()}}, utilities, rewards);
  }

 private:
  // Rows of several users go through the network together.
  void EvaluateRows(const sim::UserRows& users, base::MatrixView<const std::int32_t> items, std::int64_t first,
                    std::int64_t last, base::MatrixView<float> utilities, base::MatrixView<float> rewards) const {
    const auto cells = static_cast<std::size_t>((last - first) * items.cols);
    std::vector<const float*> rows(cells);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      rows[cell] = users.traits.row(first + static_cast<std::int64_t>(cell) / items.cols).data();
    }
    std::vector<float> by_member(cells * static_cast<std::size_t>(model_->members()));
    UserModel::Scratch scratch;
    model_->Rewards(rows, {items.row(first).data(), cells}, scratch, by_member.data());
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const std::int64_t row = first + static_cast<std::int64_t>(cell) / items.cols;
      const std::size_t column = cell % static_cast<std::size_t>(items.cols);
      const auto [mean, reward] = Weigh(by_member, cell, cells);
      float felt = mean;
      if (options_.one_member_a_user) {
        felt = by_member[static_cast<std::size_t>(users.traits.row(row).back()) * cells + cell];
      }
      utilities.row(row)[column] = utility_ * felt;
      rewards.row(row)[column] = reward;
    }
  }

  // The mean over members of one cell, and what a click on it brings.
  [[nodiscard]] std::pair<float, float> Weigh(const std::vector<float>& by_member, std::size_t cell,
                                              std::size_t cells) const {
    const auto members = static_cast<std::size_t>(model_->members());
    float sum = 0.0F;
    for (std::size_t member = 0; member < members; ++member) {
      sum += by_member[member * cells + cell];
    }
    const float mean = sum / static_cast<float>(members);
    if (options_.reward == SimulatorReward::kClick) {
      return {mean, 1.0F};
    }
    float reward = mean;
    if (options_.pessimism > 0.0) {
      float square = 0.0F;
      for (std::size_t member = 0; member < members; ++member) {
        const float off = by_member[member * cells + cell] - mean;
        square += off * off;
      }
      reward -= static_cast<float>(options_.pessimism) * std::sqrt(square / static_cast<float>(members));
    }
    return {mean, options_.reward == SimulatorReward::kAdvantage ? reward - model_->no_click_reward() : reward};
  }

  std::shared_ptr<const UserModel> model_;
  SimulatorOptions options_;
  float utility_;
  std::vector<float> traits_at_start_;
};

class Simulator final : public sim::ClickEnvironment {
 public:
  Simulator(std::shared_ptr<const SimulatedClicks> clicks, std::string identity)
      : ClickEnvironment(clicks), clicks_(std::move(clicks)), identity_(std::move(identity)) {}

  // Traits follow from the clicks, unless one of them says by which member a user chooses.
  [[nodiscard]] bool observed() const override { return !clicks_->one_member_a_user(); }
  [[nodiscard]] bool learnt() const override { return true; }
  [[nodiscard]] std::string identity() const override { return identity_; }
  [[nodiscard]] base::MatrixView<const float> item_features() const override {
    return clicks_->model().net(0).item_vectors();
  }
  void UtilitiesAndRewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> utilities,
                                base::MatrixView<float> rewards) const override {
    if (observed()) {
      clicks_->EvaluateAfter(recent, utilities, rewards);
    } else {
      ClickEnvironment::UtilitiesAndRewardsAfter(recent, utilities, rewards);
    }
  }

 private:
  std::shared_ptr<const SimulatedClicks> clicks_;
  std::string identity_;
};

std::string Identity(const UserModel& model, const SimulatorOptions& options, const base::TensorSet& tensors) {
  base::Hasher hasher;
  for (const auto& [name, view] : tensors.tensors()) {
    hasher.Add(name);
    hasher.Add(std::span(view.data, static_cast<std::size_t>(view.NumBytes())));
  }
  const UserShape& shape = model.shape();
  hasher.Add("state " + std::to_string(static_cast<int>(shape.state)) + " memory " + std::to_string(shape.memory) +
             " squash " + std::to_string(static_cast<int>(shape.squash)) + " law " +
             std::to_string(static_cast<int>(model.choice().law)) + " eta " +
             base::FormatReal(model.utility_of_reward()) + " reward " +
             std::to_string(static_cast<int>(options.reward)) + " pessimism " + base::FormatReal(options.pessimism) +
             " member " + std::to_string(options.one_member_a_user ? 1 : 0));
  return "gan_user_model:" + hasher.Hex();
}

}  // namespace

std::shared_ptr<const core::Environment> MakeSimulator(std::shared_ptr<const UserModel> model,
                                                       const SimulatorOptions& options,
                                                       const base::TensorSet& tensors) {
  if (options.reward == SimulatorReward::kAdvantage && !model->has_no_click()) {
    throw base::Error(
        base::ErrorKind::kUsage,
        "gan_user_model.reward: in this model something is always chosen: 'advantage'; expected utility or "
        "click");
  }
  std::string identity = Identity(*model, options, tensors);
  return std::make_shared<Simulator>(std::make_shared<const SimulatedClicks>(std::move(model), options),
                                     std::move(identity));
}

}  // namespace recforce::algos
