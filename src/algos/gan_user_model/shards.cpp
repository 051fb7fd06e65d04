// SPDX-License-Identifier: Apache-2.0
#include "algos/gan_user_model/shards.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "recforce/base/error.h"

namespace recforce::algos {

ClickIndex::ClickIndex(const data::DisplaySet& displays, std::int64_t num_items, bool no_click)
    : displays_(displays),
      num_items_(num_items),
      no_click_(no_click),
      click_offsets_{0},
      shown_(static_cast<std::size_t>(num_items), 0) {
  for (std::int64_t user = 0; user < displays.num_users(); ++user) {
    const auto u = static_cast<std::size_t>(user);
    std::int64_t count = 0;
    for (std::int64_t d = displays.user_offsets[u]; d < displays.user_offsets[u + 1]; ++d) {
      const std::span<const std::int32_t> shown = displays.shown(d);
      const std::int32_t choice = displays.choice[static_cast<std::size_t>(d)];
      const bool sound =
          !shown.empty() && choice < static_cast<std::int32_t>(shown.size()) && choice >= -1 &&
          std::all_of(shown.begin(), shown.end(), [&](std::int32_t i) { return i >= 0 && i < num_items; });
      if (!sound) {
        throw base::Error(base::ErrorKind::kData,
                          "displays: display " + std::to_string(d) +
                              " is empty, or its items or its choice are out of range; expected "
                              "items of the catalogue and a place among them");
      }
      for (const std::int32_t item : shown) {
        shown_[static_cast<std::size_t>(item)] = 1;
      }
      count += counts(d) ? 1 : 0;
      if (choice >= 0) {
        clicks_.push_back(displays.offsets[static_cast<std::size_t>(d)] + choice);
      }
    }
    choices_.push_back(count);
    click_offsets_.push_back(static_cast<std::int64_t>(clicks_.size()));
  }
}

ShardBuilder::ShardBuilder(const ClickIndex& index, const UserShape& shape)
    : index_(index), shape_(shape), local_(static_cast<std::size_t>(index.num_items()), -1) {}

void ShardBuilder::Build(std::span<const std::int32_t> users, Shard& shard) {
  shard = {};
  shard.offsets.push_back(0);
  clicks_.clear();
  sequences_.clear();
  sequence_.clear();
  length_.clear();
  for (const std::int32_t user : users) {
    AddUser(user, shard);
  }
  if (shape_.state == StateKind::kLstm) {
    FinishSequences(shard);
  }
  for (const std::int32_t item : shard.items) {
    local_[static_cast<std::size_t>(item)] = -1;
  }
}

std::int64_t ShardBuilder::Local(std::int32_t item, Shard& shard) {
  std::int64_t& local = local_[static_cast<std::size_t>(item)];
  if (local < 0) {
    local = static_cast<std::int64_t>(shard.items.size());
    shard.items.push_back(item);
  }
  return local;
}

void ShardBuilder::AddUser(std::int64_t user, Shard& shard) {
  const data::DisplaySet& displays = index_.displays();
  const auto u = static_cast<std::size_t>(user);
  const auto first = static_cast<std::int64_t>(clicks_.size());
  for (const std::int64_t place : index_.clicks_of(user)) {
    clicks_.push_back(Local(displays.items[static_cast<std::size_t>(place)], shard));
  }
  const auto carried = static_cast<std::int64_t>(sequences_.size());
  if (shape_.state == StateKind::kLstm) {
    sequences_.push_back({first, 0});  // one pass serves all choices that remember every click
  }
  std::int64_t clicked = 0;
  for (std::int64_t d = displays.user_offsets[u]; d < displays.user_offsets[u + 1]; ++d) {
    if (index_.counts(d)) {
      const std::span<const std::int64_t> before =
          std::span(clicks_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(clicked));
      AddDisplay(d, before, shard);
      if (shape_.state == StateKind::kPositions) {
        AddRecent(before, shard);
      } else if (shape_.state == StateKind::kLstm) {
        std::int64_t sequence = carried;
        if (clicked > shape_.memory) {  // a window of its own
          sequence = static_cast<std::int64_t>(sequences_.size());
          sequences_.push_back({first + clicked - shape_.memory, 0});
        }
        const std::int64_t length = std::min(clicked, shape_.memory);
        std::int64_t& reach = sequences_[static_cast<std::size_t>(sequence)].length;
        reach = std::max(reach, length);
        sequence_.push_back(length == 0 ? -1 : sequence);
        length_.push_back(length);
      }
    }
    clicked += displays.choice[static_cast<std::size_t>(d)] >= 0 ? 1 : 0;
  }
}

void ShardBuilder::AddDisplay(std::int64_t display, std::span<const std::int64_t> clicks, Shard& shard) {
  const data::DisplaySet& displays = index_.displays();
  const std::int64_t choice = shard.choices();
  shard.choice.push_back(displays.choice[static_cast<std::size_t>(display)]);
  for (const std::int32_t item : displays.shown(display)) {
    shard.row_item.push_back(Local(item, shard));
    shard.row_choice.push_back(choice);
    if (shape_.has_repeats()) {
      shard.row_lag.push_back(Lag(clicks, shard.row_item.back()));
    }
  }
  shard.offsets.push_back(static_cast<std::int64_t>(shard.row_item.size()));
}

std::int64_t ShardBuilder::Lag(std::span<const std::int64_t> clicks, std::int64_t item) const {
  const auto end = clicks.rbegin() + std::min<std::int64_t>(shape_.memory, static_cast<std::int64_t>(clicks.size()));
  const auto at = std::find(clicks.rbegin(), end, item);
  return at == end ? -1 : at - clicks.rbegin();
}

void ShardBuilder::AddRecent(std::span<const std::int64_t> clicks, Shard& shard) const {
  const auto kept = std::min<std::int64_t>(shape_.memory, static_cast<std::int64_t>(clicks.size()));
  shard.recent.insert(shard.recent.end(), clicks.rbegin(), clicks.rbegin() + kept);
  shard.recent.insert(shard.recent.end(), static_cast<std::size_t>(shape_.memory - kept), -1);
}

// Longest first, so that those still running at a step come first.
void ShardBuilder::FinishSequences(Shard& shard) {
  std::vector<std::int64_t> order(sequences_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [this](std::int64_t a, std::int64_t b) {
    return sequences_[static_cast<std::size_t>(a)].length > sequences_[static_cast<std::size_t>(b)].length;
  });
  std::vector<std::int64_t> rank(order.size());
  for (std::size_t at = 0; at < order.size(); ++at) {
    rank[static_cast<std::size_t>(order[at])] = static_cast<std::int64_t>(at);
  }
  std::vector<std::int64_t> step_begin;
  for (std::int64_t step = 0;; ++step) {
    std::int64_t count = 0;
    step_begin.push_back(static_cast<std::int64_t>(shard.step_items.size()));
    for (const std::int64_t number : order) {
      const Sequence& sequence = sequences_[static_cast<std::size_t>(number)];
      if (sequence.length <= step) {
        break;
      }
      shard.step_items.push_back(clicks_[static_cast<std::size_t>(sequence.begin + step)]);
      ++count;
    }
    if (count == 0) {
      break;
    }
    shard.step_counts.push_back(count);
  }
  for (std::size_t e = 0; e < sequence_.size(); ++e) {
    shard.choice_state.push_back(sequence_[e] < 0 ? -1
                                                  : step_begin[static_cast<std::size_t>(length_[e] - 1)] +
                                                        rank[static_cast<std::size_t>(sequence_[e])]);
  }
}

}  // namespace recforce::algos
