// SPDX-License-Identifier: Apache-2.0
#include "sim/replay.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"

namespace recforce::sim {
namespace {

// Cells of the table over users and items that is asked for at once.
constexpr std::int64_t kMostCells = std::int64_t{1} << 22;

struct Counts {
  std::vector<double> rank;             // [largest display + 1], the first: nothing
  std::vector<double> items;            // [I]
  std::vector<double> clicks_per_user;  // [most displays of a user + 1]
  double clicks = 0.0;
};

// The place chosen of a display, -1 for none; utilities: of what it shows.
using ChooseOf = std::function<std::int32_t(std::int64_t user, std::int64_t display, std::span<const float> utilities)>;

class Walk {
 public:
  Walk(const core::Environment& environment, const data::DisplaySet& displays, const ChooseOf& choose)
      : environment_(environment), displays_(displays), choose_(choose) {
    std::int64_t largest = 0;
    for (std::int64_t display = 0; display < displays.size(); ++display) {
      largest = std::max(largest, static_cast<std::int64_t>(displays.shown(display).size()));
    }
    for (std::int64_t user = 0; user < displays.num_users(); ++user) {
      longest_ = std::max(longest_, Last(user) - First(user));
    }
    counts_.rank.assign(static_cast<std::size_t>(largest) + 1, 0.0);
    counts_.items.assign(static_cast<std::size_t>(environment.NumItems()), 0.0);
    counts_.clicks_per_user.assign(static_cast<std::size_t>(longest_) + 1, 0.0);
  }

  Counts Execute() {
    const std::int64_t at_once = std::clamp<std::int64_t>(kMostCells / environment_.NumItems(), 1, 1024);
    for (std::int64_t first = 0; first < displays_.num_users(); first += at_once) {
      Follow(first, std::min(first + at_once, displays_.num_users()));
    }
    return counts_;
  }

 private:
  [[nodiscard]] std::int64_t First(std::int64_t user) const {
    return displays_.user_offsets[static_cast<std::size_t>(user)];
  }
  [[nodiscard]] std::int64_t Last(std::int64_t user) const { return First(user + 1); }

  // Users of a range, display after display; who has no further one is left out.
  void Follow(std::int64_t begin, std::int64_t end) {
    const std::int64_t memory = environment_.memory();
    const std::int64_t items = environment_.NumItems();
    std::vector<std::vector<std::int32_t>> clicked(static_cast<std::size_t>(end - begin));  // newest last
    std::vector<std::int64_t> users;
    std::vector<std::int32_t> recent;
    std::vector<float> utilities;
    for (std::int64_t page = 0; page < longest_; ++page) {
      users.clear();
      recent.clear();
      for (std::int64_t user = begin; user < end; ++user) {
        if (First(user) + page < Last(user)) {
          users.push_back(user);
          const std::vector<std::int32_t>& own = clicked[static_cast<std::size_t>(user - begin)];
          const auto known = std::min(own.size(), static_cast<std::size_t>(memory));
          recent.insert(recent.end(), own.rbegin(), own.rbegin() + static_cast<std::ptrdiff_t>(known));
          recent.resize(users.size() * static_cast<std::size_t>(memory), -1);
        }
      }
      const auto n = static_cast<std::int64_t>(users.size());
      utilities.resize(static_cast<std::size_t>(n * items));
      const base::MatrixView<float> felt{utilities.data(), n, items};
      environment_.UtilitiesAfter({recent.data(), n, memory}, felt);
      for (std::int64_t row = 0; row < n; ++row) {
        const std::int64_t user = users[static_cast<std::size_t>(row)];
        Show(user, First(user) + page, felt.row(row), clicked[static_cast<std::size_t>(user - begin)]);
      }
    }
    for (const std::vector<std::int32_t>& own : clicked) {
      ++counts_.clicks_per_user[own.size()];
    }
  }

