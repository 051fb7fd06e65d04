// SPDX-License-Identifier: Apache-2.0
#include "eval/rolled.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "recforce/base/error.h"
#include "recforce/base/matrix_view.h"
#include "recforce/base/threads.h"

namespace recforce::eval {
namespace {

constexpr std::int64_t kUsersPerChunk = 32;

double Discount(std::int64_t rank) { return 1.0 / std::log2(static_cast<double>(rank) + 2.0); }

double Ideal(std::int64_t count) {
  double sum = 0.0;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    sum += Discount(rank);
  }
  return sum;
}

std::span<const char> LikedOf(const RatedItems& rated, std::int64_t row) {
  const std::vector<std::int64_t>& offsets = rated.set.target.offsets;
  const auto first = static_cast<std::size_t>(offsets[static_cast<std::size_t>(row)]);
  return rated.liked.subspan(first, static_cast<std::size_t>(offsets[static_cast<std::size_t>(row) + 1]) - first);
}

std::int64_t CountLiked(std::span<const char> liked) {
  return std::count_if(liked.begin(), liked.end(), [](char like) { return like != 0; });
}

// gains: of the items in the order taken, 1 for a liked one, or the chance of it. liked: of all that were offered.
void Measure(std::span<const double> gains, std::int64_t liked, std::span<const RolledMeasure> measures, double* out) {
  for (const RolledMeasure& measure : measures) {
    double sum = 0.0;
    const std::int64_t taken = std::min(measure.k, static_cast<std::int64_t>(gains.size()));
    for (std::int64_t rank = 0; rank < taken; ++rank) {
      sum += gains[static_cast<std::size_t>(rank)] * (measure.is_ndcg ? Discount(rank) : 1.0);
    }
    const double whole = measure.is_ndcg ? Ideal(std::min(measure.k, liked)) : static_cast<double>(measure.k);
    *out++ = whole > 0.0 ? sum / whole : 0.0;
  }
}

// Which of the items left a user takes: place in the offer, ties as they are to be broken, and then the lower place.
template <class Score>
std::size_t Best(std::span<const std::int32_t> offered, std::span<const char> liked, std::span<const char> taken,
                 core::Ties ties, const Score& score) {
  std::size_t best = offered.size();
  for (std::size_t place = 0; place < offered.size(); ++place) {
    if (taken[place] != 0) {
      continue;
    }
    if (best == offered.size()) {
      best = place;
      continue;
    }
    const auto found = score(offered[place]);
    const auto least = score(offered[best]);
    const bool wins_tie = liked[place] != liked[best] && (liked[place] != 0) == (ties == core::Ties::kRelevantFirst);
    if (found > least || (found == least && wins_tie)) {
      best = place;
    }
  }
  return best;
}

// One block of users on their way through the items.
class Block {
 public:
  Block(const RatedItems& rated, const RollOptions& options, std::int64_t first, std::int64_t end)
      : rated_(rated), options_(options), first_(first), gains_(static_cast<std::size_t>(end - first)) {
    const data::EvalSet& set = rated.set;
    for (std::int64_t row = first; row < end; ++row) {
      const auto of_user = [row](const data::Csr& rows) {
        const std::span<const std::int32_t> own = rows.row(row);
        return std::vector<std::int32_t>(own.begin(), own.end());
      };
      history_.push_back(of_user(set.input));
      if (set.sequence.rows() != 0) {
        sequence_.push_back(of_user(set.sequence));
      }
      taken_.emplace_back(set.target.row(row).size(), char{0});
      active_.push_back(row - first);
    }
  }

