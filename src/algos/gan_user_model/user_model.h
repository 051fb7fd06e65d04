// SPDX-License-Identifier: Apache-2.0
// A learnt user model, one network or an ensemble: utilities and rewards, and the recommender that ranks by utility.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "algos/gan_user_model/user_net.h"
#include "recforce/core/choice.h"
#include "recforce/core/recommender.h"

namespace recforce::algos {

// How networks become choices.
struct ModelOptions {
  UserShape shape;  // features are counted in the tensors
  std::int64_t members = 1;
  core::ChoiceLaw law = core::ChoiceLaw::kSoftmax;
  double eta = 1.0;
};

// The name of a tensor of a member begins so.
std::string MemberPrefix(std::int64_t member);

// Immutable and thread-safe. Shapes: E members.
class UserModel {
 public:
  // Error(Data) when the tensors do not fit. Without a utility of choosing nothing a reward's offset means nothing; the
  // one is taken with which a member's rewards at the beginning, without clicks, have mean 0 over the catalogue.
  UserModel(const ModelOptions& options, const base::TensorSet& set);

  [[nodiscard]] const UserShape& shape() const { return options_.shape; }
  [[nodiscard]] std::int64_t members() const { return options_.members; }
  [[nodiscard]] const UserNet& net(std::int64_t member) const { return nets_[static_cast<std::size_t>(member)]; }
  // The law of choice, and what choosing nothing is worth, in utilities.
  [[nodiscard]] core::ChoiceRule choice() const;
  // Utilities are so many times rewards: eta times what was fitted to validation choices.
  [[nodiscard]] double utility_of_reward() const { return scale_ * options_.eta; }
  [[nodiscard]] bool has_no_click() const { return !no_click_.empty(); }
  // The reward of choosing nothing, a mean over members; 0 where that is no choice.
  [[nodiscard]] float no_click_reward() const { return mean_no_click_; }

  // Numbers that a user carries, of all members. [E, each]
  [[nodiscard]] std::int64_t num_traits() const { return members() * net(0).num_traits(); }
  void AfterClicks(std::span<const std::int32_t> recent, float* traits) const;
  void Advance(std::span<const std::int32_t> recent, float* traits) const;

  struct Scratch {
    UserNet::Scratch net;
    std::vector<const float*> users, rows;
    std::vector<float> rewards;
  };
  // r of items[i] for the user whose traits begin at users[i], member by member. out: [E, items.size()], offsets
  // included.
  void Rewards(std::span<const float* const> users, std::span<const std::int32_t> items, Scratch& scratch,
               float* out) const;
  // The same for one user.
  void Rewards(const float* traits, std::span<const std::int32_t> items, Scratch& scratch, float* out) const;
  // The mean over members. out: [items.size()]
  void MeanRewards(const float* traits, std::span<const std::int32_t> items, Scratch& scratch, float* out) const;

 private:
  ModelOptions options_;
  std::vector<UserNet> nets_;
  std::vector<float> no_click_;  // [E], or empty
  // [E] What is added to a member's rewards so that they can be compared: members agree on choosing nothing, or on the
  // mean of the catalogue.
  std::vector<float> offsets_;
  float mean_no_click_ = 0.0F;
  double scale_ = 1.0;
};

// Scores are utilities. A user's state is that of its last m events.
class UserRecommender final : public core::Recommender {
 public:
  explicit UserRecommender(std::shared_ptr<const UserModel> model) : model_(std::move(model)) {}
  [[nodiscard]] std::int64_t NumItems() const override { return model_->shape().items; }
  void ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const override;
  [[nodiscard]] std::optional<core::ChoiceRule> choice() const override { return model_->choice(); }

 private:
  std::shared_ptr<const UserModel> model_;
};

}  // namespace recforce::algos
