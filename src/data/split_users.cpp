// SPDX-License-Identifier: Apache-2.0
// Strong generalisation: whole users are held out, and their items are cut into input and targets at random.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <utility>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/rng.h"

namespace recforce::data {
namespace {

// Each item where it stands last; the log may repeat it.
std::vector<std::int32_t> Distinct(std::span<const std::int32_t> events, std::vector<std::int64_t>& stamp,
                                   std::int64_t user) {
  std::vector<std::int32_t> items;
  for (std::size_t place = events.size(); place-- > 0;) {
    std::int64_t& met = stamp[static_cast<std::size_t>(events[place])];
    if (met != user) {
      met = user;
      items.push_back(events[place]);
    }
  }
  std::reverse(items.begin(), items.end());
  return items;
}

// Cuts a held-out user's known events into input and target at random: all events of an item go the same way. Empty
// target: the user is left out. `items`: the distinct ones, in the order of their last event.
void FoldIn(const SplitConfig& config, std::int64_t user, std::span<const std::int32_t> items,
            std::vector<char>& is_target_item, std::span<const std::int32_t> events, std::vector<std::int32_t>& input,
            std::vector<std::int32_t>& target) {
  input.clear();
  target.clear();
  const auto n = static_cast<std::int64_t>(items.size());
  const std::int64_t targets = n >= kFewestFoldInItems ? ShareOf(1.0 - config.fold_in, n) : 0;
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 1 + static_cast<std::uint64_t>(user));
  rng.Shuffle(std::span<std::size_t>(order));
  for (std::int64_t drawn = 0; drawn < targets; ++drawn) {
    is_target_item[static_cast<std::size_t>(items[order[static_cast<std::size_t>(drawn)]])] = 1;
  }
  for (const std::int32_t item : events) {
    (is_target_item[static_cast<std::size_t>(item)] != 0 ? target : input).push_back(item);
  }
  for (const std::int32_t item : target) {
    is_target_item[static_cast<std::size_t>(item)] = 0;
  }
}

}  // namespace

std::vector<Part> HoldOutUsers(std::vector<std::int32_t> order, std::int64_t num_users, const SplitConfig& config) {
  const auto users = static_cast<std::int64_t>(order.size());
  const std::int64_t validation = HeldOutCount(config.validation_users, users);
  const std::int64_t test = HeldOutCount(config.test_users, users);
  if (validation >= users || test >= users - validation) {
    ThrowSplitUsage("split.validation_users and split.test_users: hold out too many users: '" +
                    std::to_string(validation) + "' and '" + std::to_string(test) + "' of " + std::to_string(users) +
                    "; at least one user must be left for training");
  }
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 0);
  rng.Shuffle(std::span<std::int32_t>(order));
  std::vector<Part> parts(static_cast<std::size_t>(num_users), Part::kTrain);
  for (std::int64_t place = users - test - validation; place < users; ++place) {
    const auto user = static_cast<std::size_t>(order[static_cast<std::size_t>(place)]);
    parts[user] = place < users - test ? Part::kValidation : Part::kTest;
  }
  return parts;
}

void SplitUsers(const Dataset& dataset, Split& split) {
  std::vector<std::int32_t> users(static_cast<std::size_t>(dataset.num_users()));
  std::iota(users.begin(), users.end(), 0);
  const std::vector<Part> parts = HoldOutUsers(std::move(users), dataset.num_users(), split.config);
  const CsrView rows = dataset.interactions();
  CatalogueBuilder catalogue(dataset, CataloguesAll(split.config));
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    if (parts[static_cast<std::size_t>(user)] == Part::kTrain) {
      for (const std::int32_t item : rows.row(user)) {
        catalogue.Train(item);
      }
    }
  }
  split.catalogue = catalogue.Finish();
  RowWriter writer(split.num_items(), dataset.repeats(), MasksSeen(split.config, dataset.repeats()));
  std::vector<std::int64_t> stamp(split.catalogue.size(), -1);
  std::vector<char> is_target(split.catalogue.size(), 0);
  std::vector<std::int32_t> known;
  std::vector<std::int64_t> places;
  std::vector<std::int32_t> input;
  std::vector<std::int32_t> target;
  for (std::int64_t user = 0; user < rows.rows(); ++user) {
    const Part part = parts[static_cast<std::size_t>(user)];
    if (rows.row(user).empty()) {
      continue;  // a user without interactions is in no part
    }
    known.clear();
    places.clear();
    for (std::int64_t place = rows.offsets[static_cast<std::size_t>(user)];
         place < rows.offsets[static_cast<std::size_t>(user) + 1]; ++place) {
      const std::int32_t item = rows.items[static_cast<std::size_t>(place)];
      if (catalogue[item] >= 0) {
        known.push_back(catalogue[item]);
        places.push_back(place);
      } else {
        ++split.cold_targets_dropped;
      }
    }
    if (part == Part::kTrain) {
      writer.AddTrain(split, user, known, places);
      continue;
    }
    FoldIn(split.config, user, Distinct(known, stamp, user), is_target, known, input, target);
    EvalSet& set = part == Part::kValidation ? split.validation : split.test;
    if (!writer.AddEval(set, user, input, target, split.seen_targets_dropped)) {
      ++split.users_without_targets;
    }
  }
}

}  // namespace recforce::data
