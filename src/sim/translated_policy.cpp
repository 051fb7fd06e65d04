// SPDX-License-Identifier: Apache-2.0
#include "sim/translated_policy.h"

#include <algorithm>
#include <utility>

#include "sim/episodes_view.h"

namespace recforce::sim {
namespace {

// Episodes as the policy numbers their items.
class TranslatedEpisodes final : public EpisodesView {
 public:
  // own[i]: the policy's index of item i, -1 where it has none.
  TranslatedEpisodes(const core::Episodes& episodes, const std::vector<std::int32_t>& items,
                     const std::vector<std::int32_t>& own)
      : EpisodesView(episodes), items_(items), num_items_(static_cast<std::int64_t>(own.size())) {
    const base::MatrixView<const std::int32_t> recent = episodes.recent();
    memory_ = recent.cols;
    recent_.assign(static_cast<std::size_t>(recent.rows * recent.cols), -1);
    for (std::int64_t row = 0; row < recent.rows; ++row) {
      auto at = static_cast<std::size_t>(row * memory_);
      for (const std::int32_t item : recent.row(row)) {
        if (item >= 0 && own[static_cast<std::size_t>(item)] >= 0) {
          recent_[at++] = own[static_cast<std::size_t>(item)];
        }
      }
    }
  }

  [[nodiscard]] base::MatrixView<const std::int32_t> recent() const override {
    return {recent_.data(), size(), memory_};
  }
  void Utilities(base::MatrixView<float> out) const override { Gather(&core::Episodes::Utilities, out); }
  void Rewards(base::MatrixView<float> out) const override { Gather(&core::Episodes::Rewards, out); }

 private:
  using Table = void (core::Episodes::*)(base::MatrixView<float>) const;

  void Gather(Table table, base::MatrixView<float> out) const {
    std::vector<float> buffer(static_cast<std::size_t>(size() * num_items_));
    const base::MatrixView<float> all{buffer.data(), size(), num_items_};
    (episodes().*table)(all);
    for (std::int64_t row = 0; row < size(); ++row) {
      for (std::size_t item = 0; item < items_.size(); ++item) {
        out.row(row)[item] = all.row(row)[static_cast<std::size_t>(items_[item])];
      }
    }
  }

  const std::vector<std::int32_t>& items_;
  std::int64_t num_items_;
  std::int64_t memory_ = 0;
  std::vector<std::int32_t> recent_;
};

class TranslatedPolicy final : public core::SlatePolicy {
 public:
  TranslatedPolicy(std::shared_ptr<const core::SlatePolicy> policy, std::vector<std::int32_t> items,
                   std::int64_t num_items)
      : policy_(std::move(policy)), items_(std::move(items)), own_(static_cast<std::size_t>(num_items), -1) {
    for (std::size_t index = 0; index < items_.size(); ++index) {
      own_[static_cast<std::size_t>(items_[index])] = static_cast<std::int32_t>(index);
    }
  }

  [[nodiscard]] std::int64_t memory() const override { return policy_->memory(); }
  void Choose(const core::Episodes& episodes, std::uint64_t seed,
              base::MatrixView<std::int32_t> slates) const override {
    policy_->Choose(TranslatedEpisodes(episodes, items_, own_), seed, slates);
    for (std::int64_t row = 0; row < slates.rows; ++row) {
      for (std::int32_t& item : slates.row(row)) {
        item = items_[static_cast<std::size_t>(item)];
      }
    }
  }
  void Propensities(const core::Episodes& episodes, base::MatrixView<const std::int32_t> slates,
                    base::MatrixView<double> out) const override {
    std::vector<std::int32_t> numbers(slates.data, slates.data + slates.rows * slates.cols);
    for (std::int32_t& item : numbers) {
      item = std::max(own_[static_cast<std::size_t>(item)], 0);  // of users who have left it may be any
    }
    policy_->Propensities(TranslatedEpisodes(episodes, items_, own_), {numbers.data(), slates.rows, slates.cols}, out);
  }

 private:
  std::shared_ptr<const core::SlatePolicy> policy_;
  std::vector<std::int32_t> items_;
  std::vector<std::int32_t> own_;
};

}  // namespace

std::unique_ptr<core::SlatePolicy> MakeTranslatedPolicy(std::shared_ptr<const core::SlatePolicy> policy,
                                                        std::vector<std::int32_t> items, std::int64_t num_items) {
  return std::make_unique<TranslatedPolicy>(std::move(policy), std::move(items), num_items);
}

}  // namespace recforce::sim