  void Roll(const core::Recommender& recommender, std::vector<float>& buffer) {
    for (std::int64_t step = 0; step < options_.steps; ++step) {
      std::erase_if(active_, [&](std::int64_t user) {
        return gains_[static_cast<std::size_t>(user)].size() == rated_.set.target.row(first_ + user).size();
      });
      if (active_.empty()) {
        return;
      }
      const auto size = static_cast<std::int64_t>(active_.size());
      Score(recommender, {buffer.data(), size, recommender.NumItems()});
      const base::MatrixView<const float> scores{buffer.data(), size, recommender.NumItems()};
      base::ParallelFor(0, size, kUsersPerChunk, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t at = begin; at < end; ++at) {
          Take(active_[static_cast<std::size_t>(at)], scores.row(at));
        }
      });
    }
  }

  void Write(std::span<const RolledMeasure> measures, std::vector<double>& values) const {
    for (std::size_t user = 0; user < gains_.size(); ++user) {
      const std::int64_t row = first_ + static_cast<std::int64_t>(user);
      Measure(gains_[user], CountLiked(LikedOf(rated_, row)), measures,
              values.data() + static_cast<std::size_t>(row) * measures.size());
    }
  }

 private:
  void Score(const core::Recommender& recommender, base::MatrixView<float> out) const {
    const data::EvalSet& set = rated_.set;
    data::Csr history;
    data::Csr sequence;
    std::vector<std::int32_t> train_rows;
    std::vector<std::int32_t> contexts;
    for (const std::int64_t user : active_) {
      const auto row = static_cast<std::size_t>(first_ + user);
      history.AddRow(history_[static_cast<std::size_t>(user)]);
      if (!sequence_.empty()) {
        sequence.AddRow(sequence_[static_cast<std::size_t>(user)]);
      }
      if (!set.train_rows.empty()) {
        train_rows.push_back(set.train_rows[row]);
      }
      if (!set.contexts.empty()) {
        contexts.push_back(set.contexts[row]);
      }
    }
    core::UserBatch users{.history = history.view()};
    if (!sequence_.empty()) {
      users.sequence = sequence.view();
    }
    users.rows = train_rows;
    users.contexts = contexts;
    recommender.ScoreBatch(users, out);
  }

  // The best item left; liked, it is the newest event of the user.
  void Take(std::int64_t user, std::span<const float> scores) {
    const std::span<const std::int32_t> offered = rated_.set.target.row(first_ + user);
    const std::span<const char> liked = LikedOf(rated_, first_ + user);
    std::vector<char>& taken = taken_[static_cast<std::size_t>(user)];
    const std::size_t place = Best(offered, liked, taken, options_.ties,
                                   [&](std::int32_t item) { return scores[static_cast<std::size_t>(item)]; });
    taken[place] = 1;
    gains_[static_cast<std::size_t>(user)].push_back(liked[place] != 0 ? 1.0 : 0.0);
    if (liked[place] != 0) {
      std::vector<std::int32_t>& history = history_[static_cast<std::size_t>(user)];
      std::erase(history, offered[place]);  // an item stands where it comes last
      history.push_back(offered[place]);
      if (!sequence_.empty()) {
        sequence_[static_cast<std::size_t>(user)].push_back(offered[place]);
      }
    }
  }

  const RatedItems& rated_;
  const RollOptions& options_;
  const std::int64_t first_;
  std::vector<std::vector<std::int32_t>> history_;   // [users of the block]
  std::vector<std::vector<std::int32_t>> sequence_;  // likewise, or empty
  std::vector<std::vector<char>> taken_;             // [users][offered]
  std::vector<std::vector<double>> gains_;           // [users][steps so far]
  std::vector<std::int64_t> active_;                 // users with items left
};

// [users, measures] of orders that no step changes. gains(row): of the row's items in their order.
template <class Gains>
std::vector<double> OfFixedOrders(const RatedItems& rated, const RollOptions& options, const Gains& gains) {
  const std::vector<RolledMeasure> measures = RolledMeasures(options.steps);
  std::vector<double> values(static_cast<std::size_t>(rated.set.rows()) * measures.size());
  for (std::int64_t row = 0; row < rated.set.rows(); ++row) {
    Measure(gains(row), CountLiked(LikedOf(rated, row)), measures,
            values.data() + static_cast<std::size_t>(row) * measures.size());
  }
  return values;
}

}  // namespace

