// SPDX-License-Identifier: Apache-2.0
// A counting sort.
#include "ope/rounds_by_item.h"

namespace recforce::ope {

RoundsByItem::RoundsByItem(const RewardRounds& rounds, std::span<const std::int64_t> listed) {
  const auto counts = [&](std::size_t r) { return rounds.weight.empty() || rounds.weight[r] > 0.0; };
  std::vector<std::size_t> place(static_cast<std::size_t>(rounds.num_items) + 1, 0);
  for (const std::int64_t round : listed) {
    const auto r = static_cast<std::size_t>(round);
    place[static_cast<std::size_t>(rounds.item[r]) + 1] += counts(r) ? 1 : 0;
  }
  for (std::size_t item = 0; item + 1 < place.size(); ++item) {
    if (place[item + 1] > 0) {
      items.push_back(static_cast<std::int32_t>(item));
      begins.push_back(place[item]);
    }
    place[item + 1] += place[item];
  }
  begins.push_back(place.back());
  order.resize(place.back());
  reward.resize(place.back());
  weight.resize(rounds.weight.empty() ? 0 : place.back());
  for (const std::int64_t round : listed) {
    const auto r = static_cast<std::size_t>(round);
    if (!counts(r)) {
      continue;
    }
    const std::size_t to = place[static_cast<std::size_t>(rounds.item[r])]++;
    order[to] = round;
    reward[to] = rounds.reward[r];
    if (!weight.empty()) {
      weight[to] = rounds.weight[r];
    }
  }
}

}  // namespace recforce::ope
