// SPDX-License-Identifier: Apache-2.0
#include "data/display_neighbours.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <tuple>

#include "data/negative_sampler.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

std::vector<double> Popularity(const Dataset& dataset) {
  std::vector<double> counts(static_cast<std::size_t>(dataset.num_items()), 0.0);
  for (const std::int32_t item : dataset.interactions().items) {
    counts[static_cast<std::size_t>(item)] += 1.0;
  }
  return counts;
}

// All interactions in the order of time; at equal times by chance, because the log's order is that of the users.
class TimeOrder final : public NeighbourRule {
 public:
  TimeOrder(const Dataset& dataset, std::int64_t others, std::uint64_t seed)
      : num_items_(dataset.num_items()), times_(dataset.times().size()), items_(times_.size()), rank_(times_.size()) {
    const std::span<const std::int64_t> times = dataset.times();
    struct Key {
      std::int64_t time;
      std::uint32_t chance;
      std::int64_t place;
      bool operator<(const Key& other) const {
        return std::tie(time, chance, place) < std::tie(other.time, other.chance, other.place);
      }
    };
    std::vector<Key> keys(times.size());
    base::ParallelFor(0, static_cast<std::int64_t>(keys.size()), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t place = begin; place < end; ++place) {
        base::Rng rng(seed, base::Stream::kGenerate, static_cast<std::uint64_t>(place));
        keys[static_cast<std::size_t>(place)] = {times[static_cast<std::size_t>(place)], rng.Next(), place};
      }
    });
    std::sort(keys.begin(), keys.end());
    for (std::size_t rank = 0; rank < keys.size(); ++rank) {
      times_[rank] = keys[rank].time;
      items_[rank] = dataset.interactions().items[static_cast<std::size_t>(keys[rank].place)];
      rank_[static_cast<std::size_t>(keys[rank].place)] = static_cast<std::int64_t>(rank);
    }
    IndexItems();
    const std::int64_t used =
        std::count_if(ranks_of_.begin(), ranks_of_.end(), [](const auto& r) { return !r.empty(); });
    others_ = std::min(others, used - 1);
  }

  [[nodiscard]] std::unique_ptr<DisplayNeighbours> Make() const override;

 private:
  friend class NearestInTime;
  void IndexItems() {
    ranks_of_.resize(static_cast<std::size_t>(num_items_));
    for (std::size_t rank = 0; rank < items_.size(); ++rank) {
      ranks_of_[static_cast<std::size_t>(items_[rank])].push_back(static_cast<std::int64_t>(rank));
    }
  }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(items_.size()); }
  // How long between two ranks, at most the largest number there is.
  [[nodiscard]] std::uint64_t Gap(std::int64_t early, std::int64_t late) const {
    return static_cast<std::uint64_t>(times_[static_cast<std::size_t>(late)]) -
           static_cast<std::uint64_t>(times_[static_cast<std::size_t>(early)]);
  }

  std::int64_t num_items_;
  std::int64_t others_ = 0;
  std::vector<std::int64_t> times_;                  // [N] ascending
  std::vector<std::int32_t> items_;                  // [N] in the order of time
  std::vector<std::int64_t> rank_;                   // [N] where each interaction of the log is
  std::vector<std::vector<std::int64_t>> ranks_of_;  // [items] ascending
};

class NearestInTime final : public DisplayNeighbours {
 public:
  explicit NearestInTime(const TimeOrder& order)
      : order_(order), met_(static_cast<std::size_t>(order.num_items_), -1) {}
  void Begin(std::int64_t) override {}

  // Walks both ways to whichever interaction is nearer, earlier first. Where few items make up most of the log the walk
  // could be long, and looking each item up is quicker; both give the same items.
  void Add(std::int64_t place, std::vector<std::int32_t>& shown) override {
    const std::int64_t rank = order_.rank_[static_cast<std::size_t>(place)];
    const std::size_t begin = shown.size();
    const std::int64_t most_steps = 4 * order_.num_items_ + 64;
    std::int64_t left = rank - 1;
    std::int64_t right = rank + 1;
    std::int64_t missing = order_.others_;
    met_[static_cast<std::size_t>(order_.items_[static_cast<std::size_t>(rank)])] = rank;
    for (std::int64_t steps = 0; missing > 0; ++steps) {
      if (steps == most_steps) {
        shown.resize(begin);
        LookUp(rank, shown);
        return;
      }
      const bool earlier = left >= 0 && (right >= order_.size() || order_.Gap(left, rank) <= order_.Gap(rank, right));
      const std::int32_t item = order_.items_[static_cast<std::size_t>(earlier ? left-- : right++)];
      std::int64_t& met = met_[static_cast<std::size_t>(item)];
      if (met != rank) {
        met = rank;
        shown.push_back(item);
        --missing;
      }
    }
  }

 private:
  struct Nearest {
    std::uint64_t gap;
    bool later;
    std::int64_t steps;
    std::int32_t item;
    bool operator<(const Nearest& other) const {
      return std::tie(gap, later, steps) < std::tie(other.gap, other.later, other.steps);
    }
  };

