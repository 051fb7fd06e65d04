// SPDX-License-Identifier: Apache-2.0
#include "eval/ranking.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "recforce/base/error.h"

namespace recforce::eval {
namespace {

constexpr std::uint8_t kMasked = 1;
constexpr std::uint8_t kTarget = 2;

// NaN is below every number and equal to itself.
float Comparable(float score) { return std::isnan(score) ? -std::numeric_limits<float>::infinity() : score; }

// Above so many targets a search of each score among them is quicker than a pass over all scores for each.
constexpr std::size_t kFewTargets = 32;

// Two for each score above the target's, one for each that is equal.
std::int64_t HalfPairsLost(std::span<const float> scores, float target) {
  std::int32_t lost = 0;  // a catalogue has fewer than 2^30 items
  for (const float score : scores) {
    lost += static_cast<std::int32_t>(score > target) + static_cast<std::int32_t>(score >= target);
  }
  return lost;
}

void Mark(std::vector<std::uint8_t>& marks, std::span<const std::int32_t> items, std::uint8_t bit) {
  for (const std::int32_t item : items) {
    RECFORCE_CHECK(item >= 0 && static_cast<std::size_t>(item) < marks.size(), "an item outside the catalogue");
    marks[static_cast<std::size_t>(item)] |= bit;
  }
}

void Unmark(std::vector<std::uint8_t>& marks, std::span<const std::int32_t> items) {
  for (const std::int32_t item : items) {
    marks[static_cast<std::size_t>(item)] = 0;
  }
}

}  // namespace

Ranker::Ranker(std::int64_t num_items, core::Ties ties)
    : top_(num_items), ties_(ties), marks_(static_cast<std::size_t>(num_items), 0) {}

std::span<const std::int32_t> Ranker::Rank(const Question& question, std::int64_t depth) {
  hits_.clear();
  if (!question.candidates.empty()) {
    return RankCandidates(question, depth);
  }
  const std::span<const std::int32_t> ranking =
      top_.Select(question.scores, depth, question.masked, ties_, question.targets);
  for (std::size_t rank = 0; rank < ranking.size(); ++rank) {
    if (top_.IsRelevant(ranking[rank])) {
      hits_.push_back(static_cast<std::int32_t>(rank));
    }
  }
  return ranking;
}

std::span<const std::int32_t> Ranker::RankCandidates(const Question& question, std::int64_t depth) {
  Mark(marks_, question.masked, kMasked);
  Mark(marks_, question.targets, kTarget);
  entries_.clear();
  for (const std::int32_t item : question.candidates) {
    const std::uint8_t mark = marks_[static_cast<std::size_t>(item)];
    if ((mark & kMasked) == 0) {
      const float score = Comparable(question.scores[static_cast<std::size_t>(item)]);
      entries_.push_back({score, item, (mark & kTarget) != 0});
    }
  }
  Unmark(marks_, question.masked);
  Unmark(marks_, question.targets);
  const bool target_first = ties_ == core::Ties::kRelevantFirst;
  const std::size_t kept = std::min(entries_.size(), static_cast<std::size_t>(depth));
  const auto end = entries_.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(entries_.begin(), end, entries_.end(), [target_first](const Entry& a, const Entry& b) {
    if (a.score != b.score) {
      return a.score > b.score;
    }
    return a.is_target != b.is_target ? a.is_target == target_first : a.item < b.item;
  });
  ranking_.clear();
  for (std::size_t rank = 0; rank < kept; ++rank) {
    ranking_.push_back(entries_[rank].item);
    if (entries_[rank].is_target) {
      hits_.push_back(static_cast<std::int32_t>(rank));
    }
  }
  return ranking_;
}

double Ranker::Auc(const Question& question) {
  target_scores_.clear();
  for (const std::int32_t item : question.targets) {
    target_scores_.push_back(Comparable(question.scores[static_cast<std::size_t>(item)]));
  }
  std::sort(target_scores_.begin(), target_scores_.end());
  Mark(marks_, question.masked, kMasked);
  Mark(marks_, question.targets, kTarget);
  const bool compares_rows = question.candidates.empty() && target_scores_.size() <= kFewTargets &&
                             target_scores_.front() > -std::numeric_limits<float>::infinity();
  const Losses losses = compares_rows ? CompareRows(question) : CompareItems(question);
  Unmark(marks_, question.masked);
  Unmark(marks_, question.targets);
  if (losses.others == 0) {
    return 1.0;
  }
  const double pairs = static_cast<double>(losses.others) * static_cast<double>(target_scores_.size());
  return 1.0 - static_cast<double>(losses.half_pairs) / (2.0 * pairs);
}

Ranker::Losses Ranker::CompareItems(const Question& question) const {
  Losses losses;
  const auto meet = [&](std::size_t item) {
    if (marks_[item] == 0) {
      const auto [first, last] =
          std::equal_range(target_scores_.begin(), target_scores_.end(), Comparable(question.scores[item]));
      ++losses.others;
      losses.half_pairs += 2 * (first - target_scores_.begin()) + (last - first);
    }
  };
  if (question.candidates.empty()) {
    for (std::size_t item = 0; item < question.scores.size(); ++item) {
      meet(item);
    }
  } else {
    for (const std::int32_t item : question.candidates) {
      meet(static_cast<std::size_t>(item));
    }
  }
  return losses;
}

// The same for few targets: one vectorised pass over all scores for each, less what does not count. NaN loses every
// comparison, as it should, because no target is that low.
Ranker::Losses Ranker::CompareRows(const Question& question) {
  Losses losses;
  losses.others = static_cast<std::int64_t>(question.scores.size());
  for (const float target : target_scores_) {
    losses.half_pairs += HalfPairsLost(question.scores, target);
  }
  const auto take_out = [&](std::int32_t item) {
    std::uint8_t& mark = marks_[static_cast<std::size_t>(item)];
    if (mark != 0) {
      mark = 0;
      --losses.others;
      for (const float target : target_scores_) {
        losses.half_pairs -= HalfPairsLost(question.scores.subspan(static_cast<std::size_t>(item), 1), target);
      }
    }
  };
  std::for_each(question.masked.begin(), question.masked.end(), take_out);
  std::for_each(question.targets.begin(), question.targets.end(), take_out);
  return losses;
}

}  // namespace recforce::eval
