// SPDX-License-Identifier: Apache-2.0
// An environment small enough to be worked by hand: what users feel depends on the item that they clicked last.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/core/environment.h"

namespace recforce::test {

struct Toy {
  std::int64_t items = 2;
  // [items + 1, items]: row 0 before the first click, row 1 + i after a click on item i.
  std::vector<float> utilities;
  std::vector<float> rewards;
  core::ChoiceRule choice;
  std::int32_t last_item = -1;  // who clicks it leaves
  std::optional<double> optimum = std::nullopt;
  std::string identity = "toy";
  bool learnt = false;

  // The rows of `table` for users who clicked `recent`.
  void Fill(const std::vector<float>& table, base::MatrixView<const std::int32_t> recent,
            base::MatrixView<float> out) const {
    for (std::int64_t row = 0; row < recent.rows; ++row) {
      std::copy_n(table.begin() + (recent.row(row)[0] + 1) * items, items, out.row(row).begin());
    }
  }
};

class ToyEpisodes final : public core::Episodes {
 public:
  static constexpr std::int64_t kMemory = 3;

  ToyEpisodes(std::shared_ptr<const Toy> toy, std::vector<std::int64_t> users, std::uint64_t seed)
      : toy_(std::move(toy)),
        seed_(seed),
        users_(std::move(users)),
        recent_(users_.size() * kMemory, -1),
        steps_(users_.size(), 0),
        left_(users_.size(), 0) {}

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(users_.size()); }
  [[nodiscard]] std::span<const std::int64_t> users() const override { return users_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {recent_.data(), size(), kMemory};
  }
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> left() const override { return left_; }
  void Utilities(base::MatrixView<float> out) const override { toy_->Fill(toy_->utilities, recent(), out); }
  void Rewards(base::MatrixView<float> out) const override { toy_->Fill(toy_->rewards, recent(), out); }

  void Step(base::MatrixView<const std::int32_t> slates, core::Feedback& feedback) override {
    feedback.reward.assign(users_.size(), 0.0F);
    feedback.clicked.assign(users_.size(), -1);
    for (std::size_t row = 0; row < users_.size(); ++row) {
      if (left_[row] != 0) {
        continue;
      }
      const std::span<const std::int32_t> slate = slates.row(static_cast<std::int64_t>(row));
      std::vector<float> felt;
      for (const std::int32_t item : slate) {
        felt.push_back(toy_->utilities[Cell(row, item)]);
      }
      base::Rng rng(seed_, base::Stream::kChoice, static_cast<std::uint64_t>(users_[row]),
                    static_cast<std::uint32_t>(steps_[row]++));
      const std::int32_t place = core::Choose(toy_->choice, felt, rng.Uniform());
      feedback.clicked[row] = place;
      if (place >= 0) {
        const std::int32_t item = slate[static_cast<std::size_t>(place)];
        feedback.reward[row] = toy_->rewards[Cell(row, item)];
        const auto begin = recent_.begin() + static_cast<std::ptrdiff_t>(row) * kMemory;
        std::rotate(begin, begin + kMemory - 1, begin + kMemory);
        *begin = item;
        left_[row] = item == toy_->last_item ? 1 : 0;
      }
    }
  }

  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> rows,
                                                     std::uint64_t seed) const override {
    std::vector<std::int64_t> numbers;
    std::unordered_map<std::int32_t, std::int64_t> copies;
    for (const std::int32_t row : rows) {
      numbers.push_back(users_[static_cast<std::size_t>(row)] * 1000 + 500 + copies[row]++);
    }
    auto fork = std::make_unique<ToyEpisodes>(toy_, std::move(numbers), seed);
    for (std::size_t at = 0; at < rows.size(); ++at) {
      const auto row = static_cast<std::size_t>(rows[at]);
      std::copy_n(recent_.begin() + rows[at] * kMemory, kMemory,
                  fork->recent_.begin() + static_cast<std::ptrdiff_t>(at) * kMemory);
      fork->steps_[at] = steps_[row];
      fork->left_[at] = left_[row];
    }
    return fork;
  }

  [[nodiscard]] base::TensorSet SaveState() const override { return {}; }
  void LoadState(const base::TensorSet& /*state*/) override { RECFORCE_CHECK(false, "toys are not stored"); }

 private:
  [[nodiscard]] std::size_t Cell(std::size_t row, std::int32_t item) const {
    return static_cast<std::size_t>((recent_[row * kMemory] + 1) * toy_->items + item);
  }

  std::shared_ptr<const Toy> toy_;
  std::uint64_t seed_;
  std::vector<std::int64_t> users_;
  std::vector<std::int32_t> recent_;
  std::vector<std::int32_t> steps_;
  std::vector<std::uint8_t> left_;
};

class ToyEnvironment final : public core::Environment {
 public:
  explicit ToyEnvironment(Toy toy) : toy_(std::make_shared<const Toy>(std::move(toy))) {}

  [[nodiscard]] std::int64_t NumItems() const override { return toy_->items; }
  [[nodiscard]] std::int64_t memory() const override { return ToyEpisodes::kMemory; }
  [[nodiscard]] core::ChoiceRule choice() const override { return toy_->choice; }
  [[nodiscard]] bool observed() const override { return true; }
  [[nodiscard]] bool learnt() const override { return toy_->learnt; }
  [[nodiscard]] std::string identity() const override { return toy_->identity; }
  void UtilitiesAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override {
    toy_->Fill(toy_->utilities, recent, out);
  }
  void RewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override {
    toy_->Fill(toy_->rewards, recent, out);
  }
  [[nodiscard]] std::optional<double> Optimum(std::int64_t /*k*/, std::int64_t /*horizon*/,
                                              double /*discount*/) const override {
    return toy_->optimum;
  }
  [[nodiscard]] std::unique_ptr<core::Episodes> Start(std::span<const std::int64_t> users,
                                                      std::uint64_t seed) const override {
    return std::make_unique<ToyEpisodes>(toy_, std::vector<std::int64_t>(users.begin(), users.end()), seed);
  }

 private:
  std::shared_ptr<const Toy> toy_;
};

// Utilities and rewards by chance: `scale` times a normal number, and a uniform one of (0, 2).
inline Toy RandomToy(std::int64_t items, std::uint64_t seed, const core::ChoiceRule& choice, double scale = 1.0) {
  Toy toy{.items = items, .utilities = {}, .rewards = {}, .choice = choice};
  base::Rng rng(seed, base::Stream::kTest);
  for (std::int64_t cell = 0; cell < (items + 1) * items; ++cell) {
    toy.utilities.push_back(static_cast<float>(scale * rng.Normal()));
    toy.rewards.push_back(static_cast<float>(2.0 * rng.Uniform()));
  }
  return toy;
}

}  // namespace recforce::test