  void LookUp(std::int64_t rank, std::vector<std::int32_t>& shown) {
    found_.clear();
    for (std::int32_t item = 0; item < static_cast<std::int32_t>(order_.num_items_); ++item) {
      const std::vector<std::int64_t>& ranks = order_.ranks_of_[static_cast<std::size_t>(item)];
      const auto after = std::lower_bound(ranks.begin(), ranks.end(), rank);
      if (ranks.empty() || item == order_.items_[static_cast<std::size_t>(rank)]) {
        continue;
      }
      std::optional<Nearest> nearest;
      if (after != ranks.begin()) {
        nearest = Nearest{order_.Gap(*(after - 1), rank), false, rank - *(after - 1), item};
      }
      if (after != ranks.end()) {
        const Nearest later{order_.Gap(rank, *after), true, *after - rank, item};
        nearest = !nearest || later < *nearest ? later : nearest;
      }
      found_.push_back(*nearest);
    }
    const auto kept = found_.begin() + static_cast<std::ptrdiff_t>(order_.others_);
    std::partial_sort(found_.begin(), kept, found_.end());
    std::for_each(found_.begin(), kept, [&](const Nearest& nearest) { shown.push_back(nearest.item); });
  }

  const TimeOrder& order_;
  std::vector<std::int64_t> met_;  // [items] the last rank that took the item
  std::vector<Nearest> found_;
};

std::unique_ptr<DisplayNeighbours> TimeOrder::Make() const { return std::make_unique<NearestInTime>(*this); }

class PopularNegatives final : public DisplayNeighbours {
 public:
  PopularNegatives(const Dataset& dataset, const DrawingWeights& weights, std::int64_t others, std::uint64_t seed)
      : dataset_(dataset), sampler_(weights), others_(others), seed_(seed) {}
  void Begin(std::int64_t user) override {
    sampler_.IncludeAll();
    for (const std::int32_t item : dataset_.interactions().row(user)) {
      sampler_.Exclude(item);
    }
  }
  void Add(std::int64_t place, std::vector<std::int32_t>& shown) override {
    base::Rng rng(seed_, base::Stream::kNegatives, static_cast<std::uint64_t>(place));
    sampler_.Draw(others_, rng, shown);
  }

 private:
  const Dataset& dataset_;
  NegativeSampler sampler_;
  std::int64_t others_;
  std::uint64_t seed_;
};

class PopularityRule final : public NeighbourRule {
 public:
  PopularityRule(const Dataset& dataset, std::int64_t others, std::uint64_t seed)
      : dataset_(dataset), weights_(Popularity(dataset)), others_(others), seed_(seed) {}
  [[nodiscard]] std::unique_ptr<DisplayNeighbours> Make() const override {
    return std::make_unique<PopularNegatives>(dataset_, weights_, others_, seed_);
  }

 private:
  const Dataset& dataset_;
  const DrawingWeights weights_;
  std::int64_t others_;
  std::uint64_t seed_;
};

class EarlierItems final : public DisplayNeighbours {
 public:
  EarlierItems(const Dataset& dataset, std::int64_t others) : dataset_(dataset), others_(others) {}
  void Begin(std::int64_t) override { latest_.clear(); }
  void Add(std::int64_t place, std::vector<std::int32_t>& shown) override {
    const std::int32_t chosen = dataset_.interactions().items[static_cast<std::size_t>(place)];
    const auto known = std::find(latest_.begin(), latest_.end(), chosen);
    if (known != latest_.end()) {
      latest_.erase(known);
    }
    latest_.resize(std::min(latest_.size(), static_cast<std::size_t>(others_)));
    shown.insert(shown.end(), latest_.begin(), latest_.end());
    latest_.insert(latest_.begin(), chosen);
  }

 private:
  const Dataset& dataset_;
  std::int64_t others_;
  std::vector<std::int32_t> latest_;  // distinct items of the user so far, latest first, at most others_ + 1
};

class SessionRule final : public NeighbourRule {
 public:
  SessionRule(const Dataset& dataset, std::int64_t others) : dataset_(dataset), others_(others) {}
  [[nodiscard]] std::unique_ptr<DisplayNeighbours> Make() const override {
    return std::make_unique<EarlierItems>(dataset_, others_);
  }

 private:
  const Dataset& dataset_;
  std::int64_t others_;
};

}  // namespace

std::unique_ptr<NeighbourRule> MakeNeighbourRule(const Dataset& dataset, const DisplayOptions& options) {
  const auto seed = static_cast<std::uint64_t>(options.seed);
  if (options.kind == "time_neighbours") {
    return std::make_unique<TimeOrder>(dataset, options.size - 1, seed);
  }
  if (options.kind == "popularity") {
    return std::make_unique<PopularityRule>(dataset, options.size - 1, seed);
  }
  return std::make_unique<SessionRule>(dataset, options.size - 1);
}

}  // namespace recforce::data
