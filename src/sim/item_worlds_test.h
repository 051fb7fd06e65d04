// SPDX-License-Identifier: Apache-2.0
// Walks through item worlds, for the tests of each: what happened in every episode, by its number.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"
#include "recforce/data/csr.h"
#include "sim/item_parts.h"
#include "sim/item_world.h"

namespace recforce::sim::test {

using Items = std::vector<std::int32_t>;

// Users with `least` to `most` items of random ratings from 1 to 5.
struct Log {
  data::Csr rows;
  std::vector<float> values;
  std::int64_t num_items = 0;

  Log(std::int64_t users, std::int64_t items, std::int64_t least, std::int64_t most) : num_items(items) {
    for (std::int64_t user = 0; user < users; ++user) {
      base::Rng rng(1, base::Stream::kTest, user);
      Items row(items);
      for (std::int64_t item = 0; item < items; ++item) {
        row[item] = item;
      }
      rng.Shuffle(std::span(row));
      row.resize(least + rng.Below(most - least + 1));
      rows.AddRow(row);
      for (std::size_t at = 0; at < row.size(); ++at) {
        values.push_back(1.0F + rng.Below(5));
      }
    }
  }
  [[nodiscard]] RatedRows view() const { return {rows.view(), values, num_items}; }
  // 0 where the pair was not logged.
  [[nodiscard]] float Value(std::int32_t user, std::int32_t item) const {
    for (std::int64_t at = rows.offsets[user]; at < rows.offsets[user + 1]; ++at) {
      if (rows.items[at] == item) {
        return values[at];
      }
    }
    return 0.0F;
  }
};

struct Event {
  std::int32_t user = 0;
  std::int32_t step = 0;
  Items memory;  // before
  bool listed = false;
  Items legal;  // or, where not listed, what is not, ascending
  Items slate;
  float reward = 0.0F;
  std::int32_t liked = -1;
  EpisodeEnd end = EpisodeEnd::kNone;