  void Show(std::int64_t user, std::int64_t display, std::span<const float> felt, std::vector<std::int32_t>& clicked) {
    const std::span<const std::int32_t> shown = displays_.shown(display);
    utilities_.clear();
    for (const std::int32_t item : shown) {
      utilities_.push_back(felt[static_cast<std::size_t>(item)]);
    }
    const std::int32_t place = choose_(user, display, utilities_);
    if (place < 0) {
      ++counts_.rank[0];
      return;
    }
    const auto chosen = static_cast<std::size_t>(place);
    std::size_t rank = 1;
    for (std::size_t other = 0; other < utilities_.size(); ++other) {
      // The item that stands first in the display comes first among equals.
      rank += utilities_[other] > utilities_[chosen] || (utilities_[other] == utilities_[chosen] && other < chosen);
    }
    ++counts_.rank[rank];
    ++counts_.items[static_cast<std::size_t>(shown[chosen])];
    ++counts_.clicks;
    clicked.push_back(shown[chosen]);
  }

  const core::Environment& environment_;
  const data::DisplaySet& displays_;
  const ChooseOf& choose_;
  std::int64_t longest_ = 0;
  std::vector<float> utilities_;
  Counts counts_;
};

Counts SimulateDisplays(const core::Environment& environment, const data::DisplaySet& displays, std::uint64_t seed) {
  const core::ChoiceRule rule = environment.choice();
  return Walk(environment, displays,
              [&](std::int64_t user, std::int64_t display, std::span<const float> utilities) {
                const std::int64_t page = display - displays.user_offsets[static_cast<std::size_t>(user)];
                base::Rng rng(seed, base::Stream::kChoice, static_cast<std::uint64_t>(user),
                              static_cast<std::uint32_t>(page));
                return core::Choose(rule, utilities, rng.Uniform());
              })
      .Execute();
}

double KullbackLeibler(const std::vector<double>& p_counts, const std::vector<double>& q_counts) {
  constexpr double kRaise = 0.5;
  double p_sum = 0.0;
  double q_sum = 0.0;
  for (std::size_t i = 0; i < p_counts.size(); ++i) {
    p_sum += p_counts[i] + kRaise;
    q_sum += q_counts[i] + kRaise;
  }
  double divergence = 0.0;
  for (std::size_t i = 0; i < p_counts.size(); ++i) {
    const double p = (p_counts[i] + kRaise) / p_sum;
    const double q = (q_counts[i] + kRaise) / q_sum;
    divergence += p * std::log(p / q);
  }
  return divergence;
}

}  // namespace

Replay CompareWithLog(const core::Environment& environment, const data::DisplaySet& displays, std::uint64_t seed) {
  if (!environment.observed()) {
    throw base::Error(base::ErrorKind::kUsage,
                      "replay: what these users feel depends on more than their clicks; expected an environment whose "
                      "choices follow from them");
  }
  if (displays.size() == 0) {
    throw base::Error(base::ErrorKind::kUsage, "replay: nothing is displayed: '0' displays; expected at least one");
  }
  const Counts logged = Walk(environment, displays, [&](std::int64_t, std::int64_t display, std::span<const float>) {
                          return displays.choice[static_cast<std::size_t>(display)];
                        }).Execute();
  const Counts simulated = SimulateDisplays(environment, displays, seed);
  const Counts again = SimulateDisplays(environment, displays, seed + 1);
  const auto count = static_cast<double>(displays.size());
  const auto compare = [&](std::vector<double> Counts::*part) {
    return Divergence{KullbackLeibler(logged.*part, simulated.*part), KullbackLeibler(again.*part, simulated.*part)};
  };
  Replay replay;
  replay.users = displays.num_users();
  replay.displays = displays.size();
  replay.logged_click_rate = logged.clicks / count;
  replay.simulated_click_rate = simulated.clicks / count;
  replay.rank = compare(&Counts::rank);
  replay.items = compare(&Counts::items);
  replay.clicks_per_user = compare(&Counts::clicks_per_user);
  return replay;
}

}  // namespace recforce::sim
