// SPDX-License-Identifier: Apache-2.0
#include "sim/believing_policy.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "sim/episodes_view.h"

namespace recforce::sim {
namespace {

// Users as the model imagines them.
class ImaginedEpisodes final : public EpisodesView {
 public:
  ImaginedEpisodes(const core::Episodes& episodes, const core::Environment& model)
      : EpisodesView(episodes), model_(model) {
    const base::MatrixView<const std::int32_t> clicks = episodes.recent();
    const std::int64_t memory = model.memory();
    recent_.assign(static_cast<std::size_t>(clicks.rows * memory), -1);
    for (std::int64_t row = 0; row < clicks.rows; ++row) {
      std::copy_n(clicks.row(row).begin(), std::min(clicks.cols, memory), recent_.begin() + row * memory);
    }
  }

  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {recent_.data(), size(), model_.memory()};
  }
  void Utilities(base::MatrixView<float> out) const override { model_.UtilitiesAfter(recent(), out); }
  void Rewards(base::MatrixView<float> out) const override { model_.RewardsAfter(recent(), out); }
  void UtilitiesAndRewards(base::MatrixView<float> utilities, base::MatrixView<float> rewards) const override {
    model_.UtilitiesAndRewardsAfter(recent(), utilities, rewards);
  }

 private:
  const core::Environment& model_;
  std::vector<std::int32_t> recent_;
};

class BelievingPolicy final : public core::SlatePolicy {
 public:
  BelievingPolicy(std::shared_ptr<const core::Environment> model, std::unique_ptr<core::SlatePolicy> policy)
      : model_(std::move(model)), policy_(std::move(policy)) {}

  [[nodiscard]] std::int64_t memory() const override { return model_->memory(); }
  void Choose(const core::Episodes& episodes, std::uint64_t seed,
              base::MatrixView<std::int32_t> slates) const override {
    policy_->Choose(ImaginedEpisodes(episodes, *model_), seed, slates);
  }
  void Propensities(const core::Episodes& episodes, base::MatrixView<const std::int32_t> slates,
                    base::MatrixView<double> out) const override {
    policy_->Propensities(ImaginedEpisodes(episodes, *model_), slates, out);
  }

 private:
  std::shared_ptr<const core::Environment> model_;
  std::unique_ptr<core::SlatePolicy> policy_;
};

}  // namespace

std::unique_ptr<core::SlatePolicy> MakeBelievingPolicy(std::shared_ptr<const core::Environment> model,
                                                       std::unique_ptr<core::SlatePolicy> policy) {
  return std::make_unique<BelievingPolicy>(std::move(model), std::move(policy));
}

}  // namespace recforce::sim
