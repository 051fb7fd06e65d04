// SPDX-License-Identifier: Apache-2.0
// Partial selection by a bounded heap whose worst entry is on top. Once the heap is full, most of a row is
// rejected 16 scores at a time by one comparison with that entry, which compilers turn into vector code.
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
  if (a.relevant != b.relevant) {
    return b.relevant;
  }
  return a.item < b.item;
}

// A score can enter a full heap only if !(score <= bar). Items come in index order, so an equal score enters
// only before a relevant worst entry; the bar then lies just below. With NaN as the bar everything may enter.
template <class Entry>
float Bar(const Entry& worst) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  if (!worst.relevant) {
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
  if (ties == Ties::kRelevantLast) {
    mark(relevant, kRelevant);
  }

  heap_.clear();
  result_.clear();
  if (k <= 0) {
    return result_;
  }
  const std::size_t size = scores.size();
  const std::size_t room = std::min(static_cast<std::size_t>(k), size);
  const auto entry = [&](std::size_t i) {
    return Entry{scores[i], static_cast<std::int32_t>(i), (marks_[i] & kRelevant) != 0};
  };
  const auto before = [](const Entry& a, const Entry& b) { return Before(a, b); };

  std::size_t next = 0;
  for (; next < size && heap_.size() < room; ++next) {
    if ((marks_[next] & kMasked) == 0) {
      heap_.push_back(entry(next));
    }
  }
  std::make_heap(heap_.begin(), heap_.end(), before);
  while (next < size) {
    const std::size_t end = std::min(next + kBlock, size);
    if (end - next == kBlock && !AnyAbove(scores.data() + next, Bar(heap_.front()))) {
      next = end;
      continue;
    }
    for (; next < end; ++next) {
      const Entry candidate = entry(next);
      if ((marks_[next] & kMasked) == 0 && Before(candidate, heap_.front())) {
        std::pop_heap(heap_.begin(), heap_.end(), before);
        heap_.back() = candidate;
        std::push_heap(heap_.begin(), heap_.end(), before);
      }
    }
  }
  std::sort_heap(heap_.begin(), heap_.end(), before);
  for (const Entry& kept : heap_) {
    result_.push_back(kept.item);
  }
  return result_;
}

}  // namespace recforce::core
