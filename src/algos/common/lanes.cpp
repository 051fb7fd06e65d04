// SPDX-License-Identifier: Apache-2.0
#include "algos/common/lanes.h"

#include <algorithm>

namespace recforce::algos {

Lanes::Lanes(data::CsrView events, std::vector<std::int32_t> order, std::int64_t lanes, std::int64_t steps)
    : events_(events), order_(std::move(order)), steps_(steps) {
  order_.erase(
      std::remove_if(order_.begin(), order_.end(), [&](std::int32_t row) { return events_.row(row).size() < 2; }),
      order_.end());
  for (const std::int32_t row : order_) {
    pairs_ += static_cast<std::int64_t>(events_.row(row).size()) - 1;
  }
  lanes_.resize(std::min(static_cast<std::size_t>(lanes), order_.size()));
}

bool Lanes::Fill(Lane& lane) {
  if (lane.at < lane.end) {
    return true;
  }
  if (next_ == order_.size()) {
    return false;
  }
  const auto row = static_cast<std::size_t>(order_[next_++]);
  lane.at = events_.offsets[row];
  lane.end = events_.offsets[row + 1] - 1;
  lane.begins = true;
  return true;
}

bool Lanes::Next(LaneBatch& batch) {
  lanes_.erase(std::remove_if(lanes_.begin(), lanes_.end(), [this](Lane& lane) { return !Fill(lane); }), lanes_.end());
  const std::size_t width = lanes_.size();
  const std::size_t size = width * static_cast<std::size_t>(steps_);
  batch.steps = steps_;
  batch.lanes = static_cast<std::int64_t>(width);
  batch.pairs = 0;
  batch.inputs.assign(size, -1);
  batch.targets.assign(size, -1);
  batch.events.assign(size, -1);
  batch.keep.assign(size, 1);
  batch.before.clear();
  for (std::size_t number = 0; number < width; ++number) {
    batch.before.push_back(lanes_[number].before);
    lanes_[number].before = static_cast<std::int32_t>(number);
  }
  for (std::size_t begin = 0; begin < size; begin += width) {
    for (std::size_t number = 0; number < width; ++number) {
      Lane& lane = lanes_[number];
      if (!Fill(lane)) {
        continue;
      }
      const auto event = static_cast<std::size_t>(lane.at++);
      batch.inputs[begin + number] = events_.items[event];
      batch.targets[begin + number] = events_.items[event + 1];
      batch.events[begin + number] = static_cast<std::int64_t>(event);
      batch.keep[begin + number] = lane.begins ? 0 : 1;
      lane.begins = false;
      ++batch.pairs;
    }
  }
  return width > 0;
}

}  // namespace recforce::algos
