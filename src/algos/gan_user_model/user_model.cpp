// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/user_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "nn/tensor_io.h"
#include "recforce/base/error.h"
#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsersScored = 4;  // by one thread at once

std::span<const float> ItemFeatures(UserShape& shape, const base::TensorSet& set) {
  if (!set.Has("item.features")) {
    shape.features = 0;
    return {};
  }
  const base::TensorView& view = set.Get("item.features");
  shape.features = view.shape.size() == 2 ? std::max<std::int64_t>(1, view.shape[1]) : 1;
  return nn::CheckedView(set, "item.features", {shape.items, shape.features}).As<float>();
}

}  // namespace

std::string MemberPrefix(std::int64_t member) { return "member." + std::to_string(member) + "."; }

UserModel::UserModel(const ModelOptions& options, const base::TensorSet& set) : options_(options) {
  const std::span<const float> features = ItemFeatures(options_.shape, set);
  for (std::int64_t member = 0; member < options_.members; ++member) {
    nets_.emplace_back(options_.shape, set, MemberPrefix(member), features);
    if (set.Has(MemberPrefix(member) + "no_click")) {
      no_click_.push_back(nn::CheckedView(set, MemberPrefix(member) + "no_click", {1}).As<float>().front());
    }
  }
  scale_ = static_cast<double>(nn::CheckedView(set, "scale", {1}).As<float>().front());
  if (!(std::isfinite(scale_) && scale_ > 0.0) || (!no_click_.empty() && no_click_.size() != nets_.size())) {
    throw base::Error(base::ErrorKind::kData, set.where() +
                                                  ": 'scale' is no positive number, or 'no_click' is not "
                                                  "there for every member");
  }
  const auto count = static_cast<float>(options_.members);
  if (has_no_click()) {
    mean_no_click_ = std::accumulate(no_click_.begin(), no_click_.end(), 0.0F) / count;
    for (const float value : no_click_) {
      offsets_.push_back(mean_no_click_ - value);
    }
    return;
  }
  offsets_.assign(nets_.size(), 0.0F);
  std::vector<float> traits(static_cast<std::size_t>(num_traits()));
  AfterClicks({}, traits.data());
  std::vector<std::int32_t> items(static_cast<std::size_t>(options_.shape.items));
  std::iota(items.begin(), items.end(), 0);
  std::vector<float> rewards(items.size() * nets_.size());
  Scratch scratch;
  Rewards(traits.data(), items, scratch, rewards.data());
  for (std::size_t member = 0; member < nets_.size(); ++member) {
    const auto begin = rewards.begin() + static_cast<std::ptrdiff_t>(member * items.size());
    const double sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(items.size()), 0.0);
    offsets_[member] = static_cast<float>(-sum / static_cast<double>(items.size()));
  }
}

core::ChoiceRule UserModel::choice() const {
  core::ChoiceRule rule{.law = options_.law};
  if (has_no_click()) {
    rule.no_click = static_cast<float>(utility_of_reward()) * mean_no_click_;
  }
  return rule;
}

void UserModel::AfterClicks(std::span<const std::int32_t> recent, float* traits) const {
  for (std::int64_t member = 0; member < members(); ++member) {
    net(member).AfterClicks(recent, traits + member * net(0).num_traits());
  }
}

void UserModel::Advance(std::span<const std::int32_t> recent, float* traits) const {
  for (std::int64_t member = 0; member < members(); ++member) {
    net(member).Advance(recent, traits + member * net(0).num_traits());
  }
}

void UserModel::Rewards(std::span<const float* const> users, std::span<const std::int32_t> items, Scratch& scratch,
                        float* out) const {
  scratch.rows.resize(users.size());
  for (std::int64_t member = 0; member < members(); ++member) {
    const std::int64_t own = member * net(0).num_traits();
    std::transform(users.begin(), users.end(), scratch.rows.begin(), [own](const float* user) { return user + own; });
    net(member).Rewards(scratch.rows, items, scratch.net, out);
    for (std::size_t i = 0; i < items.size(); ++i) {
      *out++ += offsets_[static_cast<std::size_t>(member)];
    }
  }
}

void UserModel::Rewards(const float* traits, std::span<const std::int32_t> items, Scratch& scratch, float* out) const {
  scratch.users.assign(items.size(), traits);
  Rewards(scratch.users, items, scratch, out);
}

void UserModel::MeanRewards(const float* traits, std::span<const std::int32_t> items, Scratch& scratch,
                            float* out) const {
  if (members() == 1) {
    Rewards(traits, items, scratch, out);
    return;
  }
  scratch.rewards.resize(items.size() * nets_.size());
  Rewards(traits, items, scratch, scratch.rewards.data());
  const auto count = static_cast<float>(members());
  for (std::size_t i = 0; i < items.size(); ++i) {
    float sum = 0.0F;
    for (std::size_t member = 0; member < nets_.size(); ++member) {
      sum += scratch.rewards[member * items.size() + i];
    }
    out[i] = sum / count;
  }
}

void UserRecommender::ScoreBatch(const core::UserBatch& users, base::MatrixView<float> out) const {
  RECFORCE_CHECK(out.rows == users.size() && out.cols == NumItems(), "scores have another shape");
  std::vector<std::int32_t> items(static_cast<std::size_t>(NumItems()));
  std::iota(items.begin(), items.end(), 0);
  const auto factor = static_cast<float>(model_->utility_of_reward());
  base::ParallelFor(0, users.size(), kUsersScored, [&](std::int64_t begin, std::int64_t end) {
    UserModel::Scratch scratch;
    std::vector<float> traits(static_cast<std::size_t>(model_->num_traits()));
    for (std::int64_t user = begin; user < end; ++user) {
      const std::span<const std::int32_t> events = users.events().row(user);
      const std::size_t kept = std::min(events.size(), static_cast<std::size_t>(model_->shape().memory));
      const std::vector<std::int32_t> recent(events.rbegin(), events.rbegin() + static_cast<std::ptrdiff_t>(kept));
      model_->AfterClicks(recent, traits.data());
      const std::span<float> row = out.row(user);
      model_->MeanRewards(traits.data(), items, scratch, row.data());
      std::transform(row.begin(), row.end(), row.begin(), [factor](float reward) { return factor * reward; });
    }
  });
}

}  // namespace recforce::algos
