// SPDX-License-Identifier: Apache-2.0
// Partial selection: candidates are gathered until there are twice as many as wanted, then cut down to the best,
// whose last one sets the bar for the rest. Most of a row is rejected 16 scores at a time by comparing them with
// the bar, which compilers turn into vector code; whatever the order of a row, the work is linear in its length.
#include "recforce/core/topk.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "recforce/base/error.h"

namespace recforce::core {
namespace {

constexpr std::uint8_t kMasked = 1;
constexpr std::uint8_t kRelevant = 2;
constexpr std::size_t kBlock = 16;

// Whether a stands before b. NaN is below every number and equal to itself.
template <class Entry>
bool Before(const Entry& a, const Entry& b) {
  if (a.score > b.score) {
    return true;
  }
  if (!(a.score == b.score)) {
    const bool nan_a = std::isnan(a.score);
    const bool nan_b = std::isnan(b.score);
    if (!nan_a || !nan_b) {
      return nan_b;  // both numbers: a is smaller
    }
  }
  if (a.late != b.late) {
    return b.late;
  }
  return a.item < b.item;
}

// A later item can be selected only if !(score <= bar). Items come in index order, so an equal score is better
// than the worst kept entry only when that one is late; the bar then lies just below. NaN lets everything in.
template <class Entry>
float Bar(const Entry& worst) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  if (!worst.late) {
    return worst.score;
  }
  return worst.score == kLowest ? std::numeric_limits<float>::quiet_NaN() : std::nextafter(worst.score, kLowest);
}

bool AnyAbove(const float* scores, float bar) {
  unsigned any = 0;
  for (std::size_t lane = 0; lane < kBlock; ++lane) {
    any |= static_cast<unsigned>(!(scores[lane] <= bar));
  }
  return any != 0;
}

}  // namespace

TopK::TopK(std::int64_t num_items) : marks_(static_cast<std::size_t>(num_items), 0) {}

std::span<const std::int32_t> TopK::Select(std::span<const float> scores, std::int64_t k,
                                           std::span<const std::int32_t> masked, Ties ties,
                                           std::span<const std::int32_t> relevant) {
  RECFORCE_CHECK(scores.size() == marks_.size(), "the row has another number of items than TopK was made for");
  for (const std::int32_t item : touched_) {
    marks_[static_cast<std::size_t>(item)] = 0;
  }
  touched_.clear();
  const auto mark = [this](std::span<const std::int32_t> items, std::uint8_t bit) {
    for (const std::int32_t item : items) {
      RECFORCE_CHECK(item >= 0 && static_cast<std::size_t>(item) < marks_.size(), "an item outside the catalogue");
      marks_[static_cast<std::size_t>(item)] |= bit;
      touched_.push_back(item);
    }
  };
  mark(masked, kMasked);
  if (ties != Ties::kLowerIndexFirst) {
    mark(relevant, kRelevant);
  }

  candidates_.clear();
  result_.clear();
  if (k <= 0) {
    return result_;
  }
  const bool optimistic = ties == Ties::kRelevantFirst;
  const std::size_t size = scores.size();
  const std::size_t wanted = std::min(static_cast<std::size_t>(k), size);
  const std::size_t enough = 2 * wanted + kBlock;
  const auto before = [](const Entry& a, const Entry& b) { return Before(a, b); };
  float bar = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t start = 0; start < size; start += kBlock) {
    const std::size_t end = std::min(start + kBlock, size);
    if (end - start == kBlock && !AnyAbove(scores.data() + start, bar)) {
      continue;
    }
    for (std::size_t i = start; i < end; ++i) {
      if (!(scores[i] <= bar) && (marks_[i] & kMasked) == 0) {
        candidates_.push_back({scores[i], static_cast<std::int32_t>(i), ((marks_[i] & kRelevant) != 0) != optimistic});
      }
    }
    if (candidates_.size() >= enough) {
      const auto worst = candidates_.begin() + static_cast<std::ptrdiff_t>(wanted) - 1;
      std::nth_element(candidates_.begin(), worst, candidates_.end(), before);
      bar = Bar(*worst);
      candidates_.resize(wanted);
    }
  }
  const std::size_t found = std::min(wanted, candidates_.size());
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(found);
  std::partial_sort(candidates_.begin(), end, candidates_.end(), before);
  for (const Entry& kept : std::span(candidates_).first(found)) {
    result_.push_back(kept.item);
  }
  return result_;
}

}  // namespace recforce::core
