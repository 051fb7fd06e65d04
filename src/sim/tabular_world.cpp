// SPDX-License-Identifier: Apache-2.0
#include "sim/tabular_world.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kMostItems = 5'000;  // a table of 100 MB
constexpr double kMostWork = 1e10;          // slates looked at by Optimum: minutes
constexpr double kStateSpread = 1.2;
constexpr double kCostOfState = 0.8;

std::vector<float> MakeRewards(std::int64_t items, std::uint64_t seed) {
  base::Rng noise(seed, base::Stream::kWorld, 0);
  base::Rng boost(seed, base::Stream::kWorld, 1);
  std::vector<double> g(static_cast<std::size_t>(items) + 1);
  std::generate(g.begin(), g.end(), [&] { return kStateSpread * boost.Normal(); });
  std::vector<float> rewards;
  rewards.reserve(g.size() * static_cast<std::size_t>(items));
  for (const double of_state : g) {
    for (std::size_t item = 0; item + 1 < g.size(); ++item) {
      rewards.push_back(static_cast<float>(noise.Normal() + of_state - kCostOfState * g[item]));
    }
  }
  return rewards;
}

class TabularModel : public ClickModel {
 public:
  explicit TabularModel(std::shared_ptr<const TabularProblem> problem) : problem_(std::move(problem)) {}

  [[nodiscard]] std::int64_t NumItems() const override { return problem_->num_items(); }
  [[nodiscard]] std::int64_t memory() const override { return 1; }
  [[nodiscard]] core::ChoiceRule choice() const override { return problem_->choice(); }

  void Evaluate(const UserRows& users, base::MatrixView<const std::int32_t> items, base::MatrixView<float> utilities,
                base::MatrixView<float> rewards) const override {
    base::ParallelFor(0, items.rows, kRowGrain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const std::int32_t clicked = users.recent.row(row).front();
        const std::span<const float> table = problem_->rewards(clicked < 0 ? problem_->num_items() : clicked);
        std::transform(items.row(row).begin(), items.row(row).end(), utilities.row(row).begin(),
                       [&](std::int32_t item) { return table[static_cast<std::size_t>(item)]; });
        std::copy_n(utilities.row(row).begin(), items.cols, rewards.row(row).begin());
      }
    });
  }

 private:
  std::shared_ptr<const TabularProblem> problem_;
};

}  // namespace

std::shared_ptr<const TabularWorld> TabularWorld::Make(const EnvironmentConfig& config) {
  const std::int64_t items = WorldItems(config, kTabularItems, kMostItems);
  auto problem = std::make_shared<const TabularProblem>(items, WorldChoice(config),
                                                        MakeRewards(items, static_cast<std::uint64_t>(config.seed)));
  return std::make_shared<TabularWorld>(std::move(problem), WorldIdentity("tabular", items, config));
}

TabularWorld::TabularWorld(std::shared_ptr<const TabularProblem> problem, std::string identity)
    : ClickEnvironment(std::make_shared<TabularModel>(problem)),
      problem_(std::move(problem)),
      identity_(std::move(identity)) {}

std::optional<double> TabularWorld::Optimum(std::int64_t k, std::int64_t horizon, double discount) const {
  const bool possible = k >= 1 && k <= NumItems() && problem_->NumSlates(k) <= TabularProblem::kMostSlates &&
                        problem_->NumSlates(k) * static_cast<double>(horizon) <= kMostWork;
  return possible ? std::optional(problem_->OptimalReturn(k, horizon, discount).back()) : std::nullopt;
}

}  // namespace recforce::sim
