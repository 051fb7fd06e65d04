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
  const float lowest = target_scores_.front();
  Mark(marks_, question.masked, kMasked);
  Mark(marks_, question.targets, kTarget);
  std::int64_t others = 0;
  std::int64_t lost_halves = 0;  // half pairs that targets lose
  const auto meet = [&](std::size_t item) {
    if (marks_[item] != 0) {
      return;
    }
    ++others;
    const float score = Comparable(question.scores[item]);
    if (score < lowest) {
      return;  // most items are below every target of a good model
    }
    const auto [first, last] = std::equal_range(target_scores_.begin(), target_scores_.end(), score);
    lost_halves += 2 * (first - target_scores_.begin()) + (last - first);
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
  Unmark(marks_, question.masked);
  Unmark(marks_, question.targets);
  if (others == 0) {
    return 1.0;
  }
  const double pairs = static_cast<double>(others) * static_cast<double>(target_scores_.size());
  return 1.0 - static_cast<double>(lost_halves) / (2.0 * pairs);
}

}  // namespace recforce::eval