  bool operator==(const Event&) const = default;
};
using Episode = std::vector<Event>;
using Episodes = std::map<std::int64_t, Episode>;  // by number

inline Items MemoryOf(const ItemEpisodes& episodes, std::int64_t row) {
  return {episodes.memory().row(row).begin(), episodes.memory().row(row).end()};
}

// Legal items that are a function of the episode's number and step alone.
inline Items Pick(const ItemWorld& world, const Event& event, std::int64_t number) {
  base::Rng rng(2, base::Stream::kTest, number, event.step);
  Items slate;
  while (static_cast<std::int64_t>(slate.size()) < world.slate()) {
    const auto item = event.listed ? event.legal[rng.Below(event.legal.size())]
                                   : static_cast<std::int32_t>(rng.Below(world.NumItems()));
    const bool forbidden = !event.listed && std::binary_search(event.legal.begin(), event.legal.end(), item);
    if (!forbidden && std::find(slate.begin(), slate.end(), item) == slate.end()) {
      slate.push_back(item);
    }
  }
  return slate;
}

// Goes on for some steps and appends what happened. Holds all the while: Begin() is Legal() where an episode begins;
// rows that wait bring nothing; the memory of a row that goes on is what Remember makes of it.
inline void Walk(const ItemWorld& world, ItemEpisodes& episodes, int steps, Episodes& out) {
  const auto rows = static_cast<std::size_t>(episodes.size());
  ItemFeedback feedback;
  Items begin;
  for (int step = 0; step < steps; ++step) {
    std::vector<Event> events(rows);
    Items slates;
    const std::vector<std::int64_t> numbers(episodes.numbers().begin(), episodes.numbers().end());
    const std::vector<std::uint8_t> waiting(episodes.waiting().begin(), episodes.waiting().end());
    ASSERT_EQ(std::set<std::int64_t>(numbers.begin(), numbers.end()).size(), rows);
    for (std::size_t row = 0; row < rows; ++row) {
      Event& event = events[row];
      const LegalItems legal = episodes.Legal(row);
      event.user = episodes.users()[row];
      event.step = episodes.steps()[row];
      event.memory = MemoryOf(episodes, row);
      event.listed = legal.listed;
      event.legal.assign(legal.items.begin(), legal.items.end());
      std::sort(event.legal.begin(), event.legal.end());
      if (event.step == 0) {
        ASSERT_EQ(world.Begin(numbers[row], event.user, begin), event.listed);
        ASSERT_EQ(begin, event.legal);
      }
      event.slate = waiting[row] != 0 ? Items(world.slate(), -7) : Pick(world, event, numbers[row]);
      slates.insert(slates.end(), event.slate.begin(), event.slate.end());
    }
    episodes.Step({slates.data(), episodes.size(), world.slate()}, feedback);
    for (std::size_t row = 0; row < rows; ++row) {
      Event& event = events[row];
      event.reward = feedback.reward[row];
      event.liked = feedback.liked[row];
      event.end = feedback.end[row];
      if (waiting[row] != 0) {
        ASSERT_EQ(event.reward, 0.0F);
        ASSERT_EQ(event.liked, -1);
        ASSERT_EQ(event.end, EpisodeEnd::kNone);
        continue;
      }
      if (event.end == EpisodeEnd::kNone) {
        Items memory = event.memory;
        Remember(event.liked, memory);
        ASSERT_EQ(MemoryOf(episodes, row), memory);
        ASSERT_EQ(episodes.numbers()[row], numbers[row]);
        ASSERT_EQ(episodes.steps()[row], event.step + 1);
      } else if (episodes.waiting()[row] == 0) {
        ASSERT_EQ(episodes.numbers()[row], numbers[row] + episodes.size());
        ASSERT_EQ(episodes.steps()[row], 0);
      }
      out[numbers[row]].push_back(event);
    }
  }
}

inline Episodes Walk(const ItemWorld& world, std::int64_t episodes, int steps) {
  Episodes out;
  Walk(world, *world.Start(episodes, 5), steps, out);
  return out;
}

// What happened in the episodes that both walks know, as far as both went.
inline void ExpectAlike(const Episodes& few, const Episodes& many) {
  std::size_t compared = 0;
  for (const auto& [number, episode] : few) {
    const auto at = many.find(number);
    if (at != many.end()) {
      const std::size_t steps = std::min(episode.size(), at->second.size());
      for (std::size_t step = 0; step < steps; ++step) {
        ASSERT_EQ(episode[step], at->second[step]) << "episode " << number << " step " << step;
      }
      compared += steps;
    }
  }
  EXPECT_GT(compared, 100U);
}

// Neither the number of episodes at once nor that of threads changes what happens in one.
inline void ExpectIndependentOfBatchAndThreads(const ItemWorld& world, int steps) {
  const int threads = base::Threads();
  base::SetThreads(1);
  const Episodes alone = Walk(world, 1, steps);
  const Episodes together = Walk(world, 257, steps);
  base::SetThreads(2);
  const Episodes parallel = Walk(world, 257, steps);
  base::SetThreads(threads);
  ExpectAlike(alone, together);
  EXPECT_EQ(together, parallel);
}

// A walk that is saved in its middle and goes on in other episodes.
inline void ExpectGoesOnFromState(const ItemWorld& world, int steps) {
  Episodes whole;
  Episodes resumed;
  const auto first = world.Start(9, 5);
  Walk(world, *first, steps, whole);
  const base::TensorSet state = first->SaveState();
  Walk(world, *first, steps, resumed);
  const auto second = world.Start(9, 1234);
  second->LoadState(state);
  Episodes again;
  Walk(world, *second, steps, again);
  EXPECT_EQ(resumed, again);
  EXPECT_FALSE(resumed.empty());
}

inline std::string LoadError(ItemEpisodes& episodes, const base::TensorSet& state) {
  try {
    episodes.LoadState(state);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kData);
    return error.what();
  }
  return "no error";
}

// Of a walk of 200 steps by 3 rows: changes only where a world is meant to behave otherwise.
inline std::string WalkHash(const ItemWorld& world) {
  base::Hasher hasher;
  const auto add = [&](const auto& values) { hasher.Add(std::as_bytes(std::span(values))); };
  for (const auto& [number, episode] : Walk(world, 3, 200)) {
    for (const Event& event : episode) {
      add(std::vector<std::int64_t>{number, event.user, event.step, event.listed ? 1 : 0, event.liked,
                                    static_cast<std::int64_t>(event.end)});
      add(event.memory);
      add(event.legal);
      add(event.slate);
      add(std::vector<float>{event.reward});
    }
  }
  return hasher.Hex();
}

}  // namespace recforce::sim::test
