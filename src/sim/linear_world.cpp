// SPDX-License-Identifier: Apache-2.0
#include "sim/linear_world.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kMostItems = 10'000'000;
constexpr auto kWidth = static_cast<std::size_t>(kLinearFeatures);
using State = std::array<double, kWidth>;

std::shared_ptr<const LinearTruth> MakeTruth(std::int64_t items, std::uint64_t seed) {
  auto truth = std::make_shared<LinearTruth>();
  base::Rng features(seed, base::Stream::kWorld, 0);
  base::Rng m(seed, base::Stream::kWorld, 1);
  base::Rng b(seed, base::Stream::kWorld, 2);
  truth->features.resize(static_cast<std::size_t>(items) * kWidth);
  truth->m.resize(kWidth * kWidth);
  truth->b.resize(static_cast<std::size_t>(items));
  std::generate(truth->features.begin(), truth->features.end(), [&] { return static_cast<float>(features.Normal()); });
  std::generate(truth->m.begin(), truth->m.end(), [&] { return 0.5 * m.Normal(); });
  std::generate(truth->b.begin(), truth->b.end(), [&] { return 0.7 * b.Normal(); });
  return truth;
}

class LinearModel : public ClickModel {
 public:
  LinearModel(std::shared_ptr<const LinearTruth> truth, core::ChoiceRule choice)
      : truth_(std::move(truth)), choice_(choice), own_(truth_->b) {
    for (std::size_t item = 0; item < own_.size(); ++item) {
      const std::span<const float> f = features(static_cast<std::int32_t>(item));
      own_[item] += 0.5 * std::tanh(static_cast<double>(f[0]) * static_cast<double>(f[1]));
    }
  }

  [[nodiscard]] std::int64_t NumItems() const override { return static_cast<std::int64_t>(own_.size()); }
  [[nodiscard]] std::int64_t memory() const override { return static_cast<std::int64_t>(kLinearWeights.size()); }
  [[nodiscard]] core::ChoiceRule choice() const override { return choice_; }

  void Evaluate(const UserRows& users, base::MatrixView<const std::int32_t> items, base::MatrixView<float> utilities,
                base::MatrixView<float> rewards) const override {
    base::ParallelFor(0, items.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const State wish = Wish(users.recent.row(row));
        std::transform(items.row(row).begin(), items.row(row).end(), utilities.row(row).begin(),
                       [&](std::int32_t item) { return Utility(wish, item); });
        std::copy_n(utilities.row(row).begin(), items.cols, rewards.row(row).begin());
      }
    });
  }

 private:
  [[nodiscard]] std::span<const float> features(std::int32_t item) const {
    return std::span(truth_->features).subspan(static_cast<std::size_t>(item) * kWidth, kWidth);
  }

  // M s: what the features of an item are multiplied with.
  [[nodiscard]] State Wish(std::span<const std::int32_t> recent) const {
    State s{};
    for (std::size_t lag = 0; lag < recent.size() && recent[lag] >= 0; ++lag) {
      const std::span<const float> f = features(recent[lag]);
      for (std::size_t i = 0; i < kWidth; ++i) {
        s[i] += kLinearWeights[lag] * static_cast<double>(f[i]);
      }
    }
    State wish{};
    for (std::size_t i = 0; i < kWidth; ++i) {
      for (std::size_t j = 0; j < kWidth; ++j) {
        wish[i] += truth_->m[i * kWidth + j] * s[j];
      }
    }
    return wish;
  }

  [[nodiscard]] float Utility(const State& wish, std::int32_t item) const {
    const std::span<const float> f = features(item);
    double sum = own_[static_cast<std::size_t>(item)];
    for (std::size_t i = 0; i < kWidth; ++i) {
      sum += wish[i] * static_cast<double>(f[i]);
    }
    return static_cast<float>(sum);
  }

  std::shared_ptr<const LinearTruth> truth_;
  core::ChoiceRule choice_;
  std::vector<double> own_;  // [I] what an item is worth whatever was clicked before
};

}  // namespace

std::shared_ptr<const LinearWorld> LinearWorld::Make(const EnvironmentConfig& config) {
  const std::int64_t items = WorldItems(config, kLinearItems, kMostItems);
  return std::make_shared<LinearWorld>(MakeTruth(items, static_cast<std::uint64_t>(config.seed)), WorldChoice(config),
                                       WorldIdentity("linear", items, config));
}

LinearWorld::LinearWorld(std::shared_ptr<const LinearTruth> truth, core::ChoiceRule choice, std::string identity)
    : ClickEnvironment(std::make_shared<LinearModel>(truth, choice)),
      truth_(std::move(truth)),
      identity_(std::move(identity)) {}

}  // namespace recforce::sim