std::vector<RolledMeasure> RolledMeasures(std::int64_t steps) {
  std::vector<std::int64_t> cutoffs = {5, 10, steps};
  std::erase_if(cutoffs, [steps](std::int64_t k) { return k > steps; });
  std::sort(cutoffs.begin(), cutoffs.end());
  cutoffs.erase(std::unique(cutoffs.begin(), cutoffs.end()), cutoffs.end());
  std::vector<RolledMeasure> measures;
  for (const bool is_ndcg : {false, true}) {
    for (const std::int64_t k : cutoffs) {
      measures.push_back({is_ndcg, k, (is_ndcg ? "ndcg@" : "precision@") + std::to_string(k)});
    }
  }
  return measures;
}

std::vector<double> RollModel(const core::Recommender& recommender, const RatedItems& rated, const RollOptions& options,
                              const base::StopFlag* stop) {
  RECFORCE_CHECK(rated.liked.size() == rated.set.target.items.size(), "a verdict on each item offered");
  const std::vector<RolledMeasure> measures = RolledMeasures(options.steps);
  const std::int64_t users = rated.set.rows();
  const std::int64_t largest = std::min(options.batch_size, users);
  std::vector<double> values(static_cast<std::size_t>(users) * measures.size());
  std::vector<float> buffer(static_cast<std::size_t>(largest * recommender.NumItems()));
  for (std::int64_t first = 0; first < users; first += largest) {
    if (stop != nullptr) {
      stop->ThrowIfSet();
    }
    Block block(rated, options, first, std::min(first + largest, users));
    block.Roll(recommender, buffer);
    block.Write(measures, values);
  }
  return values;
}

std::vector<double> RollScores(std::span<const double> scores, const RatedItems& rated, const RollOptions& options) {
  return OfFixedOrders(rated, options, [&](std::int64_t row) {
    const std::span<const std::int32_t> offered = rated.set.target.row(row);
    const std::span<const char> liked = LikedOf(rated, row);
    std::vector<std::size_t> order(offered.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const bool liked_first = options.ties == core::Ties::kRelevantFirst;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const double of_a = scores[static_cast<std::size_t>(offered[a])];
      const double of_b = scores[static_cast<std::size_t>(offered[b])];
      return of_a != of_b ? of_a > of_b : liked[a] != liked[b] && (liked[a] != 0) == liked_first;
    });
    std::vector<double> gains;
    for (const std::size_t place : order) {
      gains.push_back(liked[place] != 0 ? 1.0 : 0.0);
    }
    return gains;
  });
}

std::vector<double> RollAtRandom(const RatedItems& rated, const RollOptions& options) {
  return OfFixedOrders(rated, options, [&](std::int64_t row) {
    const std::span<const char> liked = LikedOf(rated, row);
    const double chance = static_cast<double>(CountLiked(liked)) / static_cast<double>(liked.size());
    return std::vector<double>(liked.size(), chance);
  });
}

std::vector<double> RollOracle(const RatedItems& rated, const RollOptions& options) {
  return OfFixedOrders(rated, options, [&](std::int64_t row) {
    const std::span<const char> liked = LikedOf(rated, row);
    std::vector<double> gains(liked.size(), 0.0);
    std::fill_n(gains.begin(), CountLiked(liked), 1.0);
    return gains;
  });
}

Summary SummarizeRolled(std::span<const double> values, const RatedItems& rated, const RollOptions& options,
                        std::size_t measure, std::int64_t least) {
  const std::size_t width = RolledMeasures(options.steps).size();
  std::vector<double> column;
  for (std::int64_t row = 0; row < rated.set.rows(); ++row) {
    if (static_cast<std::int64_t>(rated.set.target.row(row).size()) >= least) {
      column.push_back(values[static_cast<std::size_t>(row) * width + measure]);
    }
  }
  return Summarize(column);
}

}  // namespace recforce::eval
