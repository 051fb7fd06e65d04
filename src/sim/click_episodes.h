// SPDX-License-Identifier: Apache-2.0
// Episodes and environments out of a model of clicks: what a user would feel for given items and how it changes by
// what it chose. A world or a learnt model writes the model; the walk of its users, their random numbers, forks and
// saved states are written here, once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "recforce/base/matrix_view.h"
#include "recforce/base/tensor_file.h"
#include "recforce/core/choice.h"
#include "recforce/core/environment.h"

namespace recforce::sim {

// What a model may know of some users. Rows correspond.
struct UserRows {
  base::MatrixView<const std::int32_t> recent;  // [B, memory()] items clicked, newest first, then -1
  base::MatrixView<const float> traits;         // [B, num_traits()]
};

// What a slate led to.
struct Turn {
  base::MatrixView<const std::int32_t> recent;  // [B, memory()] with the click of this turn
  std::span<const std::int32_t> clicked;        // [B] item, -1: none
  std::span<const double> luck;                 // [B] in (0, 1), uniform, independent of the choice
};

// Immutable and thread-safe. Called with whole batches, outside of base::ParallelFor, so that it can cut the work as
// suits it. A row's results must be the same bits whatever the other rows are.
class ClickModel {
 public:
  virtual ~ClickModel() = default;
  [[nodiscard]] virtual std::int64_t NumItems() const = 0;
  [[nodiscard]] virtual std::int64_t memory() const = 0;
  [[nodiscard]] virtual core::ChoiceRule choice() const = 0;
  // Floats that a user carries beside its recent clicks. Something that no policy sees, or what would be costly to
  // compute from the clicks again and again.
  [[nodiscard]] virtual std::int64_t num_traits() const { return 0; }
  // The traits of users at their beginning. [B, num_traits()]
  virtual void Begin(std::span<const std::int64_t> /*users*/, base::MatrixView<float> /*traits*/) const {}
  // What users would feel for items(b, j), and what a click on it would bring. items, utilities, rewards: [B, k].
  virtual void Evaluate(const UserRows& users, base::MatrixView<const std::int32_t> items,
                        base::MatrixView<float> utilities, base::MatrixView<float> rewards) const = 0;
  // The same for every item. [B, I]. By Evaluate, where a model knows nothing faster.
  virtual void EvaluateAll(const UserRows& users, base::MatrixView<float> utilities,
                           base::MatrixView<float> rewards) const;
  // Moves traits on and says who leaves. Rows with left == 1 are to stay as they are.
  virtual void Advance(const Turn& /*turn*/, base::MatrixView<float> /*traits*/,
                       std::span<std::uint8_t> /*left*/) const {}
};

// Choices are drawn by core::Choose from the first number of base::Rng(seed, Stream::kChoice, user, step), luck is the
// second. Forked copies keep traits and clicks; the n-th copy of a user gets a number that is a function of the user's
// number and n, so that forks from one seed meet the same luck: two policies can be compared on them.
// Step: CHECKs that slates hold distinct items of the catalogue.
class ClickEpisodes : public core::Episodes {
 public:
  ClickEpisodes(std::shared_ptr<const ClickModel> model, std::span<const std::int64_t> users, std::uint64_t seed);

  [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(users_.size()); }
  [[nodiscard]] std::span<const std::int64_t> users() const override { return users_; }
  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override;
  [[nodiscard]] std::span<const std::int32_t> steps() const override { return steps_; }
  [[nodiscard]] std::span<const std::uint8_t> left() const override { return left_; }
  void Utilities(base::MatrixView<float> out) const override;
  void Rewards(base::MatrixView<float> out) const override;
  void UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const override;
  void Step(base::MatrixView<const std::int32_t> slates, core::Feedback& feedback) override;
  [[nodiscard]] std::unique_ptr<core::Episodes> Fork(std::span<const std::int32_t> rows,
                                                     std::uint64_t seed) const override;
  [[nodiscard]] base::TensorSet SaveState() const override;
  void LoadState(const base::TensorSet& state) override;

 private:
  [[nodiscard]] UserRows rows() const;
  [[nodiscard]] base::MatrixView<float> traits();
  [[nodiscard]] base::MatrixView<const std::int32_t> Shown(base::MatrixView<const std::int32_t> slates);
  void ChooseRows(base::MatrixView<const std::int32_t> items, core::Feedback& feedback);

  std::shared_ptr<const ClickModel> model_;
  std::uint64_t seed_;
  std::vector<std::int64_t> users_;   // [B]
  std::vector<std::int32_t> recent_;  // [B, memory]
  std::vector<std::int32_t> steps_;   // [B]
  std::vector<std::uint8_t> left_;    // [B]
  std::vector<float> traits_;         // [B, traits]
  // Kept from step to step for their memory.
  std::vector<std::int32_t> shown_;
  std::vector<float> utilities_;
  std::vector<float> rewards_;
  std::vector<std::int32_t> clicked_;
  std::vector<double> luck_;
};

// An environment around a model. What is left to say: identity() and learnt(), and where there are any Optimum() and
// item_features().
class ClickEnvironment : public core::Environment {
 public:
  explicit ClickEnvironment(std::shared_ptr<const ClickModel> model) : model_(std::move(model)) {}

  [[nodiscard]] std::int64_t NumItems() const override { return model_->NumItems(); }
  [[nodiscard]] std::int64_t memory() const override { return model_->memory(); }
  [[nodiscard]] core::ChoiceRule choice() const override { return model_->choice(); }
  // Whether there are no traits. A model whose traits follow from the clicks overrides this and the next.
  [[nodiscard]] bool observed() const override { return model_->num_traits() == 0; }
  // Error(Usage) where there are traits.
  void UtilitiesAndRewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> utilities,
                                base::MatrixView<float> rewards) const override;
  // Of the above.
  void UtilitiesAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override;
  void RewardsAfter(base::MatrixView<const std::int32_t> recent, base::MatrixView<float> out) const override;
  [[nodiscard]] std::unique_ptr<core::Episodes> Start(std::span<const std::int64_t> users,
                                                      std::uint64_t seed) const override;

 private:
  std::shared_ptr<const ClickModel> model_;
};

}  // namespace recforce::sim
