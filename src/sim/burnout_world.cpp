// SPDX-License-Identifier: Apache-2.0
#include "sim/burnout_world.h"

#include <numeric>
#include <vector>

#include "recforce/base/rng.h"
#include "sim/world_parts.h"

namespace recforce::sim {
namespace {

constexpr std::int64_t kMostItems = 10'000'000;

// Objects of stream kWorld: a is the object's number, b its kind.
constexpr std::uint32_t kItem = 0;
constexpr std::uint32_t kOrder = 1;

double Between(base::Rng& rng, double low, double high) { return low + (high - low) * rng.Uniform(); }

}  // namespace

std::shared_ptr<const FewStatesWorld> MakeBurnoutWorld(const EnvironmentConfig& config) {
  const auto items = static_cast<std::size_t>(WorldItems(config, kBurnoutItems, kMostItems));
  const auto seed = static_cast<std::uint64_t>(config.seed);
  auto truth = std::make_shared<FewStates>();
  truth->choice = WorldChoice(config);
  truth->next.assign(items, 0);
  truth->leaves.assign(items, 0.0F);
  truth->utilities.resize(items);
  truth->rewards.resize(items);
  std::vector<std::size_t> order(items);
  std::iota(order.begin(), order.end(), 0);
  base::Rng(seed, base::Stream::kWorld, 0, kOrder).Shuffle(std::span(order));
  for (std::size_t place = 0; place < items; ++place) {
    const std::size_t item = order[place];
    base::Rng rng(seed, base::Stream::kWorld, item, kItem);
    const bool tempting = place < items / 2;
    const double reward = tempting ? Between(rng, 0.9, 1.1) : Between(rng, 0.2, 0.4);
    truth->rewards[item] = static_cast<float>(reward);
    const double utility = tempting ? Between(rng, 3.0, 4.0) : Between(rng, 1.75, 2.75);
    truth->utilities[item] = static_cast<float>(utility);
    truth->leaves[item] = tempting ? static_cast<float>(Between(rng, 0.9, 1.0)) : 0.0F;
  }
  return std::make_shared<FewStatesWorld>(truth, WorldIdentity("burnout", static_cast<std::int64_t>(items), config));
}

}  // namespace recforce::sim
